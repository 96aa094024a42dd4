"""What buttons and forms say."""

from __future__ import annotations

from dataclasses import dataclass

from messages.action_ref import Verb
from messages.view import Confirm

# ------------------------------------------------------------------ buttons

_LABELS = {
    Verb.ATTEST: "Re-attest",
    Verb.ROTATE: "Rotate…",
    Verb.REVOKE: "Revoke…",
    Verb.DISOWN: "Not mine…",
    Verb.REASSIGN: "Name an owner…",
    Verb.SNOOZE: "Snooze",
    Verb.LET_LAPSE: "Let it lapse",
    Verb.ACCEPT: "Accept",
    Verb.DECLINE: "Decline",
    Verb.DONE: "Mark as done…",
    Verb.APPROVE: "Agree…",
    Verb.CALL_OFF: "Call it off…",
    Verb.GIVE_BACK: "Give it back…",
    Verb.RESUME: "Go on with it…",
    Verb.RETRY: "Try again…",
    Verb.OFFBOARD: "End all its access…",
    Verb.PLAN_APPROVE: "Agree to the plan…",
    Verb.PLAN_CALL_OFF: "Call the plan off…",
    Verb.GRANT_APPROVE: "Agree…",
    Verb.GRANT_REFUSE: "Do not agree…",
    Verb.GRANT_END: "End it now…",
    Verb.GRANT_REVIEW: "It was in order…",
    Verb.GRANT_WRONG: "Something is wrong…",
    Verb.STILL_USED: "Still needed",
    Verb.NOT_USED: "No longer needed…",
    Verb.OPEN: "Open",
    Verb.SHOW_TOKEN: "Show",
    Verb.SHOW_HISTORY: "History",
    Verb.SHOW_MINE: "Show mine",
}


def label(verb: Verb) -> str:
    """What the button for ``verb`` says."""
    return _LABELS.get(verb, "Continue")


def claim_label(verb: Verb) -> str:
    """What it says on a card about a token that has no owner: whoever answers can take it."""
    return _CLAIMS.get(verb, label(verb))


_CLAIMS = {Verb.ATTEST: "Claim it", Verb.REASSIGN: "Claim it or name an owner…"}


def confirm(verb: Verb, name: str) -> Confirm | None:
    """What is asked before a click on ``verb`` counts, for a token called ``name``; None: nothing."""
    match verb:
        case Verb.REVOKE:
            text = f"Whatever uses {name} stops working once this is carried out. It cannot be undone."
            return Confirm("Revoke this access?", text, "Revoke", "Go back")
        case Verb.ROTATE:
            text = f"{name} gets a new secret. Whatever still uses the old one stops working."
            return Confirm("Rotate this token?", text, "Rotate", "Go back")
        case Verb.NOT_USED:
            text = f"You no longer need {name}. Whoever owns it sees that, and nothing is switched off."
            return Confirm("No longer needed?", text, "No longer needed", "Go back")
        case Verb.LET_LAPSE:
            text = f"{name} will not be renewed, and reminders about its expiry stop."
            return Confirm("Let it lapse?", text, "Let it lapse", "Go back")
        case _:
            return None


def disabled_first(days: int) -> str:
    """Before a revocation that a connector carries out: it is only disabled for ``days``."""
    long = "a day" if days == 1 else f"{days} days"
    return (
        "Whatever uses it stops working once this is carried out. It is disabled first, and can be given back for "
        f"{long}; then it is deleted for good."
    )


def confirm_ownership(name: str) -> Confirm:
    """Asked before somebody attests a token that has no owner."""
    text = f"{name} has no owner. If you stand behind it, you become its service owner."
    return Confirm("Become its owner?", text, "Become owner", "Go back")


# ------------------------------------------------------------------ forms


@dataclass(frozen=True)
class FormWords:
    """``title`` and ``submit`` have at most 24 characters (Slack's limit)."""

    title: str
    submit: str
    intro: str
    """Follows the token's name."""
    question: str
    hint: str = ""


_FORMS = {
    Verb.ATTEST: FormWords(
        "Stand behind this token",
        "Re-attest",
        "You say that this access is still needed and that you answer for it.",
        "Why is it still needed?",
        "One sentence is enough. It is kept with the record.",
    ),
    Verb.ROTATE: FormWords(
        "Rotate this token",
        "Rotate",
        "It gets a new secret. Whatever still uses the old one stops working once this is carried out.",
        "Why should it be rotated?",
    ),
    Verb.REVOKE: FormWords(
        "Revoke this token",
        "Revoke",
        "Whatever uses it stops working once this is carried out. It cannot be undone.",
        "Why should it be revoked?",
    ),
    Verb.DISOWN: FormWords(
        "Not mine",
        "Send",
        "Whoever you name is asked to take it over. Name nobody, and the next person on the list is asked.",
        "Anything the next person should know?",
    ),
    Verb.REASSIGN: FormWords(
        "Name an owner",
        "Send",
        "Whoever you name is asked to take it over. Until they accept, it stays as it is. Name yourself to take it.",
        "Anything they should know?",
    ),
    Verb.SNOOZE: FormWords(
        "Ask me later",
        "Snooze",
        "The question comes back on the day you choose. Until then nobody else is asked.",
        "Why later?",
    ),
    Verb.LET_LAPSE: FormWords(
        "Let it lapse",
        "Let it lapse",
        "It will not be renewed, and reminders about its expiry stop. It works until it expires.",
        "Why is it no longer needed?",
    ),
    Verb.ACCEPT: FormWords("Take it over", "Accept", "You become its service owner.", "Anything to add?"),
    Verb.DECLINE: FormWords(
        "Decline",
        "Decline",
        "It goes back to whoever named you, and you stay out of it.",
        "Do you know who it belongs to?",
    ),
    Verb.DONE: FormWords(
        "Mark as done",
        "Save",
        "Please say what came of it.",
        "Ticket or evidence",
        "A ticket number or a link, or what you checked. Never the secret itself.",
    ),
    Verb.CALL_OFF: FormWords(
        "Call it off",
        "Call it off",
        "Nothing more is done about it, and it stays as it is now.",
        "Why should it stay?",
        "One sentence is enough. It is kept with the record.",
    ),
    Verb.GIVE_BACK: FormWords(
        "Give it back",
        "Give it back",
        "It works again within minutes, as it did before. That it is to go stays decided until somebody calls it off.",
        "What needs it?",
    ),
    Verb.OFFBOARD: FormWords(
        "End all its access",
        "Propose it",
        "A second person is asked to agree. Until then nothing is changed.",
        "Why should it end?",
    ),
    Verb.PLAN_CALL_OFF: FormWords(
        "Call the plan off",
        "Call it off",
        "Nothing more is ended by this plan. What was ended before stays ended.",
        "Why is it called off?",
    ),
    Verb.GRANT_REFUSE: FormWords(
        "Do not agree",
        "Do not agree",
        "This access does not begin. Where it has begun already, it ends now.",
        "Why not?",
        "One sentence is enough. It is kept with the record.",
    ),
    Verb.GRANT_REVIEW: FormWords(
        "It was in order",
        "Save",
        "You say that this access was used for what it was given for, and that it is closed.",
        "What was it used for?",
        "One sentence is enough. It is kept with the record.",
    ),
    Verb.GRANT_WRONG: FormWords(
        "Something is wrong",
        "Tell security",
        "The security team hears of it at once, and looks at it.",
        "What is wrong?",
        "What you saw, in a sentence or two. Never the secret itself.",
    ),
    Verb.PLAN_APPROVE: FormWords("Agree to the plan", "Agree", "You agree to the whole plan.", "Anything to add?"),
    Verb.APPROVE: FormWords("Agree", "Agree", "You agree to what was decided.", "Anything to add?"),
    Verb.RESUME: FormWords("Go on with it", "Go on", "It is ended after all.", "Anything to add?"),
    Verb.RETRY: FormWords("Try again", "Try again", "It goes on from where it halted.", "Anything to add?"),
}
_ANY_FORM = FormWords("Please confirm", "Continue", "Please confirm your choice.", "Anything to add?")


def form_words(verb: Verb) -> FormWords:
    """The words of the form that ``verb`` opens."""
    return _FORMS.get(verb, _ANY_FORM)


NEVER_A_SECRET = "Please never write the secret itself here."
RESTATED = "Please check what you stand behind:"
STILL_RIGHT = "Are vendor, purpose and scope still right?"
STILL_RIGHT_OPTIONS = (("yes", "Yes, all of it"), ("no", "No, something has changed"))
NOT_RIGHT = "Then please cancel, and choose rotate, revoke or not mine, or have the entry corrected first."
NEW_OWNER = "Who does it belong to?"
NEW_OWNER_HINT = "Leave it empty if you do not know."
NEW_OWNER_NAMED = "Who should own it?"
UNTIL = "Ask again on"
RESULT = "What came of it?"
RESULT_HINT = "It is recorded as accepted, not verified, until the issuing system confirms it."
REVOKE_RESULTS = (("accepted_unverified", "It has been removed"), ("failed", "It could not be removed"))
ROTATE_RESULTS = (
    ("accepted_unverified", "It has been rotated, and the old secret is gone"),
    ("failed", "It could not be rotated"),
)

# ------------------------------------------------------------------ what is wrong with an answer

NEEDED = "Please fill this in."
TOO_LONG = "Please keep this to {most:,} characters or fewer."
CHOOSE = "Please choose one of the options."
NO_DATE = "Please choose a day, such as 2025-03-31."
TOO_EARLY = "Please choose {day} or later."
TOO_LATE = "Please choose {day} or earlier."


def snooze_hint(first: str, last: str, left: int | None) -> str:
    """The limits for a snooze; empty days and None: no such limit."""
    limits = [f"from {first}" if first else "", f"until {last}" if last else ""]
    days = " ".join(limit for limit in limits if limit)
    often = {None: "", 0: "No more snoozes are left.", 1: "This is the last time it can be put off."}.get(
        left, f"It can be put off {left} more times."
    )
    return " ".join(part for part in (f"Any day {days}." if days else "", often) if part)


# ------------------------------------------------------------------ what a decision cannot be taken with

LOOKS_LIKE_SECRET = "The text looks as if it holds a secret. Please describe it instead; secrets are never kept here."
REASON_NEEDED = "The policy asks for a written reason. One sentence is enough."
EVIDENCE_NEEDED = "Please give a ticket number, a link, or what you checked."
NO_SNOOZE_LEFT = "It cannot be put off any further."
NEW_OWNER_UNKNOWN = "Whoever you named is not an active person of the directory. Please choose somebody else."
NEW_OWNER_SAME = "Please name somebody other than yourself or the present owner."
NEW_OWNER_NO_ACCOUNT = "Whoever you named cannot be reached in chat. Please choose somebody else."
TOO_MANY_HANDOVERS = "It has been passed on several times. Please leave the name empty; the next person is asked."
