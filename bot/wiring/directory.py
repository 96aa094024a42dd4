"""Where accounts are read from: Slack today; a directory by SCIM or Microsoft Graph is one more ``DirectoryPort``."""

from __future__ import annotations

from bot.operations.ports import DirectoryPort
from bot.slack.directory import SlackDirectory
from bot.wiring.installation import Installation


def directory_of(installation: Installation) -> DirectoryPort:
    """The directory of the workspace in the settings.

    Raises:
        SettingsError: no bot token is set.
        UpstreamError: Slack does not say which workspace it is.
    """
    settings = installation.settings
    token = settings.bot_token()
    return SlackDirectory(installation.context().workspace, token, settings.slack_api_url)
