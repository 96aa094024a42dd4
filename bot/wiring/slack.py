"""Slack, joined to the operations: what sends and reads there, and what answers it."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from bot.operations.carrying_out.turn import carry_out
from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.context import Context
from bot.operations.deliver import DeliveryReport, deliver
from bot.operations.discovery import DiscoveryReport, discover_due
from bot.operations.emergency.looking_after import look_after_grants
from bot.operations.follow_leavers import sync_and_follow
from bot.operations.lane_lease import LaneLease
from bot.operations.offboarding.running import carry_plans
from bot.operations.pace import Pacer
from bot.operations.ports import ChatPort, DirectoryPort
from bot.operations.record_decision import record_decision
from bot.operations.sweep import SweepReport, sweep
from bot.operations.sync_directory import SyncReport
from bot.slack.app import SlackEdge, SlackSettings
from bot.slack.desk import Services
from bot.slack.directory import SlackDirectory
from bot.slack.sender import SlackSender
from bot.wiring.installation import Installation
from bot.wiring.issuers import Issuers, issuers_of

SOON: Final = 2.0
"""Seconds that a delivery waits for its pace rather than for its next turn."""


class Worker:
    """What a worker does, one method a job; each may run at any time, again and beside the others.

    ``stopping`` is set when the process is told to end: no new message is begun then. ``delivered`` is told what each
    pass over the outbox did.
    """

    def __init__(
        self,
        ctx: Context,
        port: ChatPort,
        directory: DirectoryPort,
        pacer: Pacer | None,
        delivered: Callable[[DeliveryReport], None] = lambda _report: None,
        issuers: Issuers | None = None,
        looks: Issuers | None = None,
    ) -> None:
        self.ctx = ctx
        self.issuers = issuers
        # Connections of its own: a long look at what exists goes on beside removals, in another thread.
        self._looks = looks or issuers
        self.stopping = threading.Event()
        self._port = port
        self._directory = directory
        self._pacer = pacer
        self._delivered = delivered
        self._compose = composer(ctx)
        self._on_refused = refusal_handler(ctx)
        # An SQLite file has one such process anyway.
        self._lease = None if ctx.database.is_sqlite else LaneLease(_name())

    def sync_directory(self) -> SyncReport:
        """Who there is, and who has left; what was asked of them moves on."""
        return sync_and_follow(self.ctx, self._directory)

    def sweep(self) -> SweepReport:
        """Open requests for what is due."""
        return sweep(self.ctx)

    def climb(self) -> int:
        """Tell the next person where nobody answered."""
        return climb_ladder(self.ctx)

    def carry_out(self) -> int:
        """Go on with plans that end many tokens, and with removals and rotations at the issuing systems."""
        carry_plans(self.ctx, stopping=self.stopping.is_set)
        if self.issuers is None:
            return 0
        return carry_out(self.ctx, self.issuers, self.issuers, stopping=self.stopping.is_set)

    def look_after_emergencies(self) -> int:
        """End emergency access whose time is over, and have it looked at afterwards."""
        return look_after_grants(self.ctx)

    def discover(self) -> DiscoveryReport:
        """Look at what exists at every issuing system that can be listed and was not looked at within the hour."""
        if self._looks is None:
            return DiscoveryReport()
        return discover_due(self.ctx, self._looks, stopping=self.stopping.is_set)

    def deliver(self) -> DeliveryReport:
        """Send what is due, at the pace that the platform allows, until nothing can move for a while."""
        while True:
            report = deliver(
                self.ctx,
                self._port,
                self._compose,
                on_refused=self._on_refused,
                pacer=self._pacer,
                lease=self._lease,
                stop=self.stopping.is_set,
            )
            self._delivered(report)
            if report.wait is None or report.wait > SOON or self.stopping.wait(report.wait):
                return report

    def release(self) -> None:
        """Let another process deliver soon. To be called once nothing runs any more."""
        if self._lease is not None:
            self._lease.release(self.ctx)


def _name() -> str:
    """Names this process among all that share a database."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def slack_worker(
    installation: Installation,
    *,
    paced: bool = True,
    delivered: Callable[[DeliveryReport], None] = lambda _report: None,
) -> Worker:
    """A worker for the Slack workspace of the settings.

    Args:
        paced: keep to Slack's rates; False only where no one limits them.
        delivered: told what each pass over the outbox did.

    Raises:
        SettingsError: no bot token is set.
        UpstreamError: Slack does not say which workspace it is.
    """
    settings = installation.settings
    token, ctx = settings.bot_token(), installation.context()
    sender = SlackSender(ctx.lane, token, settings.slack_api_url)
    directory = SlackDirectory(ctx.workspace, token, settings.slack_api_url)
    pacer = Pacer(time.monotonic) if paced else None
    looks = issuers_of(settings, installation.now)
    return Worker(ctx, sender, directory, pacer, delivered, installation.issuers, looks)


def slack_edge(installation: Installation, changed: Callable[[], None] = lambda: None) -> SlackEdge:
    """What answers Slack, over HTTP or over a socket.

    Args:
        changed: called after every decision, so that the messages about it follow soon; must not block.

    Raises:
        SettingsError: the bot token is not set, or neither the signing secret nor the app token is.
        UpstreamError: Slack does not say which workspace it is.
    """
    settings = installation.settings
    app_token = settings.slack_app_token.get_secret_value() if settings.slack_app_token else ""
    spoken = SlackSettings(
        bot_token=settings.bot_token(),
        signing_secret="" if app_token else settings.signing_secret(),
        app_token=app_token,
        api_url=settings.slack_api_url,
    )
    return SlackEdge(installation.context(), spoken, Services(decide=record_decision, changed=changed))
