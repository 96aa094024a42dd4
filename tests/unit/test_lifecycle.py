"""The table of transitions: every pair of a state and an event is decided, and closed is closed."""

from __future__ import annotations

from itertools import product

import pytest

from bot.rules.lifecycle import CLOSED, SETTLING, TRANSITIONS, Event, State, next_state
from storage.requests import OPEN_STATES

#: What is possible where, written down a second time.
POSSIBLE = {
    State.OPEN: "attest rotate revoke let_lapse snooze propose disown claim climb default_revocation withdraw hold use",
    State.HANDOVER: "attest rotate revoke let_lapse claim accept decline climb withdraw hold use",
    State.REMEDIATING: "done failed agree give_back call_off climb withdraw",
    State.SETTLED: "",
    State.WITHDRAWN: "",
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_is_decided(state: State, event: Event) -> None:
    assert (next_state(state, event) is not None) == (event.value in POSSIBLE[state].split())


def test_closed_is_closed() -> None:
    assert {state for state, _ in TRANSITIONS} & CLOSED == set()
    assert {state for state in State if not POSSIBLE[state]} == CLOSED
    assert {state.value for state in State} - {state.value for state in CLOSED} == set(OPEN_STATES)


def test_the_settling_decision_is_taken_once() -> None:
    """After any of them, none of them is possible any more: whatever happens in between."""
    after = {TRANSITIONS[state, event] for state, event in TRANSITIONS if event in SETTLING}
    reachable = set(after)
    while more := {to for (state, _), to in TRANSITIONS.items() if state in reachable} - reachable:
        reachable |= more
    assert not [(state, event) for state in reachable for event in SETTLING if next_state(state, event)]


def test_every_state_has_a_way_in_and_out() -> None:
    reached = {State.OPEN}
    while more := {to for (state, _), to in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)
    closing = {state for (state, _), to in TRANSITIONS.items() if to in CLOSED}
    assert closing == set(State) - CLOSED


def test_silence_alone_leads_on_from_every_open_state() -> None:
    assert all(next_state(State(state), Event.CLIMB) is not None for state in OPEN_STATES)
