"""The opaque key that travels with a message, worked out from its cause with a secret of this database.

Random to everybody else, and the same again for the same cause: when a backup is put back, what was sent since then
can still be recognised, although the rows about it are gone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, select
from sqlmodel import Session

from storage.database import insert_or_ignore, table_of
from storage.requests import Marker

_MARKER = table_of(Marker)
_NAME = "delivery_secret"
_KEY_BYTES = 18  # 24 characters, 144 bits
_secrets: WeakKeyDictionary[Engine | Connection, bytes] = WeakKeyDictionary()


def delivery_keys(session: Session) -> Callable[[str], str]:
    """From a message's cause (``dedupe_key``) to its delivery key. In a session of ``Database.write()``."""
    secret = _secret(session)

    def key_of(cause: str) -> str:
        digest = hmac.digest(secret, cause.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_KEY_BYTES]).decode()

    return key_of


def _secret(session: Session) -> bytes:
    """Made by the first who needs it, which is ``migrate``, so that it is in every backup. Remembered only
    once it is committed, since a rollback would take it back."""
    bind = session.get_bind()
    if (known := _secrets.get(bind)) is not None:
        return known
    query = select(_MARKER.c.value).where(_MARKER.c.name == _NAME)
    found = session.connection().execute(query).scalar()
    if found is not None:
        secret = bytes.fromhex(found)
        if _NAME not in session.info:
            _secrets[bind] = secret
        return secret
    session.info[_NAME] = "made here"
    # Two may make it at once: the second waits for the first, and reads the first one's.
    insert_or_ignore(session, _MARKER, [{"name": _NAME, "value": secrets.token_hex(32)}])
    return bytes.fromhex(session.connection().execute(query).scalar_one())
