"""Which records are evidence for which controls."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.rules.controls import ControlRef, Controls, ControlsError, read_framework, reasons_of
from bot.rules.controls.vocabulary import KINDS, VOCABULARY
from storage.ledger.record import RecordKind

#: Every control that the project set out to give evidence for.
WANTED = {
    "OWASP NHI Top 10 2025": "NHI1 NHI3 NHI5 NHI7 NHI9 NHI10",
    "NIST CSF 2.0": "GV.RR-02 GV.SC-07 ID.AM-04 PR.AA-01 PR.AA-05",
    "NIST AI RMF 1.0": "GOVERN1.6 GOVERN1.7 GOVERN2.1 GOVERN2.3 GOVERN6.1 GOVERN6.2",
    "ISO/IEC 27001:2022": "A.5.2 A.5.9 A.5.15 A.5.16 A.5.17 A.5.18 A.5.19 A.5.20 A.5.21 A.5.22 A.5.23 A.5.28 A.5.33 "
    "A.8.2 A.8.15",
    "SOC 2": "CC1.5 CC6.1 CC6.2 CC6.3 CC9.2",
    "PCI DSS 4.0.1": "7.2.5 7.2.5.1 8.6.1 8.6.2 8.6.3 10.3.2 10.3.4",
    "DORA": "9(4)(c) 28(3)",
}
SMALL = """
key: house-rules
name: House rules
title: Rules of the house
url: https://example.com/rules
controls:
  - id: R1
    title: Every decision is kept
    evidence:
      - kinds: decision
        because: A decision was kept.
"""


@pytest.fixture(scope="module")
def controls() -> Controls:
    return Controls.load()


def ids(found: tuple[ControlRef, ...], framework: str) -> set[str]:
    return {one.id for one in found if one.framework == framework}


def test_exactly_the_wanted_controls_are_there(controls: Controls) -> None:
    there = {one.name: " ".join(control.id.replace(" ", "") for control in one.controls) for one in controls.frameworks}
    assert there == WANTED


def test_every_kind_of_record_is_evidence_or_is_said_not_to_be(controls: Controls) -> None:
    for framework in controls.frameworks:
        assert framework.mapped_kinds - {"checkpoint"} | framework.nothing.keys() == KINDS.keys(), framework.name


def test_the_vocabulary_knows_every_kind() -> None:
    assert VOCABULARY.keys() == set(RecordKind)


def test_nothing_claims_compliance(controls: Controls) -> None:
    said = [
        text
        for framework in controls.frameworks
        for control in framework.controls
        for text in (control.title, *(one.because for one in control.evidence), *framework.nothing.values())
    ]
    assert not [one for one in said if re.search(r"compl(y|ies|iant|iance)|satisf|fulfil", one, re.IGNORECASE)]


def test_a_decision_about_a_leavers_token(controls: Controls) -> None:
    found = controls.of(RecordKind.DECISION, ["attest", "owner_left"])
    assert ids(found, "OWASP NHI Top 10 2025") == {"NHI1", "NHI5"}
    assert "CC6.2" in ids(found, "SOC 2")
    assert len({(one.framework, one.id) for one in found}) == len(found), "a control is named once"


def test_the_first_mapping_that_fits_says_why(controls: Controls) -> None:
    decided = controls.of(RecordKind.DECISION, ["revoke", "owner_left"])
    why = next(one.because for one in decided if one.id == "NHI1")
    assert why == "An accountable person decided that a token should go."


def test_details_decide(controls: Controls) -> None:
    begun = controls.of(RecordKind.DEFAULT_ACTION, ["no_response"], {"action": "open_revocation", "asked": 3})
    nothing = controls.of(RecordKind.DEFAULT_ACTION, ["no_response"], {"action": "none", "asked": 3})
    assert "NHI1" in ids(begun, "OWASP NHI Top 10 2025")
    assert "NHI1" not in ids(nothing, "OWASP NHI Top 10 2025")


def test_an_ai_systems_token_only_where_the_record_says_so(controls: Controls) -> None:
    unknown = controls.of(RecordKind.DECISION, ["revoke"], {}, {"id": 7})
    known = controls.of(RecordKind.DECISION, ["revoke"], {}, {"id": 7, "holder": "ai_system"})
    assert ids(unknown, "NIST AI RMF 1.0") == set()
    assert ids(known, "NIST AI RMF 1.0") == {"GOVERN 1.7", "GOVERN 2.3"}


def test_truth_is_a_word_in_records_and_in_files(controls: Controls) -> None:
    shared = controls.of(RecordKind.DECISION, ["attest"], {}, {"shared": True})
    assert "NHI9" in ids(shared, "OWASP NHI Top 10 2025")
    assert "NHI9" not in ids(controls.of(RecordKind.DECISION, ["attest"], {}, {"shared": 1}), "OWASP NHI Top 10 2025")


def test_checkpoints_are_evidence_that_the_log_is_guarded(controls: Controls) -> None:
    assert [str(one) for one in controls.of_checkpoint()] == [
        "ISO/IEC 27001:2022 A.5.28",
        "ISO/IEC 27001:2022 A.5.33",
        "ISO/IEC 27001:2022 A.8.15",
        "PCI DSS 4.0.1 10.3.2",
        "PCI DSS 4.0.1 10.3.4",
    ]


def test_equal_answers_are_one_object(controls: Controls) -> None:
    one = controls.of(RecordKind.DECISION, ["attest", "expiring", "made up"], {"x": [1]})
    other = controls.of(RecordKind.DECISION, ["expiring", "attest"])
    assert one == other
    assert one is other


def test_what_a_record_should_not_hold_is_passed_over(controls: Controls) -> None:
    fields = {"reason": ["x"], "details": {"reasons": [{}, 7, "expiring"], "action": {}}, "token": ["no"]}
    assert reasons_of(fields) == ("expiring",)
    for kind in RecordKind:
        controls.of_record(kind, fields)
        controls.of_record(kind, {"details": "no", "token": {"holder": ["ai_system"], "shared": {}}})


# ------------------------------------------------------------------ files


def test_a_new_framework_is_a_new_file(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "bot" / "rules" / "controls"
    for file in shipped.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "house-rules.yaml").write_text(SMALL, "utf-8")
    controls = Controls.load(tmp_path)
    assert len(controls.frameworks) == len(WANTED) + 1
    assert ids(controls.of(RecordKind.DECISION, ["attest"]), "House rules") == {"R1"}
    assert ids(controls.of(RecordKind.ASKED, ["reminder"]), "House rules") == set()


@pytest.mark.parametrize(
    ("wrong", "line", "said"),
    [
        (("kinds: decision", "kinds: decisions"), 10, "there is no kind of record 'decisions'. Did you mean decision?"),
        (("kinds: decision", "kinds: decision\n        reasons: owner_lost"), 10, "no decision has the reason"),
        (("kinds: decision", "kinds: person_left\n        reasons: owner_left"), 10, "no person_left has the reason"),
        (("kinds: decision", "kinds: default_action\n        details: {acton: none}"), 10, "says 'acton'"),
        (("kinds: decision", "kinds: default_action\n        details: {action: nothing}"), 10, "is never 'nothing'"),
        (("kinds: decision", "kinds: decision\n        token: {holder: robot}"), 10, "is never 'robot'"),
        (("kinds: decision", "kinds: [checkpoint, decision]"), 10, "a checkpoint stands alone"),
        (("because: A decision was kept.", "why: A decision was kept."), 11, "extra inputs are not permitted"),
        (("id: R1", "name: R1"), 7, "extra inputs are not permitted"),
        (("key: house-rules", "key: House rules"), 2, "a key is lower case letters"),
        (("because: A decision was kept.", 'because: "one\\ntwo"'), 11, "one line of text"),
        (("controls:", "nothing: {decision: no}\ncontrols:"), 0, "decision is evidence for a control"),
        (("controls:", "nothing: {decided: no}\ncontrols:"), 0, "there is no kind of record 'decided'"),
    ],
)
def test_a_mistake_is_told_with_its_place(wrong: tuple[str, str], line: int, said: str) -> None:
    with pytest.raises(ControlsError) as told:
        read_framework(SMALL.replace(*wrong), "house-rules.yaml")
    place = f"house-rules.yaml, line {line}, " if line else "house-rules.yaml, the whole file: "
    assert place in str(told.value)
    assert said in str(told.value)


def test_yaml_that_is_none_is_told_with_its_place() -> None:
    with pytest.raises(ControlsError, match=r"x\.yaml, line 1, column"):
        read_framework("a: [b", "x.yaml")
    with pytest.raises(ControlsError, match=r"x\.yaml"):
        read_framework("", "x.yaml")


def test_two_files_are_not_one_framework(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(SMALL, "utf-8")
    with pytest.raises(ControlsError, match=r"b\.yaml, key: another file has the key or the name of House rules"):
        Controls.load(tmp_path)


def test_a_control_stands_in_a_file_once() -> None:
    twice = SMALL + SMALL.split("controls:\n")[1]
    with pytest.raises(ControlsError, match="the control R1 is there twice"):
        read_framework(twice, "house-rules.yaml")
