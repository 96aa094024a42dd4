"""Every issuing system that the contract suite runs over. A new connector adds a line."""

from __future__ import annotations

from typing import Final

from tests.servers.issuers import aws, documented, github_grounds, gitlab_grounds, jupyterhub, oauth2, postgres
from tests.servers.issuers.ground import Grounds

ALL: Final[tuple[Grounds, ...]] = (
    aws.GROUNDS,
    postgres.GROUNDS,
    oauth2.AUTHLIB,
    oauth2.OIDC_PROVIDER,
    jupyterhub.GROUNDS,
    *github_grounds.ALL,
    *gitlab_grounds.ALL,
    documented.GROUNDS,
)
