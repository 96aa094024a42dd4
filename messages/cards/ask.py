"""The message that asks: one full card, or one list for everything that waits for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from messages.action_ref import Verb
from messages.cards.facts import DigestFacts, RequestFacts, Settled
from messages.cards.parts import (
    decision_button,
    history_button,
    open_button,
    owner_hint,
    reasons,
    settled_text,
    token_facts,
    token_line,
    told_reasons,
    vendor_holds,
)
from messages.cards.shared import answers, asks_a_user, held_card, held_row, is_held, use_card, use_row, use_waits
from messages.cards.work import is_carried_out, work_card, work_row
from messages.inert import clean, one_line, short
from messages.moments import spoken
from messages.view import (
    Button,
    Buttons,
    Code,
    Divider,
    Element,
    Heading,
    Inline,
    Moment,
    Note,
    Paragraph,
    Row,
    Strong,
    Text,
    View,
)
from messages.wording import asking, names, outcomes, working
from messages.wording.carrying_out import asks_to_agree

MOST_ROWS = 15
_MOST_STEPS = 1_500  # characters of instructions
_MOST_DETAIL = 300


def ask(facts: DigestFacts) -> View:
    """Everything that waits for one reader: the full card of a single request, otherwise a list by risk."""
    if len(facts.requests) == 1 and not facts.more:
        return card(facts.requests[0])
    return digest(facts)


# ------------------------------------------------------------------ one request


def card(facts: RequestFacts) -> View:
    """One request in full, in the form that its state calls for."""
    if facts.state == "remediating":
        return work_card(facts, facts.work) if facts.work and is_carried_out(facts) else _remediating(facts)
    if facts.settled or facts.state in {"settled", "withdrawn"}:
        return _settled(facts)
    if facts.use and asks_a_user(facts):
        return use_card(facts, facts.use)
    if facts.use and is_held(facts):
        return held_card(facts, facts.use)
    if facts.state == "handover":
        return _handover(facts)
    return _asking(facts)


def _asking(facts: RequestFacts) -> View:
    question = asking.question(facts)
    elements: list[Element] = [
        Heading(question),
        Paragraph(asking.why(facts)),
        reasons(facts),
        *owner_hint(facts.token),
        token_facts(facts.token, facts.zone),
        *_users(facts),
        *_offered(facts),
        *_notes(vendor_holds(facts), _shorter(facts), asking.asked_before(facts), _until_when(facts)),
    ]
    asked = question if question.endswith("?") else f"{question}."
    until = "An answer was wanted by" if asking.late(facts) else "Please answer by"
    return View(f"{asked} {until} {spoken(Moment(facts.due_at, facts.zone))}.", elements)


def _shorter(facts: RequestFacts) -> Text:
    """What would fit the contract of a token that would outlive it; empty: nothing to propose."""
    fits = "outlives_contract" in told_reasons(facts) and Verb.ROTATE in facts.offered
    return asking.shorter(facts.token) if fits else []


def _handover(facts: RequestFacts) -> View:
    """For whoever was named as the next owner, and for those who named them and wait."""
    name, by = names.token(facts.token), names.person(facts.proposed_by)
    if facts.why == "handover":
        heading, summary = asking.question(facts), f"{by} named you as the next owner of {name}."
        first: Text = asking.why(facts)
    else:
        to = names.person(facts.proposed_to)
        heading, summary = f"{name}: waiting for {to}", f"{to} is asked to take over {name}."
        first = [Strong(to), " is asked to take it over, as ", Strong(by), " proposed. Until then it stays as it is."]
    note = short(facts.handover_note, 300)
    elements: list[Element] = [
        Heading(heading),
        Paragraph(first),
        *([Paragraph([f"{by} adds: “{note}”"])] if note else []),
        reasons(facts),
        token_facts(facts.token, facts.zone),
        *_offered(facts),
        *_notes(asking.asked_before(facts), _until_when(facts)),
    ]
    return View(summary, elements)


def _remediating(facts: RequestFacts) -> View:
    """Decided, and the work is still to be done."""
    settled = facts.settled
    name = names.token(facts.token)
    heading = f"{name}: {outcomes.settled_as(settled, under_way=True) if settled else 'work is under way'}"
    steps = clean(facts.instructions, lines=True).strip()[:_MOST_STEPS] or outcomes.NO_INSTRUCTIONS
    elements: list[Element] = [
        Heading(heading),
        *([Paragraph(settled_text(settled, facts.zone, under_way=True))] if settled else []),
        Paragraph([outcomes.assigned(facts), *_why_by_hand(facts)]),
        Paragraph([Strong("How to do it"), "\n", steps]),
        token_facts(facts.token, facts.zone),
        *_offered(facts),
    ]
    return View(f"{heading}. {outcomes.assigned(facts)}", elements)


def _why_by_hand(facts: RequestFacts) -> Text:
    """Why a person does it although a connector could."""
    why = working.wait(facts.work.fault, facts.work.system) if facts.work else ""
    return [f" {why}"] if why else []


def _settled(facts: RequestFacts) -> View:
    settled = facts.settled or Settled("withdrawn", "", "", facts.opened_at)
    heading = f"{names.token(facts.token)}: {outcomes.settled_as(settled)}"
    elements: list[Element] = [
        Heading(heading),
        Paragraph(settled_text(settled, facts.zone)),
        *_detail(settled),
        *_users(facts),
        Note(token_line(facts.token)),
        Buttons([history_button(facts.token)]),
    ]
    return View(f"{heading}.", elements)


def _detail(settled: Settled) -> list[Element]:
    """Why nothing better is known, where an end could not be proven."""
    said = short(settled.detail, _MOST_DETAIL)
    return [Note([f"Detail: “{said}”"])] if said and settled.result in {"accepted_unverified", "failed"} else []


def _users(facts: RequestFacts) -> list[Element]:
    """What the users of a shared token say."""
    return [answers(facts.use)] if facts.use else []


def _offered(facts: RequestFacts) -> list[Element]:
    buttons: Sequence[Button] = [decision_button(verb, facts) for verb in dict.fromkeys(facts.offered)]
    return [Buttons(buttons)] if buttons else []


def _until_when(facts: RequestFacts) -> Text:
    return [*asking.answer_by(facts), " ", *asking.without_answer(facts, after_day=True)]


def _notes(*texts: Text) -> list[Element]:
    return [Note(text) for text in texts if text]


# ------------------------------------------------------------------ several


def digest(facts: DigestFacts) -> View:
    """A list, most at risk first, of at most 15 rows; what is settled stays in it and says how."""
    shown = _shown(facts.requests)
    left_out = sum(_waits(one) for one in facts.requests) - sum(_waits(one) for one in shown) + facts.more
    waiting = sum(_waits(one) for one in shown) + left_out
    heading = asking.count_heading(waiting, sum(one.state == "remediating" and not _waits(one) for one in shown))
    elements: list[Element] = [Heading(heading)]
    if open_ones := [one for one in shown if _waits(one)]:
        elements.append(Paragraph([asking.list_intro(open_ones)]))
    elements += [digest_row(one) for one in shown]
    if left_out:
        # In a channel, where nobody is addressed by name, what is one's own is not what is listed.
        elements.append(Paragraph([f"And {left_out:,} more: ", Code("/whose mine" if facts.name else "/whose due")]))
    elements += _digest_notes(shown)
    first = next((one for one in shown if _waits(one)), None)
    named = f"{asking.count_heading(waiting)}, first of all {names.token(first.token)}" if first else heading
    return View(f"{named}.", elements)


def _shown(requests: Sequence[RequestFacts]) -> list[RequestFacts]:
    """The rows to show: those that wait come first when not all fit; order by risk, then by what is due first."""

    def rank(one: RequestFacts) -> tuple[int, datetime, int]:
        return (-one.risk, one.due_at, one.request_id)

    chosen = sorted(requests, key=lambda one: (not _waits(one), rank(one)))[:MOST_ROWS]
    return sorted(chosen, key=rank)


def _waits(one: RequestFacts) -> bool:
    return asks_to_agree(one) or (one.settled is None and one.state in {"open", "handover"} and use_waits(one))


def digest_row(facts: RequestFacts) -> Row:
    """One request on two or three lines, with what can be done about it."""
    if facts.work and facts.state == "remediating" and is_carried_out(facts):
        return work_row(facts, facts.work)
    if facts.settled:
        under_way = facts.state == "remediating"
        said = settled_text(facts.settled, facts.zone, under_way=under_way)
        text: list[Inline] = ["" if under_way else "✓ ", Strong(names.token(facts.token)), "\n", *said]
        return Row(text, open_button(facts) if Verb.DONE in facts.offered else None)
    if facts.use and asks_a_user(facts):
        return use_row(facts, facts.use)
    if facts.use and is_held(facts):
        return held_row(facts, facts.use)
    if not _waits(facts):
        return Row(["✓ ", Strong(names.token(facts.token)), "\nIt no longer needs an answer."])
    wanted = "\nAn answer was wanted by " if asking.late(facts) else "\nAnswer by "
    text = [*token_line(facts.token), "\n", *brief_reasons(facts), wanted, Moment(facts.due_at, facts.zone)]
    if facts.why not in {"owner", "service_owner"}:
        text += [" · ", *_brief_why(facts)]
    one_click = Verb.ATTEST in facts.offered and Verb.ATTEST not in facts.needs_form
    if one_click:
        return Row(text, _plain(decision_button(Verb.ATTEST, facts)), [open_button(facts)])
    return Row(text, open_button(facts))


def _plain(button: Button) -> Button:
    """Fifteen green buttons would shout."""
    return Button(button.label, button.action, "plain", button.confirm)


_BRIEF_WHY = {
    "reminder": "a reminder",
    "vendor_relationship_owner": "you look after the vendor",
    "manager": "its owner reports to you",
    "security": "not answered by others",
}


def brief_reasons(facts: RequestFacts) -> list[Inline]:
    """The first four reasons on one line."""
    told = told_reasons(facts)
    text: list[Inline] = []
    for code in told[:4]:
        text += [*([" · "] if text else []), *asking.reason_brief(code, facts.token, facts.zone)]
    if len(told) > 4:
        text.append(f" · {len(told) - 4} more")
    first, *rest = text
    return [first[:1].upper() + first[1:] if isinstance(first, str) else first, *rest]


def _brief_why(facts: RequestFacts) -> Text:
    if facts.why == "handover":
        return [f"{names.person(facts.proposed_by)} named you as next owner"]
    if facts.why == "delegate" and one_line(facts.why_name):
        return asking.stands_in(facts)
    return [_BRIEF_WHY.get(facts.why, f"you are its {names.role(facts.why)}")]


def _digest_notes(shown: Sequence[RequestFacts]) -> list[Element]:
    """Who is next, for the row that moves on first."""
    asked = [one for one in shown if _waits(one) and not one.work and not asks_a_user(one)]
    waiting = [(one.next_at, one.request_id, one) for one in asked if one.next_at]
    if not waiting:
        return []
    *_, first = min(waiting, key=lambda moving: moving[:2])
    which = f"First to move on is {names.token(first.token)}. " if len(waiting) > 1 else ""
    return [Divider(), Note([which, *asking.without_answer(first)])]
