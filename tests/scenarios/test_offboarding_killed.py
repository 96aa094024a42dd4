"""The end of a vendor's access at four real systems, by a worker that is killed twice in the middle of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.rules.policy_file import default_policy_text
from bot.sandbox.model import Message
from messages.action_ref import Verb
from tests.scenarios.test_replicas import HASTY
from tests.servers.four_systems import UNENDED, FourSystems, Held, four_systems, inventory_rows
from tests.servers.house import PATIENCE, House, Process
from tests.servers.office import words
from tests.servers.workspace import RunningWorkspace, running_workspace

PEOPLE = """email,name,workweek
clara@example.com,Clara Nwosu,mon-sun
felix@example.com,Felix Braun,mon-sun
ana@example.com,Ana Lima,mon-sun
"""
VENDORS = """name,parent,relationship_owner
Northpeak Resale,,clara@example.com
Driftly,Northpeak Resale,
"""


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[FourSystems]:
    with four_systems(tmp_path) as running:
        yield running


@pytest.fixture
def slack() -> Iterator[RunningWorkspace]:
    with running_workspace(SystemClock().now) as running:
        accounts = [
            running.workspace.add_user(name, email=f"{name.split()[0].lower()}@example.com", tz="UTC")
            for name in ("Clara Nwosu", "Felix Braun", "Ana Lima")
        ]
        running.workspace.add_channel("security", members=[accounts[1].id])
        yield running


class Story:
    """The folder of the bot, the workspace, and what is read in it."""

    def __init__(self, folder: Path, slack: RunningWorkspace, systems: FourSystems) -> None:
        self.slack, self.systems = slack, systems
        self.forty: list[Held] = systems.forty()
        now = SystemClock().now()
        text = default_policy_text().replace("start: 09:00", "start: 00:00").replace("end: 17:30", "end: 23:59")
        text = text.replace("security: []", "security: [felix@example.com]")
        text = text.replace("spread_mornings_over: 1h", "spread_mornings_over: 0")
        text = text.replace("act: false", "act: true")
        files = {"policy.yaml": text, "people.csv": PEOPLE, "vendors.csv": VENDORS}
        files["tokens.csv"] = inventory_rows(self.forty, ["Northpeak Resale", "Driftly"], ["ana@example.com"], now)
        for name, content in files.items():
            (folder / name).write_text(content)
        self.house = House(folder, slack, program=HASTY)
        self.house.environ |= {
            "WHOSE_POLICY": "policy.yaml",
            "WHOSE_ISSUERS": str(systems.issuers_file()),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        done = self.house.run("import", "people.csv", "vendors.csv", "tokens.csv")
        assert done.returncode == 0, done.stderr

    def attach(self, up: Process) -> None:
        url = up.wait_for("Listening on ").split()[2].rstrip(";")
        self.slack.attach(f"{url}/slack/events")

    def account(self, who: str) -> str:
        return self.slack.workspace.user_by_email(f"{who}@example.com").id

    def security(self) -> list[Message]:
        """What stands in the channel of the security team about the plan."""
        workspace = self.slack.workspace
        with workspace.lock:
            channel = next(one.id for one in workspace.channels.values() if one.name == "security")
        every = workspace.messages(channel, self.account("felix"))
        return [one for one in every if one.visible_to is None and "Northpeak Resale" in words(one.blocks)]

    def told(self, text: str) -> Callable[[], bool]:
        return lambda: any(text in words(one.blocks) for one in self.security())

    def propose_and_agree(self) -> None:
        """Clara asks for it by a command, Felix agrees in #security."""
        driver, clara, felix = self.slack.driver, self.account("clara"), self.account("felix")
        asked = driver.command(clara, "offboard Northpeak Resale").ephemeral[0]
        button = self.button(asked, Verb.OFFBOARD)
        form = driver.click(clara, asked.channel, asked.ts, button).view
        assert form is not None
        sent = driver.submit(clara, form.id, {("justification", "value"): "The contract was terminated on Friday."})
        assert (sent.error, sent.errors) == (None, {})
        until(self.told("Do you agree to end all access that Northpeak Resale holds?"))
        [proposal] = self.security()
        button = self.button(proposal, Verb.PLAN_APPROVE)
        assert driver.click(felix, proposal.channel, proposal.ts, button).error is None

    @staticmethod
    def button(message: Message, verb: Verb) -> str:
        """The action id of a verb's button."""
        for block in message.blocks:
            for element in block.get("elements", []):
                if str(element.get("action_id", "")).startswith(f"whose:{verb.value}:"):
                    return str(element["action_id"])
        raise AssertionError(words(message.blocks))

    def deletions(self) -> Counter[str]:
        """How often GitLab and the help desk were told to delete what."""
        return Counter([*self.systems.gitlab.lines("DELETE"), *self.systems.desk.lines("DELETE")])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_twice_in_the_middle_it_is_finished_and_the_two_are_named(
    tmp_path: Path, slack: RunningWorkspace, systems: FourSystems
) -> None:
    story = Story(tmp_path, slack, systems)
    with story.house.start("up", "--port", "0") as up:
        story.attach(up)
        story.propose_and_agree()
        until(lambda: story.deletions().total() >= 5)
        up.process.kill()
        up.process.wait()
    assert 0 < sum(map(systems.works, story.forty)) < 40, "it was in the middle"
    with story.house.start("up", "--port", "0") as up:
        until(lambda: story.deletions().total() >= 14)
        up.process.kill()
        up.process.wait()
    assert not story.told("still work")()
    with story.house.start("up", "--port", "0") as up:
        story.attach(up)
        until(story.told("2 of 40 tokens still work"))
        until(lambda: len(story.security()) > 1)
        assert up.stop() == 0
        assert "Traceback" not in up.said
    assert [one.name for one in story.forty if systems.works(one)] == list(UNENDED)
    posted = story.security()
    assert len(posted) == 2, "one message that was kept up to date, and the report"
    for name in UNENDED:
        assert all(name in words(one.blocks) for one in posted)
    cut_short = [line for line, times in story.deletions().items() if times > 1]
    assert len(cut_short) <= 2, "told once more at most is what each kill fell into"
    assert story.house.run("ledger", "verify").returncode == 0
