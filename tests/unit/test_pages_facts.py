"""What the pages are made of: askings beside answers, offices out of records, tokens in the order that matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.operations.export_ledger.report_stories import FIRST, LAST, Token, tell
from bot.operations.export_ledger.report_survey import survey
from bot.rules.controls import Controls
from messages.cards.facts import HistoryLine, ProvenRecord
from messages.pages.asked import asked_and_answered, briefly
from messages.pages.who_page import proof_rows
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANA, BEN = "p_ana", "p_ben"
K = RecordKind


def line(number: int, kind: str, subject: str = "", actor: str = "", outcome: str = "", **more: Any) -> HistoryLine:
    said: dict[str, Any] = {"role": "", "request": 1} | more
    return HistoryLine(number, T0 + number * HOUR, kind, actor, outcome=outcome, subject=subject, **said)


def record(seq: int, kind: RecordKind, token_id: int | None = 1, **fields: Any) -> StoredRecord:
    return StoredRecord(0, seq, b"", kind, token_id, seq, 1, T0 + seq * HOUR, b"", fields, {})


def test_each_asking_stands_beside_what_first_came_of_it() -> None:
    rows = asked_and_answered(
        [
            line(1, "asked", "Ana", outcome="owner"),
            line(2, "asked", "Eve", outcome="owner", request=2),
            line(3, "no_response", "Ana", outcome="owner"),
            line(4, "asked", "Ana", outcome="owner"),
            line(5, "asked", "Ben", outcome="manager"),
            line(6, "refused", actor="Max", outcome="revoke"),
            line(7, "decision", actor="Ben", role="manager", outcome="revoke"),
            line(8, "no_response", outcome="work"),
            line(9, "asked", "Ana", outcome="owner"),
        ]
    )
    assert [(row.who, row.answer, row.answered_seq, row.silent) for row in rows] == [
        ("Ana", "no answer came.", 3, True),
        ("Eve", "still open.", None, False),
        ("Ana", "Ben (manager) decided to revoke it.", 7, False),
        ("Ben", "decided to revoke it.", 7, False),
        ("Ana", "still open.", None, False),
    ]
    assert briefly(rows[:2]) == "Ana was asked: no answer came. Eve was asked: still open."
    assert briefly(rows[::2][:2]) == "Ana was asked twice: Ben (manager) decided to revoke it."


def test_a_request_that_ended_by_itself_says_how() -> None:
    asked = line(1, "asked", "Ana")
    for kind, outcome, said in (
        ("request_withdrawn", "", "no longer needed."),
        ("default_action", "open_revocation", "the policy asked for it to be revoked."),
        ("default_action", "none", "nobody answered by the end."),
    ):
        assert asked_and_answered([asked, line(2, kind, outcome=outcome)])[0].answer == said


def test_records_with_the_same_bounds_are_one_row() -> None:
    signed = [ProvenRecord(0, seq, T0, 9, T0) for seq in (3, 5, 8)]
    dated = ProvenRecord(0, 9, T0, 12, T0, "tsa", "https://tsa.example", T0)
    rows = proof_rows([*signed, dated, ProvenRecord(1, 0, T0)])
    assert [row.records for row in rows] == ["records 3 to 8", "record 9", "record 0 of epoch 1"]


def test_offices_follow_from_what_the_records_say() -> None:
    token = Token(1)
    before: dict[str, Any] = {"before": {"service_owner": ANA, "backup_owner": BEN}}
    token.take(record(1, K.REQUEST_OPENED, accountable=before))
    token.take(record(2, K.ASKED, accountable=before))
    changed: dict[str, Any] = {"before": {"service_owner": ANA}, "after": {"service_owner": BEN}}
    token.take(record(3, K.OWNERSHIP_CHANGED, accountable=changed))
    token.take(record(4, K.OWNERSHIP_CHANGED, accountable={"before": {"backup_owner": BEN}, "after": {}}))
    assert [(one.role, one.name, one.since, one.until) for one in token.intervals()] == [
        ("backup_owner", BEN, T0 + HOUR, T0 + 4 * HOUR),
        ("service_owner", ANA, T0 + HOUR, T0 + 3 * HOUR),
        ("service_owner", BEN, T0 + 3 * HOUR, None),
    ]
    assert token.holders() == {"service_owner": BEN}


def told(*kinds: tuple[RecordKind, dict[str, Any]]) -> list[str]:
    found = survey([record(seq, kind, **fields) for seq, (kind, fields) in enumerate(kinds)], Controls([]))
    return found.stands_out(1)


OWNED: dict[str, Any] = {"accountable": {"before": {"service_owner": ANA}}}
SILENT = (K.NO_RESPONSE, {**OWNED, "details": {"ref": ANA}})
ATTESTED = (K.DECISION, {**OWNED, "reason": "attest"})


def test_what_stands_out_is_what_is_still_so() -> None:
    opened = (K.REQUEST_OPENED, OWNED)
    assert told(opened, SILENT) == ["silence", "asked"]
    assert told(opened, SILENT, ATTESTED) == ["asked"]
    assert told((K.REQUEST_OPENED, {})) == ["ownerless", "asked"]
    worked = (K.REMEDIATION_RESULT, {"reason": "revoke", "details": {"result": "accepted_unverified"}})
    failed = (K.REMEDIATION_RESULT, {"reason": "revoke", "details": {"result": "failed"}})
    begun = (K.REMEDIATION_OPENED, {"reason": "revoke"})
    revoked = (K.DECISION, {**OWNED, "reason": "revoke"})
    assert told(revoked, begun) == ["work_open", "revoked"]
    assert told(revoked, begun, failed) == ["work_failed", "work_open", "revoked"]
    assert told(revoked, begun, failed, worked) == ["revoked"]
    assert told(revoked, begun, (K.REMEDIATION_AGREED, {"reason": "approve"})) == ["work_open", "revoked"]
    assert told(revoked, begun, (K.REMEDIATION_AGREED, {"reason": "call_off"})) == []
    assert told((K.TOKEN_DISCOVERED, {"reason": "vanished"})) == ["vanished"]
    assert told((K.NO_RESPONSE, {"details": {"remediation": "open"}})) == []


def test_the_tokens_that_stand_out_most_come_first_and_are_told() -> None:
    records = [
        record(0, K.DECISION, 1, reason="attest", **OWNED),
        record(1, K.REFUSED, 2, **OWNED),
        record(2, K.NO_RESPONSE, 3, details={"ref": ANA}),
        record(3, K.DECISION, 4, reason="attest", **OWNED),
        record(4, K.DECISION, 4, reason="attest", **OWNED),
    ]
    found = survey(records, Controls([]))
    assert found.foremost(3) == [3, 2, 4]
    stories = tell(records, found.foremost(2), {})
    assert [one.token_id for one in stories.tokens] == [3, 2]
    assert stories.refs == {ANA}


def test_of_a_token_with_many_records_the_first_and_the_last_are_told() -> None:
    records: Sequence[StoredRecord] = [record(seq, K.DECISION, reason="attest") for seq in range(1_000)]
    [token] = tell(records, [1], {}).tokens
    assert [one.seq for one in token.records] == [*range(FIRST), *range(1_000 - LAST, 1_000)]
    assert token.left_out == 1_000 - FIRST - LAST
