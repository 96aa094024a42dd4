"""A request with its token, the work that it opened and the connector's part in it: plain values, changed by column.

Every click reads and changes them, which is why they are no objects of a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, bindparam, select, update
from sqlmodel import Session

from storage.database import table_of
from storage.inventory import TOKEN, VENDOR
from storage.prepared import Prepared, one_of
from storage.remediation import RUN
from storage.requests import REQUEST, RemediationTask

TASK = table_of(RemediationTask)


@dataclass(slots=True)
class RequestRow:
    """A row of :class:`storage.requests.AttestationRequest`, which says what the columns mean."""

    id: int
    token_id: int
    state: str
    version: int
    reasons: list[str]
    tier: str
    risk: int
    policy_hash: str
    opened_at: datetime
    due_at: datetime
    round: int
    step: int
    next_step_at: datetime | None
    waiting_on_id: int | None
    waiting_role: str
    handover_to_id: int | None
    handover_count: int
    snoozed_until: datetime | None
    snooze_count: int
    settled_at: datetime | None
    outcome: str


@dataclass(slots=True)
class TokenRow:
    """What a decision needs to know of a :class:`storage.inventory.Token`."""

    id: int
    issuing_system: str
    external_id: str
    display_name: str
    vendor_id: int | None
    environment: str
    secret_ref: str
    credential_type: str
    consumers: str
    scopes: str
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    rotation_method: str
    revocation_path: str
    tier: str
    tags: str
    """As in the table, ``,crm,eu,``."""

    @property
    def shown_name(self) -> str:
        """The name to show; the external id where there is none."""
        return self.display_name or self.external_id


@dataclass(slots=True)
class TaskRow:
    """A row of :class:`storage.requests.RemediationTask`."""

    id: int
    kind: str
    connector: str
    instructions: str
    assignee_id: int | None
    opened_at: datetime
    remind_at: datetime | None
    done_at: datetime | None
    done_by_id: int | None
    evidence: str
    result: str


@dataclass(slots=True)
class RunRow:
    """A row of :class:`storage.remediation.RemediationRun`."""

    task_id: int
    stage: str
    turn: int
    act_at: datetime | None
    attempts: int
    requested_by_id: int | None
    approved_by_id: int | None
    approved_at: datetime | None
    seen: dict[str, Any]
    reached_at: datetime
    halted_from: str
    fault: str
    fault_detail: str
    new_id: str
    old_id: str
    proof: str
    begun_at: datetime | None
    offboarding_id: int | None


class CaseRow(NamedTuple):
    """One request and what hangs on it."""

    request: RequestRow
    token: TokenRow
    task: TaskRow | None
    run: RunRow | None
    contract_ends_at: datetime | None
    """Of the vendor's contract, as :class:`storage.inventory.Vendor` has it."""


def read_case(session: Session, request_id: int) -> CaseRow | None:
    """One request; None: there is none."""
    found = read_cases(session, [request_id])
    return found[0] if found else None


def read_cases(session: Session, request_ids: Sequence[int]) -> list[CaseRow]:
    """Requests by id, in no particular order; those that do not exist are left out."""
    return [_case_row(row) for row in _CASES.all(session, ids=request_ids)]


def change(session: Session, table: Table, row_id: int, values: dict[str, Any]) -> None:
    """Set these columns of one row, named by its primary key."""
    names = (table.name, *values)
    if names not in _CHANGES:
        given: dict[str, Any] = {name: bindparam(name) for name in values}
        (key,) = table.primary_key.columns
        _CHANGES[names] = Prepared(update(table).where(key == bindparam("row_id")).values(given))
    _CHANGES[names].run(session, row_id=row_id, **values)


_CHANGES: dict[tuple[str, ...], Prepared] = {}
"""By table and columns: as many as there are places in the code that change something."""


def _columns(row: type[Any], table: Table, prefix: str) -> list[ColumnElement[Any]]:
    return [table.c[one.name].label(prefix + one.name) for one in fields(row)]


_REQUEST, _TOKEN, _TASK = len(fields(RequestRow)), len(fields(TokenRow)), len(fields(TaskRow))
_RUN_AT = _REQUEST + _TOKEN + _TASK
_CASES = Prepared(
    lambda sqlite: (
        select(
            *_columns(RequestRow, REQUEST, ""),
            *_columns(TokenRow, TOKEN, "token__"),
            *_columns(TaskRow, TASK, "task__"),
            *_columns(RunRow, RUN, "run__"),
            VENDOR.c.contract_ends_at,
        )
        .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
        .outerjoin(VENDOR, VENDOR.c.id == TOKEN.c.vendor_id)
        .outerjoin(TASK, TASK.c.request_id == REQUEST.c.id)
        .outerjoin(RUN, RUN.c.task_id == TASK.c.id)
        .where(one_of(REQUEST.c.id, "ids", sqlite=sqlite))
    )
)


def _case_row(row: Any) -> CaseRow:
    task, run = row[_REQUEST + _TOKEN : _RUN_AT], row[_RUN_AT:-1]
    return CaseRow(
        RequestRow(*row[:_REQUEST]),
        TokenRow(*row[_REQUEST : _REQUEST + _TOKEN]),
        None if task[0] is None else TaskRow(*task),
        None if run[0] is None else RunRow(*run),
        row[-1],
    )
