"""Times as issuing systems write them, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time is outside of all calendars") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A field of a pydantic model: a time with a zone, turned to UTC; anything else does not validate."""
