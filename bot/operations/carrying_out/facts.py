"""What a card says of work that a connector carries out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.operations.carrying_out.agreeing import causes_of
from bot.operations.carrying_out.stages import grace
from bot.operations.case import Case
from bot.rules.issuing import Capabilities, Rotation
from bot.rules.remediation import Stage
from messages.cards.facts import WorkFacts
from storage.cases import RunRow
from storage.ledger.record import from_ms
from storage.remediation import OFFBOARDING
from storage.requests import DECISION


def work_facts(case: Case) -> WorkFacts | None:
    """The connector's part in the work; None: a person does it, or there is none."""
    run, task = case.run, case.task
    if run is None or task is None:
        return None
    connector = case.ctx.connectors.get(case.token.issuing_system)
    able = Capabilities() if connector is None else connector.able
    return WorkFacts(
        kind=task.kind,
        stage=run.stage,
        system=case.token.issuing_system,
        since=run.reached_at,
        goes_on_at=run.act_at,
        replaces=able.rotate is Rotation.CHOSEN,
        disables_first=able.disable,
        reversible=able.disable and able.reversible,
        causes=[*_causes(case, run)],
        requested_by=case.people.name_of(run.requested_by_id),
        reason=_reason(case) if run.stage == Stage.NOTIFIED.value else "",
        approved_by=case.people.name_of(run.approved_by_id),
        approved_at=run.approved_at,
        seen_at=_moment(run.seen.get("at")),
        seen_state=str(run.seen.get("state") or ""),
        last_used_at=_moment(run.seen.get("last_used_at")),
        tells_use=able.last_used,
        used_for=str(run.seen.get("used_for") or ""),
        consumers=case.token.consumers,
        fault=run.fault,
        fault_detail=run.fault_detail,
        old_id=run.old_id,
        new_id=run.new_id,
        grace_days=case.ctx.policy.remediation.grace,
        whole_plan=_plan(case, run),
    )


def give_back_days(case: Case) -> int:
    """For how many days a revoked token is only disabled, and can be given back; 0: it cannot."""
    rules = case.ctx.policy.remediation
    connector = case.ctx.connectors.get(case.token.issuing_system)
    if connector is None or not rules.act or not (connector.able.disable and connector.able.reversible):
        return 0
    return grace(case).days


def _causes(case: Case, run: RunRow) -> list[str]:
    causes = causes_of(case)
    return [*causes, "used"] if run.stage == Stage.NOTIFIED.value and run.fault == "used" else causes


def _reason(case: Case) -> str:
    """What was given as the reason when it was decided."""
    query = select(DECISION.c.justification).where(DECISION.c.request_id == case.request_id, DECISION.c.settles)
    return str(case.session.connection().scalar(query.order_by(DECISION.c.id.desc()).limit(1)) or "")


def _plan(case: Case, run: RunRow) -> str:
    if run.offboarding_id is None:
        return ""
    query = select(OFFBOARDING.c.subject).where(OFFBOARDING.c.id == run.offboarding_id)
    return str(case.session.connection().scalar(query) or "")


def _moment(kept: Any) -> datetime | None:
    return from_ms(kept) if isinstance(kept, int) else None
