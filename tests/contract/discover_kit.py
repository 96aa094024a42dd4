"""An inventory whose tokens are keys at issuing systems in memory, and looks at what these list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from bot.operations.discovery import DiscoveryReport, SystemReport, discover
from bot.rules.issuing import Sighting
from storage.inventory import TOKEN
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from storage.remediation import SEEN_TOKEN
from tests.contract.carrying_kit import Bench
from tests.servers.issuers.key_office import Connector


class Teller(Connector):
    """Lists what the test says beside the keys of its office."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.said: list[Any] = []

    def say(self, *sightings: Any) -> None:
        """From now on these, and no longer what was said before."""
        self.said = list(sightings)

    def listing(self) -> Iterator[Sighting]:
        yield from super().listing()
        yield from self.said


@dataclass
class Look(Bench):
    """A bench that is looked at."""

    others: dict[str, Teller] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.aws = Teller(self.office, "aws", self.able)
        self.connector = self.aws

    @property
    def issuers(self) -> dict[str, Any]:
        return {"aws": self.aws} | self.others

    def look(self, **options: Any) -> SystemReport:
        """At AWS alone."""
        [report] = self.look_at_all(systems=["aws"], **options).systems
        return report

    def look_at_all(self, **options: Any) -> DiscoveryReport:
        return discover(self.ctx, self.issuers, **options)

    # ------------------------------------------------------------------ what is true

    def entry(self, external_id: str, system: str = "aws") -> Any:
        """The inventory's row; None: it has none."""
        named = (TOKEN.c.issuing_system == system, TOKEN.c.external_id == external_id)
        with self.database.read() as session:
            return session.connection().execute(select(TOKEN).where(*named)).one_or_none()

    def seen(self, external_id: str) -> Any:
        named = (TOKEN.c.issuing_system == "aws", TOKEN.c.external_id == external_id)
        query = select(SEEN_TOKEN).join(TOKEN, TOKEN.c.id == SEEN_TOKEN.c.token_id).where(*named)
        with self.database.read() as session:
            return session.connection().execute(query).one_or_none()

    def on_record(self) -> list[tuple[str, str]]:
        """(what, external id) of every record of a look, in order."""
        return [(str(one.fields["reason"]), one.fields["token"]["external_id"]) for one in self.discovered()]

    def discovered(self) -> list[StoredRecord]:
        return self.records(RecordKind.TOKEN_DISCOVERED)

    def log_faults(self) -> list[str]:
        with self.database.read() as session:
            return [str(one) for one in verify_log(session).findings]
