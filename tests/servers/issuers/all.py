"""Every issuing system that the contract suite runs over. A new connector adds a line."""

from __future__ import annotations

from typing import Final

from tests.servers.issuers import aws, postgres
from tests.servers.issuers.ground import Grounds

ALL: Final[tuple[Grounds, ...]] = (aws.GROUNDS, postgres.GROUNDS)
