"""Every event is what the published OCSF schema says it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.operations.export_ledger.ocsf import Events
from bot.operations.export_ledger.words import read
from bot.rules.controls import Controls
from storage.ledger.record import RecordKind
from tests.contract.own_environment import python_with, run
from tests.golden.ledger_examples import example, hostile_example

#: The schema as its makers publish it, for JSON Schema; nothing in them is ours.
PACKAGES = ("ocsf-json-schema==1.2.0", "jsonschema==4.25.1")
VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

published = get_ocsf_schema("1.8.0")
schema = OcsfJsonSchemaEmbedded(published)
classes = {}
for number, line in enumerate(open(sys.argv[1], encoding="utf-8")):
    event = json.loads(line)
    name = schema.lookup_class_name_from_uid(event["class_uid"])
    if name not in classes:
        classes[name] = Draft202012Validator(schema.get_class_schema(name))
    for error in classes[name].iter_errors(event):
        print(number, name, list(error.absolute_path), error.message[:300])
    attributes = published["classes"][name]["attributes"]
    for key, value in event.items():
        captions = attributes.get(key, {}).get("enum", {})
        said = event.get(key.removesuffix("_id").removesuffix("_uid") + ("_name" if key in NAMED else ""))
        if str(value) in captions and value != 99 and said not in (None, captions[str(value)]["caption"]):
            print(number, name, key, value, "is not called", said)
""".replace("NAMED", repr(("activity_id", "category_uid", "class_uid", "type_uid")))


@pytest.fixture(scope="module")
def controls() -> Controls:
    return Controls.load()


def faults(config: pytest.Config, folder: Path, lines: list[bytes]) -> list[str]:
    file = folder / "records.ocsf.jsonl"
    file.write_bytes(b"".join(lines))
    return run(python_with(config, PACKAGES), VALIDATE, str(file))


def test_every_kind_of_record_makes_an_event_of_the_published_schema(
    pytestconfig: pytest.Config, tmp_path: Path, controls: Controls
) -> None:
    about, records = example()
    assert {record.kind for record in records} == set(RecordKind)
    events = Events(about, controls)
    assert faults(pytestconfig, tmp_path, [events.line(read(record)) for record in records]) == []


def test_hostile_records_make_events_of_the_published_schema(
    pytestconfig: pytest.Config, tmp_path: Path, controls: Controls
) -> None:
    about, records = hostile_example()
    events = Events(about, controls)
    assert faults(pytestconfig, tmp_path, [events.line(read(record)) for record in records]) == []


def test_the_check_would_notice(pytestconfig: pytest.Config, tmp_path: Path, controls: Controls) -> None:
    about, records = example()
    event = json.loads(Events(about, controls).line(read(records[0])))
    wrong: list[dict[str, Any]] = [
        {key: value for key, value in event.items() if key != "entity"},
        {**event, "made_up": 1},
        {**event, "severity_id": 77},
        {**event, "severity": "High"},
        {**event, "time": "now"},
    ]
    found = faults(pytestconfig, tmp_path, [json.dumps(one).encode() + b"\n" for one in wrong])
    assert {line.split()[0] for line in found} == {"0", "1", "2", "3", "4"}


def test_which_class_a_record_is(controls: Controls) -> None:
    about, records = example()
    events = Events(about, controls)
    said = [(record, json.loads(events.line(read(record)))) for record in records]
    assert len(said) == len(records)
    classes = {event["metadata"]["event_code"]: event["class_uid"] for _, event in said}
    assert classes["no_response"] == classes["default_action"] == classes["epoch_opened"] == 2003
    assert classes["decision"] == classes["ownership_changed"] == classes["handover_proposed"] == 3004
    ownerless, due = (event for record, event in said if record.kind is RecordKind.REQUEST_OPENED and not record.epoch)
    assert (ownerless["class_uid"], due["class_uid"]) == (2003, 3004)
    by_hand, confirmed, failed = (e for record, e in said if record.kind is RecordKind.REMEDIATION_RESULT)
    assert (by_hand["class_uid"], by_hand["status"]) == (3004, "Accepted, not verified")
    assert (confirmed["type_uid"], confirmed["status"], confirmed["api"]["operation"]) == (600303, "Success", "rotate")
    assert (failed["type_uid"], failed["status"], failed["severity"]) == (600304, "Failure", "Medium")


def test_a_finding_names_its_controls_and_claims_nothing(controls: Controls) -> None:
    about, records = example()
    events = Events(about, controls)
    findings = [json.loads(events.line(read(record))) for record in records]
    findings = [event for event in findings if event["class_uid"] == 2003]
    assert findings
    for event in findings:
        assert event["compliance"]["status"] == "Warning"
    silent = next(event for event in findings if event["metadata"]["event_code"] == "no_response")
    assert "SOC 2 CC1.5" in silent["compliance"]["requirements"]
    assert silent["compliance"]["standards"][0] == silent["compliance"]["control"].rsplit(" ", 1)[0]


def test_a_person_is_named_only_while_the_name_can_be_read(controls: Controls) -> None:
    about, records = example()
    events = [json.loads(Events(about, controls).line(read(record))) for record in records]
    users = {
        event["actor"]["user"]["uid"]: event["actor"]["user"] for event in events if "user" in event.get("actor", {})
    }
    assert users["p_ana0000000000000000000"]["name"] == "Ana Lima"
    assert users["p_ana0000000000000000000"]["email_addr"] == "ana@example.com"
    assert "name" not in users["p_eve0000000000000000000"]
