"""Every word for a definite failure has a consequence and is told in words."""

from __future__ import annotations

import pytest

from bot.rules.undelivered import CONSEQUENCES, OUTCOME_UNKNOWN, Consequence, consequence_of, may_have_arrived
from bot.slack.calls import APP_REFUSED, RATE_LIMITED, UNCLEAR
from messages.wording import delivering


@pytest.mark.parametrize(
    ("code", "to_person", "to_channel"),
    [
        ("user_disabled", Consequence.NEXT_RUNG, Consequence.OPERATOR),
        ("person_left", Consequence.NEXT_RUNG, Consequence.OPERATOR),
        ("channel_not_found", Consequence.NEXT_RUNG, Consequence.OPERATOR),
        ("not_in_channel", Consequence.OPERATOR, Consequence.OPERATOR),
        ("restricted_action", Consequence.OPERATOR, Consequence.OPERATOR),
        ("msg_too_long", Consequence.STOP, Consequence.STOP),
        ("invalid_blocks", Consequence.STOP, Consequence.STOP),
        ("a_word_of_next_year", Consequence.OPERATOR, Consequence.OPERATOR),
    ],
)
def test_what_follows(code: str, to_person: Consequence, to_channel: Consequence) -> None:
    assert consequence_of(code, to_person=True) is to_person
    assert consequence_of(code, to_person=False) is to_channel


def test_a_change_that_nobody_is_left_to_see_is_not_waited_for() -> None:
    assert consequence_of("user_disabled", to_person=True, is_update=True) is Consequence.STOP


def test_only_what_is_unknown_may_have_arrived() -> None:
    assert [code for code in CONSEQUENCES if may_have_arrived(code)] == [OUTCOME_UNKNOWN]


def test_what_concerns_the_whole_app_gives_nothing_up() -> None:
    """Those words put the whole lane to rest, so that they can be no consequence of one message."""
    assert not CONSEQUENCES.keys() & (APP_REFUSED | RATE_LIMITED | UNCLEAR)


def test_every_word_is_told_and_has_advice() -> None:
    assert CONSEQUENCES.keys() == delivering._REASONS.keys()
    for code, follows in CONSEQUENCES.items():
        assert code not in delivering.reason(code), "a person reads this, not the platform's word"
        assert delivering.advice(code, follows).rstrip().endswith((".", "retry")), code
        assert delivering.consequence(follows) != follows.value


def test_the_words_point_where_the_rule_points() -> None:
    for code, follows in CONSEQUENCES.items():
        waits = "whose outbox retry" in delivering.advice(code, follows)
        assert waits == (follows is not Consequence.NEXT_RUNG or may_have_arrived(code)), code


def test_an_unknown_word_is_shown_and_says_where_to_look() -> None:
    assert "odd_word" in delivering.reason("odd_word")
    assert "chat.postMessage" in delivering.advice("odd_word")
