"""``whose import``: files of tokens, people and vendors into the database, every bad cell named, no secret taken."""

from bot.operations.import_inventory.mapping import (
    ColumnMapping,
    MappingError,
    load_mapping,
    parse_mapping,
    shipped_mappings,
)
from bot.operations.import_inventory.report import Change, FileReport, ImportReport, Kind, Progress, RowProblem
from bot.operations.import_inventory.run import import_inventory

__all__ = [
    "Change",
    "ColumnMapping",
    "FileReport",
    "ImportReport",
    "Kind",
    "MappingError",
    "Progress",
    "RowProblem",
    "import_inventory",
    "load_mapping",
    "parse_mapping",
    "shipped_mappings",
]
