"""What somebody names at the command line: a person by address, the request about a token."""

from __future__ import annotations

from difflib import get_close_matches

from sqlalchemy import select
from sqlmodel import Session

from bot.errors import NotFoundError
from storage.people import PERSON
from storage.requests import OPEN_STATES, REQUEST


def person_named(session: Session, email: str) -> int:
    """The id of the person with this address.

    Raises:
        NotFoundError: nobody has it; the text names those near.
    """
    wanted = email.strip().lower()
    found = session.connection().execute(select(PERSON.c.id).where(PERSON.c.email == wanted)).scalar()
    if found is not None:
        return int(found)
    near = get_close_matches(wanted, session.connection().execute(select(PERSON.c.email)).scalars(), n=3)
    said = f"Did you mean {' or '.join(near)}?" if near else "Import a people file that names them."
    raise NotFoundError(f"Nobody in the directory has the address {email!r}. {said}")


def open_request_of(session: Session, token_id: int, name: str) -> tuple[int, int]:
    """The id and version of what is being asked about a token.

    Args:
        name: what the token was called, for the message.

    Raises:
        NotFoundError: nothing is asked about it.
    """
    about = (REQUEST.c.token_id == token_id, REQUEST.c.state.in_(OPEN_STATES))
    row = session.connection().execute(select(REQUEST.c.id, REQUEST.c.version).where(*about)).one_or_none()
    if row is None:
        raise NotFoundError(f"Nothing is being asked about {name!r} now. `whose sweep` asks about what is due.")
    return row.id, row.version
