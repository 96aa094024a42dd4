"""What a verification found, in sentences: what is proven, what is not, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

OK, TAMPERED, INCOMPLETE = 0, 1, 2
MOST_SENTENCES = 100


@dataclass(frozen=True, slots=True)
class Bound:
    """Records below ``size`` of an epoch were there by ``at`` (UTC), on the word of ``by``."""

    epoch: int
    size: int
    at: datetime
    by: str


@dataclass(slots=True)
class BundleVerdict:
    """The findings, by what they mean.

    Attributes:
        proven: what holds, whoever wrote the bundle.
        not_proven: what nothing in the bundle shows, and whoever relies on it should know.
        tampered: what contradicts itself or what is held elsewhere.
        missing: what should be there and is not, so that something could not be checked.
        bounds: by when which records were there, by somebody else's clock.
        answer: the records about the token that was asked for, a sentence each.
    """

    proven: list[str] = field(default_factory=list)
    not_proven: list[str] = field(default_factory=list)
    tampered: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: it holds. 1: it was tampered with. 2: something is missing, so nothing can be said."""
        return TAMPERED if self.tampered else INCOMPLETE if self.missing else OK

    def bound_of(self, epoch: int, seq: int) -> Bound | None:
        """The earliest moment by which a record is shown to have been there."""
        over = (one for one in self.bounds if one.epoch == epoch and one.size > seq)
        return min(over, key=lambda one: one.at, default=None)

    def text(self) -> str:
        """All of it for a person, the most important first."""
        parts = [_HEADLINES[self.exit_code]]
        for title, sentences in (
            ("Wrong", self.tampered),
            ("Missing", self.missing),
            ("Proven", self.proven),
            ("Not proven", self.not_proven),
            ("The record of the token", self.answer),
        ):
            if sentences:
                shown = [f"  - {one}" for one in sentences[:MOST_SENTENCES]]
                if more := len(sentences) - len(shown):
                    shown.append(f"  - and {more:,} more")
                parts.append("\n".join([title, *shown]))
        return "\n\n".join(parts) + "\n"


_HEADLINES = {
    OK: "The record holds.",
    TAMPERED: "The record does not hold: something in it was changed, or it is not the record it claims to be.",
    INCOMPLETE: "The record could not be checked as a whole: something is missing.",
}


def counted(number: int, one: str, many: str) -> str:
    """``1 record``, ``1,234 records``."""
    return f"{number:,} {one if number == 1 else many}"


def shown_moment(at: datetime) -> str:
    """``2026-11-24 10:00:03 UTC``"""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
