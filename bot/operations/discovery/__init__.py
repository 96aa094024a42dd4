"""``whose discover``: what exists at the issuing systems, held against the inventory."""

from bot.operations.discovery.freshness import listings_are_fresh
from bot.operations.discovery.report import DiscoveryReport, Found, SystemReport
from bot.operations.discovery.run import discover, discover_due

__all__ = ["DiscoveryReport", "Found", "SystemReport", "discover", "discover_due", "listings_are_fresh"]
