"""A process that appends to a ledger and says on its standard output what was acknowledged, until it is killed.

``python -m tests.contract.ledger_writer URL FIRST COUNT``: one record a transaction, each with a number of its own.
Everything is imported and connected before ``ready``; it begins when a line comes on its standard input.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import text

from storage.database import Database
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind

TOKENS = 5


def entry(number: int) -> Entry:
    """A record that can be told from every other one."""
    token = {"issuer": "aws-iam", "external_id": f"k{number % TOKENS}"}
    return Entry(RecordKind.ASKED, "test", token_id=number % TOKENS + 1, token=token, details={"number": number})


def main() -> None:
    url, first, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    database = Database(url)
    with database.read() as session:
        session.connection().execute(text("SELECT 1"))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, first + many) if many else count(first):
        with database.write() as session:
            append(session, [entry(number)], lambda: datetime.now(UTC))
        print(number, flush=True)


if __name__ == "__main__":
    main()
