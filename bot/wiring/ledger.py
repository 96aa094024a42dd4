"""The ledger's keeping, joined: its key, who publishes, who anchors."""

from __future__ import annotations

from functools import cached_property

from bot.anchors import Surroundings, anchors_of, names_of
from bot.errors import SettingsError
from bot.operations.anchor_checkpoints import AnchorReport, anchor_checkpoints
from bot.operations.ledger_key import LedgerKey, parse_key, read_key
from bot.operations.publish_checkpoint import Publisher
from bot.settings import Settings
from bot.wiring.installation import Installation


def ledger_key(settings: Settings) -> LedgerKey | None:
    """The key of the settings; None: there is none.

    Raises:
        SettingsError: both variables are set.
        LedgerKeyError: it cannot be used.
    """
    if settings.ledger_key is not None and settings.ledger_key_file is not None:
        raise SettingsError("WHOSE_LEDGER_KEY and WHOSE_LEDGER_KEY_FILE are both set. Leave one of them out.")
    if settings.ledger_key is not None:
        return parse_key(settings.ledger_key.get_secret_value(), "WHOSE_LEDGER_KEY")
    return None if settings.ledger_key_file is None else read_key(settings.ledger_key_file)


def publisher_of(installation: Installation) -> Publisher:
    """What publishes checkpoints.

    Raises:
        SettingsError: there is no key, or two.
        LedgerKeyError: it cannot be used.
    """
    settings = installation.settings
    key = ledger_key(settings)
    if key is None:
        raise SettingsError(
            "No key is set that could sign the ledger. Make one: whose ledger keygen, and set WHOSE_LEDGER_KEY_FILE."
        )
    return Publisher(installation.database, installation.now, key, settings.ledger_state, names_of(settings.anchors))


class Keeper:
    """What a worker does for the ledger: publish where it is due, then bring it to the anchors."""

    def __init__(self, installation: Installation) -> None:
        """
        Raises:
            SettingsError: there is no key, or an anchor cannot be made of its text.
            LedgerKeyError: the key cannot be used.
        """
        self._installation = installation
        self.publisher = publisher_of(installation)
        self._anchors = anchors_of(installation.settings.anchors, self._around)

    @cached_property
    def _around(self) -> Surroundings:
        installation = self._installation
        return Surroundings(installation.database, installation.now, lambda: installation.context().lane)

    def keep(self) -> AnchorReport:
        """One turn. A refusal to sign does not keep what was signed before from its anchors.

        Raises:
            LogRefusedError: the log is not what was published before.
        """
        try:
            self.publisher.publish_if_due()
        finally:
            report = self.anchor()
        return report

    def anchor(self) -> AnchorReport:
        """Give the anchors what they are due."""
        return anchor_checkpoints(self._installation.database, self._installation.now, self._anchors)


def keeper_of(installation: Installation) -> Keeper | None:
    """The ledger's keeper; None: no key is set, so that there is nothing to keep.

    Raises:
        SettingsError: an anchor cannot be made of its text.
        LedgerKeyError: the key cannot be used.
    """
    return None if ledger_key(installation.settings) is None else Keeper(installation)
