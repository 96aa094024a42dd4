"""What verification reads, in SQL: raw values, in single statements that each see one state.

On SQLite a column may hold any type and text may hold any bytes. So what should be text is read as its
bytes, and a value of the wrong type is read as NULL, which no check accepts. PostgreSQL keeps the types.
"""

from __future__ import annotations

LEAVES = """
SELECT leaf.seq, {leaf_hash}, leaf.kind, leaf.token_id, leaf.token_seq, leaf.request_id,
       {recorded_at}, {body}, {before_hash}
FROM ledger_leaf AS leaf
LEFT JOIN ledger_leaf AS earlier
       ON earlier.token_id = leaf.token_id AND earlier.epoch = leaf.epoch
      AND earlier.token_seq = leaf.token_seq - 1 AND earlier.seq < leaf.seq
WHERE leaf.epoch = :epoch AND leaf.seq > :after AND leaf.seq < :size ORDER BY leaf.seq LIMIT :page
"""

HEADS = """
SELECT leaf.epoch, {log}, leaf.size, {root}, {frontier}, {recorded_at}, leaf.sealed_at IS NOT NULL
FROM ledger_head AS leaf ORDER BY leaf.epoch
"""

COUNT_LEAVES = "SELECT count(*) FROM ledger_leaf"

COUNT_NODES = "SELECT count(*) FROM ledger_node"

OUTSIDE = """
SELECT seq FROM ledger_leaf WHERE epoch = :epoch AND seq < 0
UNION ALL
SELECT seq FROM ledger_leaf WHERE epoch = :epoch AND seq >= :size
ORDER BY seq LIMIT 10
"""

# A chain without gaps (each record is checked against the one before it) ends where its subject says
# when that record is there, has that hash, and has none after it.
CHAIN_ENDS = """
SELECT chain.token_id FROM ledger_subject AS chain
LEFT JOIN ledger_leaf AS leaf
       ON leaf.token_id = chain.token_id AND leaf.epoch = chain.epoch AND leaf.token_seq = chain.next_seq - 1
LEFT JOIN ledger_leaf AS later
       ON later.token_id = chain.token_id AND later.epoch = chain.epoch AND later.token_seq = chain.next_seq
WHERE leaf.seq IS NULL OR leaf.leaf_hash <> chain.last_hash OR later.seq IS NOT NULL
UNION ALL
SELECT leaf.token_id FROM ledger_leaf AS leaf
LEFT JOIN ledger_subject AS chain ON chain.token_id = leaf.token_id AND chain.epoch = leaf.epoch
WHERE leaf.token_seq = 0 AND leaf.token_id IS NOT NULL AND chain.token_id IS NULL
LIMIT 10
"""

DISCLOSURES = """
SELECT leaf_seq, {digest}, {salt}, {name}, {value} FROM ledger_disclosure AS leaf
WHERE epoch = :epoch AND leaf_seq BETWEEN :first AND :last
"""

STRAY_DISCLOSURES = """
SELECT disclosure.leaf_seq FROM ledger_disclosure AS disclosure
LEFT JOIN ledger_leaf AS leaf ON leaf.epoch = disclosure.epoch AND leaf.seq = disclosure.leaf_seq
WHERE leaf.seq IS NULL ORDER BY disclosure.leaf_seq LIMIT 10
"""

NODES = """
SELECT idx, {hash} FROM ledger_node AS leaf
WHERE epoch = :epoch AND level = :level AND idx BETWEEN :first AND :last
"""

_TEXT = ("log", "digest", "salt", "name", "value")
_BYTES = ("leaf_hash", "body", "root", "frontier", "hash")


def expressions(*, sqlite: bool) -> dict[str, str]:
    """How each column that is not a number is read, to be filled into the statements above."""
    columns = {name: f"leaf.{name}" for name in (*_TEXT, *_BYTES, "recorded_at")}
    columns["before_hash"] = "earlier.leaf_hash"
    if not sqlite:
        return columns | {name: f"convert_to(leaf.{name}, 'UTF8')" for name in _TEXT}
    read = "CASE typeof({0}) WHEN '{1}' THEN CAST({0} AS BLOB) END"
    return {
        name: read.format(column, "text" if name in (*_TEXT, "recorded_at") else "blob")
        for name, column in columns.items()
    }
