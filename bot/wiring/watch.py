"""The watchdog, joined: what it looks at, whom it tells, and the heartbeat that stops while something is amiss."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import httpx

from bot.anchors import names_of
from bot.operations.context import Context
from bot.operations.measure import Measures, measure
from bot.operations.watch import SETTLING, signs_of, tell_operators
from bot.rules.watchdog import JobState, Trouble, troubles
from bot.settings import Settings
from bot.wiring.ledger import ledger_key

logger = logging.getLogger(__name__)

_TIMEOUT = 10.0  # seconds


class Watchdog:
    """Looks after the work of one process and of the database that it works on.

    Args:
        jobs: how the clock's jobs are doing.
        watched: told what was found, each time.
        clock: seconds that only ever grow.

    Raises:
        SettingsError, LedgerKeyError: the ledger's key cannot be used.
    """

    def __init__(
        self,
        ctx: Context,
        settings: Settings,
        jobs: Callable[[], Sequence[JobState]],
        watched: Callable[[Sequence[Trouble]], None] = lambda _found: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ctx = ctx
        self._jobs = jobs
        self._watched = watched
        self._clock = clock
        self._started = clock()
        self._channel = settings.operators_channel or ctx.policy.channels.security
        self._anchors = names_of(settings.anchors)
        self._is_signed = ledger_key(settings) is not None
        self._heartbeat = settings.heartbeat_url.get_secret_value() if settings.heartbeat_url else ""

    def watch(self) -> Sequence[Trouble]:
        """One look. All is well: the heartbeat is called. Something is amiss: it is not, and operators are told."""
        found = troubles(signs_of(self._measure(), self._jobs(), is_signed=self._is_signed))
        self._watched(found)
        if not found:
            self._beat()
        elif self._clock() - self._started >= SETTLING.total_seconds():
            tell_operators(self._ctx, self._channel, found)
        return found

    def _measure(self) -> Measures:
        return measure(self._ctx.database, self._ctx.now(), self._anchors)

    def _beat(self) -> None:
        """Whoever waits for the call notices when it does not come, so that a failure here is only logged."""
        if not self._heartbeat:
            return
        try:
            answer = httpx.get(self._heartbeat, timeout=_TIMEOUT)
        except httpx.HTTPError as error:
            logger.warning("the heartbeat's address does not answer (%s)", type(error).__name__)
        else:
            if answer.is_error:
                logger.warning("the heartbeat's address answers with %s", answer.status_code)
