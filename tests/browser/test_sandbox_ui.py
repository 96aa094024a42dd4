"""The local workspace in a real browser: what people see is what Slack would show, and hostile text stays text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bot.sandbox.model import Message, User
from tests.contract.test_sandbox_delivery import TinyBot, modal, text_input
from tests.servers.workspace import ManualClock, RunningWorkspace, running_workspace, serving

pytestmark = pytest.mark.browser
Json = dict[str, Any]


class SteppingClock(ManualClock):
    """Moves visibly: ten steps, and something happens on the way."""

    on_step: Callable[[datetime], None] = staticmethod(lambda _: None)

    async def advance(self, delta: timedelta, progress: Callable[[datetime], None]) -> None:
        for _ in range(10):
            await asyncio.sleep(0.02)
            self.forward(delta / 10)
            self.on_step(self.now())
            progress(self.now())


@pytest.fixture
def clock() -> SteppingClock:
    """The workspace's clock: Monday 2 March 2026, 09:00 UTC."""
    return SteppingClock()


@pytest.fixture
def slack(clock: SteppingClock) -> Iterator[RunningWorkspace]:
    """A workspace with a clock."""
    tips = ("Answer as an owner.", "Ignore it and push the clock.")
    with running_workspace(clock.now, control=clock, tips=tips, ack_seconds=0.7) as running:
        yield running


@pytest.fixture
def bot(slack: RunningWorkspace) -> Iterator[TinyBot]:
    """A bot attached to it."""
    tiny = TinyBot(slack.url)
    with serving(tiny.asgi) as url:
        slack.attach(f"{url}/slack/events")
        yield tiny


@pytest.fixture
def ada(slack: RunningWorkspace) -> User:
    """Ada, in Berlin."""
    return slack.workspace.add_user("Ada Example", email="ada@example.com", tz="Europe/Berlin")


@pytest.fixture
def ben(slack: RunningWorkspace) -> User:
    """Ben, in Lagos."""
    return slack.workspace.add_user("Ben Example", email="ben@example.com", tz="Africa/Lagos")


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """A mrkdwn text object."""
    return {"type": "mrkdwn", "text": text}


def button(action_id: str, text: str, **more: Any) -> Json:
    """A button."""
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def actions(*elements: Json) -> Json:
    """An actions block."""
    return {"type": "actions", "block_id": "buttons", "elements": list(elements)}


def post(slack: RunningWorkspace, user: User, *blocks: Json, text: str = "card") -> Message:
    """A message from the app to a person."""
    return slack.workspace.post(slack.workspace.dm(user.id).id, text, blocks=list(blocks))


def be(page: Page, slack: RunningWorkspace, user: User, place: str = "dm") -> None:
    """Open the workspace as somebody."""
    page.goto(f"{slack.site}/#/{user.id}/{place}")
    expect(page.get_by_test_id("viewer")).to_contain_text(user.real_name)


def test_people_see_their_own_and_badges_say_where_something_is_new(
    slack: RunningWorkspace, bot: TinyBot, ada: User, ben: User, browser_page: Page
) -> None:
    gone = slack.workspace.add_user("Cleo Gone", email="cleo@example.com")
    slack.workspace.deactivate(gone.id)
    post(slack, ada, text="for Ada")
    post(slack, ben, text="for Ben")
    be(browser_page, slack, ada)
    pane = browser_page.get_by_test_id("pane")
    expect(pane).to_contain_text("for Ada")
    expect(browser_page.get_by_test_id("unread-ben")).to_have_text("1")
    expect(browser_page.get_by_test_id("unread-ada")).to_have_count(0)
    browser_page.get_by_test_id("person-ben").click()
    expect(pane).to_contain_text("for Ben")
    expect(pane).not_to_contain_text("for Ada")
    expect(browser_page.get_by_test_id("unread-ben")).to_have_count(0)
    browser_page.get_by_test_id("people-search").fill("cleo")
    expect(browser_page.locator("#people button")).to_have_count(1)
    browser_page.get_by_test_id("person-cleo").click()
    expect(browser_page.get_by_test_id("composer-text")).to_be_disabled()


def test_a_button_acts_and_the_card_is_updated_in_place(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    message = post(slack, ada, actions(button("attest", "Attest")))
    be(browser_page, slack, ada)
    browser_page.get_by_test_id("action-attest").click()
    card = browser_page.get_by_test_id(f"message-{message.ts}")
    expect(card).to_contain_text("done")
    expect(card.get_by_test_id("action-attest")).to_have_count(0)
    assert len(bot.seen) == 1


def test_a_confirm_dialog_stands_before_the_act(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    dialog = {"title": plain("Sure?"), "text": mrkdwn("*Really*"), "confirm": plain("Yes"), "deny": plain("No")}
    message = post(slack, ada, actions(button("attest", "Attest", confirm=dialog)))
    be(browser_page, slack, ada)
    browser_page.get_by_test_id("action-attest").click()
    expect(browser_page.get_by_test_id("confirm")).to_contain_text("Really")
    browser_page.get_by_test_id("confirm-deny").click()
    browser_page.get_by_test_id("action-attest").click()
    browser_page.keyboard.press("Escape")
    expect(browser_page.get_by_test_id("confirm")).to_be_hidden()
    assert bot.seen == []
    browser_page.get_by_test_id("action-attest").click()
    browser_page.get_by_test_id("confirm-accept").click()
    expect(browser_page.get_by_test_id(f"message-{message.ts}")).to_contain_text("done")


def test_a_modal_asks_refuses_and_submits(slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page) -> None:
    post(slack, ada, actions(button("ask", "Ask")))
    be(browser_page, slack, ada)
    browser_page.get_by_test_id("action-ask").click()
    expect(browser_page.get_by_test_id("modal-title")).to_have_text("Revoke")
    field = browser_page.get_by_test_id("action-text")
    expect(field).to_be_focused()
    browser_page.get_by_test_id("modal-submit").click()
    expect(browser_page.get_by_test_id("error-reason")).to_have_text("Please complete this required field.")
    bot.answer = {"response_action": "errors", "errors": {"reason": "Say more."}}
    field.fill("because")
    expect(browser_page.get_by_test_id("error-reason")).to_have_count(0)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    browser_page.get_by_test_id("modal-submit").click()
    expect(browser_page.get_by_test_id("error-reason")).to_have_text("Say more.")
    expect(field).to_have_value("because")
    bot.answer = None
    browser_page.get_by_test_id("modal-submit").click()
    expect(browser_page.get_by_test_id("modal")).to_be_hidden()
    assert bot.seen[-1]["view"]["state"]["values"]["reason"]["text"]["value"] == "because"


def test_modals_are_pushed_updated_and_closed(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    post(slack, ada, actions(button("ask", "Ask")))
    be(browser_page, slack, ada)
    browser_page.get_by_test_id("action-ask").click()
    title = browser_page.get_by_test_id("modal-title")
    bot.answer = {"response_action": "push", "view": modal("Second", blocks=[text_input("again", "text")])}
    browser_page.get_by_test_id("action-text").fill("first")
    browser_page.get_by_test_id("modal-submit").click()
    expect(title).to_have_text("Second")
    expect(browser_page.get_by_test_id("action-text")).to_have_value("")
    browser_page.get_by_test_id("modal-close").click()
    expect(title).to_have_text("Revoke")
    expect(browser_page.get_by_test_id("action-text")).to_have_value("first")
    bot.answer = {"response_action": "update", "view": modal("Updated")}
    browser_page.get_by_test_id("modal-submit").click()
    expect(title).to_have_text("Updated")
    expect(browser_page.get_by_test_id("action-text")).to_have_value("first")
    browser_page.keyboard.press("Escape")
    expect(browser_page.get_by_test_id("modal")).to_be_hidden()
    assert slack.workspace.views.stack(ada.id) == []


def test_every_kind_of_choice_reaches_the_bot(
    slack: RunningWorkspace, bot: TinyBot, ada: User, ben: User, browser_page: Page
) -> None:
    seen: Json = {}

    @bot.app.action({"type": "block_actions", "block_id": "choices"})
    async def chosen(ack: Any, body: Json) -> None:
        for action in body["actions"]:
            seen[action["action_id"]] = action
        await ack()

    @bot.app.options("someone")
    async def found(ack: Any, body: Json) -> None:
        await ack(options=[{"text": plain(f"Found {body['value']}"), "value": "found"}])

    two = [{"text": plain("One"), "value": "one"}, {"text": plain("Two"), "value": "two"}]
    elements: list[Json] = [
        {"type": "static_select", "action_id": "static", "options": two},
        {"type": "users_select", "action_id": "user"},
        {"type": "conversations_select", "action_id": "room"},
        {"type": "external_select", "action_id": "someone", "min_query_length": 1},
        {"type": "datepicker", "action_id": "date"},
        {"type": "radio_buttons", "action_id": "radio", "options": two},
        {"type": "checkboxes", "action_id": "boxes", "options": two},
        {"type": "overflow", "action_id": "dots", "options": two},
    ]
    room = slack.workspace.add_channel("security")
    post(slack, ada, {"type": "actions", "block_id": "choices", "elements": elements})
    be(browser_page, slack, ada)
    page = browser_page
    page.get_by_test_id("action-static").select_option("two")
    page.get_by_test_id("action-user").select_option(ben.id)
    page.get_by_test_id("action-room").select_option(room.id)
    page.get_by_test_id("action-date").fill("2026-04-01")
    page.get_by_test_id("action-radio-option-1").check()
    page.get_by_test_id("action-boxes-option-0").check()
    page.get_by_test_id("action-dots").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_test_id("action-someone").fill("dora")
    page.get_by_test_id("action-someone-option-0").click()
    slack.driver.until(lambda: len(seen) == 8)
    assert seen["static"]["selected_option"]["value"] == "two"
    assert seen["user"]["selected_user"] == ben.id
    assert seen["room"]["selected_conversation"] == room.id
    assert seen["date"]["selected_date"] == "2026-04-01"
    assert seen["radio"]["selected_option"]["value"] == "two"
    assert [o["value"] for o in seen["boxes"]["selected_options"]] == ["one"]
    assert seen["dots"]["selected_option"]["value"] == "two"
    expect(page.get_by_test_id("action-static")).to_have_value("two")
    assert seen["someone"]["selected_option"]["value"] == "found"
    expect(page.get_by_test_id("action-someone")).to_have_value("Found dora")
    page.reload()
    expect(page.get_by_test_id("action-someone")).to_have_value("Found dora")
    expect(page.get_by_test_id("action-radio-option-1")).to_be_checked()


def test_a_menu_closes_on_escape_and_gives_the_focus_back(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    one = {"text": plain("One"), "value": "one"}
    post(
        slack,
        ada,
        {
            "type": "section",
            "text": mrkdwn("x"),
            "accessory": {"type": "overflow", "action_id": "more", "options": [one]},
        },
    )
    be(browser_page, slack, ada)
    browser_page.get_by_test_id("action-more").click()
    expect(browser_page.get_by_test_id("action-more-option-0")).to_be_focused()
    browser_page.keyboard.press("Escape")
    expect(browser_page.get_by_test_id("action-more-option-0")).to_be_hidden()
    expect(browser_page.get_by_test_id("action-more")).to_be_focused()


def test_a_command_is_answered_for_the_person_alone(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    be(browser_page, slack, ada)
    composer = browser_page.get_by_test_id("composer-text")
    composer.fill("/whose drift-prod")
    composer.press("Enter")
    expect(browser_page.get_by_test_id("only-you")).to_have_text("Only visible to you")
    expect(browser_page.get_by_test_id("pane")).to_contain_text("you said drift-prod")
    expect(composer).to_have_value("")
    composer.fill("/who drift-prod")
    composer.press("Enter")
    expect(browser_page.get_by_test_id("notices")).to_contain_text("/who is not a command here. There is /whose.")
    composer.fill("hello")
    composer.press("Enter")
    expect(browser_page.get_by_test_id("pane")).to_contain_text("heard hello")


def test_a_silent_bot_is_an_error_that_can_be_read(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    post(slack, ada, actions(button("attest", "Attest")))
    be(browser_page, slack, ada)
    bot.broken = 1
    browser_page.get_by_test_id("action-attest").click()
    expect(browser_page.get_by_test_id("message-failure")).to_contain_text("could not be reached")
    bot.delay = 2
    browser_page.get_by_test_id("composer-text").fill("/whose slow")
    browser_page.get_by_test_id("composer-send").click()
    expect(browser_page.get_by_test_id("notices")).to_contain_text("did not respond in time")


def test_the_home_tab_is_opened_and_shown(slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page) -> None:
    be(browser_page, slack, ada)
    browser_page.get_by_test_id("tab-home").click()
    expect(browser_page.get_by_test_id("home").locator("hr")).to_have_count(1)
    expect(browser_page.get_by_test_id("composer")).to_be_hidden()
    assert bot.seen[0]["event"]["type"] == "app_home_opened"


def test_the_clock_is_pushed_and_what_comes_of_it_is_seen_at_once(
    slack: RunningWorkspace, bot: TinyBot, ada: User, ben: User, clock: SteppingClock, browser_page: Page
) -> None:
    climbed: list[str] = []

    def step(now: datetime) -> None:
        if not climbed:
            climbed.append(now.isoformat())
            post(slack, ben, text="it has climbed to you")

    clock.on_step = step
    be(browser_page, slack, ada)
    shown = browser_page.get_by_test_id("clock-now")
    expect(shown).to_contain_text("Mon, 2 Mar 2026")
    expect(shown).to_contain_text("10:00")
    expect(shown).to_contain_text("Berlin")
    browser_page.get_by_test_id("clock-day").click()
    expect(browser_page.get_by_test_id("clock-progress")).to_be_visible()
    expect(browser_page.get_by_test_id("unread-ben")).to_have_text("1")
    expect(shown).to_contain_text("Tue, 3 Mar 2026")
    expect(browser_page.get_by_test_id("clock-progress")).to_be_hidden()
    expect(browser_page.get_by_test_id("clock-week")).to_be_enabled()
    browser_page.get_by_test_id("person-ben").click()
    expect(browser_page.get_by_test_id("pane")).to_contain_text("it has climbed to you")


def test_without_a_clock_there_is_none_to_push(browser_page: Page) -> None:
    with running_workspace() as slack:
        ada = slack.workspace.add_user("Ada Example", email=None)
        be(browser_page, slack, ada)
        expect(browser_page.get_by_test_id("clock")).to_be_hidden()
        expect(browser_page.get_by_test_id("tips")).to_be_hidden()


def test_what_happens_elsewhere_appears_without_reloading(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    be(browser_page, slack, ada)
    expect(browser_page.get_by_test_id("empty")).to_be_visible()
    message = post(slack, ada, text="a new message")
    expect(browser_page.get_by_test_id(f"message-{message.ts}")).to_contain_text("a new message")
    slack.workspace.edit(message, "changed", [], None)
    expect(browser_page.get_by_test_id(f"message-{message.ts}")).to_contain_text("changed")
    slack.workspace.delete(message)
    expect(browser_page.get_by_test_id(f"message-{message.ts}")).to_have_count(0)
    slack.workspace.add_channel("security", members=[ada.id])
    expect(browser_page.get_by_test_id("conversation-security")).to_be_visible()


def test_a_permalink_leads_to_its_message(
    slack: RunningWorkspace, bot: TinyBot, ada: User, ben: User, browser_page: Page
) -> None:
    message = post(slack, ben, text="look here")
    stamp = message.ts.replace(".", "")
    browser_page.goto(f"{slack.site}/archives/{message.channel}/p{stamp}")
    expect(browser_page.get_by_test_id("viewer")).to_contain_text("Ben Example")
    expect(browser_page.get_by_test_id(f"message-{message.ts}")).to_be_visible()


def test_hints_are_shown_until_they_are_put_away(
    slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page
) -> None:
    be(browser_page, slack, ada)
    expect(browser_page.get_by_test_id("tips")).to_contain_text("Answer as an owner.")
    browser_page.get_by_test_id("tips-dismiss").click()
    browser_page.reload()
    expect(browser_page.get_by_test_id("viewer")).to_contain_text("Ada Example")
    expect(browser_page.get_by_test_id("tips")).to_be_hidden()


HOSTILE = [
    "<script>window.hit = 1</script>",
    "&lt;img src=x onerror='window.hit = 1'&gt;",
    "<img src=x onerror='window.hit = 1'>",
    "<javascript:window.hit=1|click>",
    "*<b onclick=alert(1)>bold</b>*",
    "<data:text/html,<script>window.hit=1</script>|x>",
    "`<svg onload=window.hit=1>`",
    "```<iframe srcdoc='<script>parent.hit=1</script>'>```",
    "<!date^1^{date}^javascript:window.hit=1|x>",
    "&lt;!channel&gt; &lt;@U000000001&gt;",
]


def test_the_page_opens_as_the_suggested_person_and_leads_back_to_them(browser_page: Page) -> None:
    with running_workspace(tips=["Answer."], suggested_user="U0BEN") as slack:
        slack.workspace.add_user("Ada Example", email="ada@example.com")
        slack.workspace.add_user("Ben Example", email="ben@example.com", user_id="U0BEN")
        browser_page.goto(slack.site)
        expect(browser_page.get_by_test_id("viewer")).to_contain_text("Ben Example")
        expect(browser_page.get_by_test_id("tips-be")).to_have_count(0)
        browser_page.get_by_test_id("person-ada").click()
        browser_page.get_by_test_id("tips-be").click()
        expect(browser_page.get_by_test_id("viewer")).to_contain_text("Ben Example")


def test_hostile_text_stays_text(slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page) -> None:
    for text in HOSTILE:
        section = {
            "type": "section",
            "text": mrkdwn(text),
            "fields": [plain(text)],
            "accessory": button("b", text[:75]),
        }
        post(
            slack,
            ada,
            section,
            {"type": "header", "text": plain(text)},
            {"type": "context", "elements": [mrkdwn(text)]},
        )
        post(slack, ada, text=text)
    be(browser_page, slack, ada)
    expect(browser_page.locator("article")).to_have_count(2 * len(HOSTILE))
    inside = browser_page.get_by_test_id("pane").locator("script, iframe, svg, b, img:not([src='/static/icon.svg'])")
    assert inside.count() == 0
    assert browser_page.locator("a[href^='javascript'], a[href^='data']").count() == 0
    assert browser_page.locator(".mention").count() == 0
    assert browser_page.evaluate("window.hit") is None


def test_the_page_allows_no_foreign_code(slack: RunningWorkspace, ada: User, browser_page: Page) -> None:
    answer = browser_page.goto(slack.site)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


_LINK = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'
DRAWN = {
    "*bold* _it_ ~no~ `c*d*`": "<strong>bold</strong> <em>it</em> <s>no</s> <code>c*d*</code>",
    "snake_case_name and 2*3*4": "snake_case_name and 2*3*4",
    "*a _b_*": "<strong>a <em>b</em></strong>",
    "a\nb": "a<br>b",
    "&gt; quoted\nafter": "<blockquote>quoted</blockquote>after",
    "```x\n*y*```": "<pre>x\n*y*</pre>",
    "&amp;lt; 1 &lt; 2": "&amp;lt; 1 &lt; 2",
    ":white_check_mark: :nothing_like_it:": "✅ :nothing_like_it:",
    "<https://example.com/a|the page>": _LINK.format("https://example.com/a", "the page"),
    "<mailto:a@example.com>": _LINK.format("mailto:a@example.com", "a@example.com"),
    "<@U1> <@U9> <#C1> <!here>": '<span class="mention mine">@Ada</span> <span class="mention">@U9</span> '
    '<span class="mention">#security</span> <span class="mention loud">@here</span>',
    "<script>": "&lt;script&gt;",
}


@pytest.mark.parametrize("text", DRAWN)
def test_mrkdwn_is_drawn_as_slack_draws_it(slack: RunningWorkspace, browser_page: Page, text: str) -> None:
    browser_page.goto(slack.site)
    assert browser_page.evaluate(_DRAW, [text, "UTC"]) == DRAWN[text]


_DRAW = """async ([text, tz]) => {
  const { mrkdwn } = await import("/static/mrkdwn.js");
  const context = { people: new Map([["U1", { name: "Ada" }]]), channels: new Map([["C1", { name: "security" }]]),
                    me: "U1", tz, now: () => new Date("2026-03-02T09:00:00Z") };
  const holder = document.createElement("div");
  holder.append(...mrkdwn(text, context));
  return holder.innerHTML;
}"""


@pytest.mark.parametrize(
    ("pattern", "tz", "drawn"),
    [
        ("{date_num} {time}", "Europe/Berlin", "2026-03-03 00:30"),
        ("{date_num} {time}", "America/New_York", "2026-03-02 18:30"),
        ("{date_short_pretty}", "Europe/Berlin", "tomorrow"),
        ("{date_short_pretty}", "America/New_York", "today"),
        ("{date_long}", "UTC", "Monday 2 March 2026"),
        ("{date} {unknown}", "UTC", "2 March 2026 {unknown}"),
        ("{ago}", "UTC", "in 15 hours"),
    ],
)
def test_dates_are_read_in_the_persons_zone(
    slack: RunningWorkspace, browser_page: Page, pattern: str, tz: str, drawn: str
) -> None:
    browser_page.goto(slack.site)
    moment = int(datetime.fromisoformat("2026-03-02T23:30:00+00:00").timestamp())
    html = browser_page.evaluate(_DRAW, [f"<!date^{moment}^{pattern}|fallback>", tz])
    assert html.replace(" at ", " ").replace(",", "").endswith(f">{drawn}</time>"), html


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_overflows(slack: RunningWorkspace, bot: TinyBot, ada: User, browser_page: Page, width: int) -> None:
    long = "x" * 300
    post(
        slack,
        ada,
        {"type": "header", "text": plain(long[:150])},
        {"type": "section", "text": mrkdwn(f"`{long}`"), "accessory": button("a", long[:75])},
        {"type": "section", "fields": [mrkdwn(long)] * 4},
        actions(*(button(f"b{n}", long[:40]) for n in range(6))),
    )
    browser_page.set_viewport_size({"width": width, "height": 800})
    be(browser_page, slack, ada)
    expect(browser_page.get_by_test_id("action-b0")).to_be_visible()
    wide = browser_page.evaluate(
        "[document.documentElement, document.getElementById('pane')].map((n) => n.scrollWidth - n.clientWidth)"
    )
    assert wide == [0, 0]
