"""Who answers, in a plan: a share of all questions, spread evenly over them. No dice: the same plan every time."""

from __future__ import annotations

from fractions import Fraction


class Answers:
    """Of every hundred questions that are asked for, in their order, so many are answered as ``share`` says."""

    def __init__(self, share: Fraction) -> None:
        """
        Raises:
            ValueError: ``share`` is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise ValueError("a share lies between 0 and 1")
        self._share = share
        self._asked = 0

    def next(self) -> bool:
        """Whether the next question is answered: where the share of those so far, rounded, comes to one more."""
        before = self._due()
        self._asked += 1
        return self._due() > before

    def _due(self) -> int:
        of, whole = self._share.numerator, self._share.denominator
        return (2 * self._asked * of + whole) // (2 * whole)
