"""The OSCAL document is one that a tool of others reads, and its size does not grow with the log."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.oscal import Assessment, token
from bot.operations.export_ledger.words import read
from bot.rules.controls import Controls
from storage.ledger.log import StoredRecord
from tests.contract.own_environment import python_with, run
from tests.golden.ledger_examples import about as about_of
from tests.golden.ledger_examples import example, hostile_example, many

PACKAGES = ("compliance-trestle==5.2.0",)
PARSE = """
import sys
from pathlib import Path
from trestle.oscal import OSCAL_VERSION
from trestle.oscal.assessment_results import AssessmentResults
from trestle.core.duplicates_validator import DuplicatesValidator

read = AssessmentResults.oscal_read(Path(sys.argv[1]))
unique = DuplicatesValidator().model_is_valid(read, True)
print(OSCAL_VERSION, len(read.results), sum(len(one.observations or ()) for one in read.results), unique)
"""


@pytest.fixture(scope="module")
def controls() -> Controls:
    return Controls.load()


def document(about: About, records: list[StoredRecord], controls: Controls) -> bytes:
    assessment = Assessment(about, controls)
    for record in records:
        assessment.add(read(record))
    return assessment.document()


def parsed(about: About, records: list[StoredRecord], controls: Controls) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document(about, records, controls))["assessment-results"]
    return found


def everything(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from everything(item)
    elif isinstance(value, list):
        for item in value:
            yield from everything(item)


@pytest.mark.parametrize("case", ["example", "hostile", "nothing"])
def test_compliance_trestle_reads_it(
    case: str, pytestconfig: pytest.Config, tmp_path: Path, controls: Controls
) -> None:
    about, records = (
        (about_of([]), []) if case == "nothing" else {"example": example, "hostile": hostile_example}[case]()
    )
    (tmp_path / "oscal-ar.json").write_bytes(document(about, records, controls))
    [said] = run(python_with(pytestconfig, PACKAGES), PARSE, str(tmp_path / "oscal-ar.json"))
    version, results, observations, unique = said.split()
    assert (version, unique) == ("1.2.1", "True")
    assert int(results) == (1 if case == "nothing" else 6)
    assert (int(observations) > 50) == (case != "nothing")


def test_every_reference_has_what_it_points_to(controls: Controls) -> None:
    found = parsed(*example(), controls)
    there = {one["uuid"] for one in everything(found) if "uuid" in one}
    hrefs = [one["href"] for one in everything(found) if str(one.get("href", "")).startswith("#")]
    actors = [one["actor-uuid"] for one in everything(found) if "actor-uuid" in one]
    assert hrefs
    assert {href[1:] for href in hrefs} | set(actors) <= there


def test_nothing_is_counted_twice_or_left_out(controls: Controls) -> None:
    about, records = example()
    wanted: Counter[tuple[str, str]] = Counter()
    for record in records:
        for control in controls.of_record(record.kind, record.fields):
            wanted[f"{control}", record.kind.name.lower()] += 1
    there: Counter[tuple[str, str]] = Counter()
    for result in parsed(about, records, controls)["results"]:
        for one in result["observations"]:
            props = {prop["name"]: prop["value"] for prop in one["props"]}
            if "record-kind" in props:
                there[one["title"].split(": ")[0], props["record-kind"]] = int(props["records"])
    assert there == wanted


def test_a_result_names_the_controls_that_it_has_observations_of(controls: Controls) -> None:
    found = parsed(*example(), controls)
    keys = {framework.name: framework.key for framework in controls.frameworks}
    for result in found["results"]:
        framework = result["title"].removeprefix("Evidence for ")
        [selection] = result["reviewed-controls"]["control-selections"]
        named = {one["control-id"] for one in selection["include-controls"]}
        seen = {one["props"][0]["value"] for one in result["observations"]}
        assert named == {token(keys[framework], control_id) for control_id in seen}


def test_it_judges_nothing(controls: Controls) -> None:
    found = parsed(*example(), controls)
    assert not [one for one in everything(found) if one.keys() & {"findings", "risks", "attestations"}]
    assert not re.search(r"compliant|is satisfied by", json.dumps(found))


def test_its_size_does_not_grow_with_the_log(controls: Controls) -> None:
    few, lots = (len(document(*many(times), controls)) for times in (2, 60))
    assert lots < 1.02 * few


def test_a_control_id_is_a_token_and_stays_one_of_its_own(controls: Controls) -> None:
    assert token("nist-csf-2-0", "PR.AA-05") == "PR.AA-05"
    assert token("nist-ai-rmf-1-0", "GOVERN 1.6") == "GOVERN-1.6"
    assert token("dora", "9(4)(c)") == "dora-9-4-c"
    assert token("pci-dss-4-0-1", "7.2.5.1") == "pci-dss-4-0-1-7.2.5.1"
    for framework in controls.frameworks:
        tokens = [token(framework.key, control.id) for control in framework.controls]
        assert len(set(tokens)) == len(tokens)
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]*", one) for one in tokens)


def test_a_part_of_the_log_does_not_say_that_it_is_whole(controls: Controls) -> None:
    about, records = example()
    part = About(**{**vars(about), "selection": "token", "selected": "aws-prod/AKIA", "complete": False})
    found = parsed(part, records, controls)
    assert "none is missing is not" in found["results"][0]["description"]
    assert {"rlinks"} <= found["back-matter"]["resources"][-1].keys()
    assert found["back-matter"]["resources"][-1]["rlinks"][0]["href"] == "proofs/"
    assert found["uuid"] != parsed(about, records, controls)["uuid"]
