"""The verifier as one file, made of the very modules that ``whose ledger verify`` runs.

Their sources stand in it as they are, so that it can be read, and compared with the project's. It needs Python and
``cryptography`` and nothing else.
"""

from __future__ import annotations

from importlib.resources import files

#: In the order of their imports.
MODULES = (
    "kinds",
    "limits",
    "merkle",
    "proofs",
    "tiles",
    "note",
    "checkpoint",
    "trust_policy",
    "tlog_proof",
    "der",
    "timestamp",
    "verdict",
    "bundle",
    "bundle_files",
    "bundle_records",
    "bundle_tree",
    "bundle_trust",
    "bundle_bounds",
    "bundle_answer",
    "bundle_verify",
    "bundle_main",
)
_PACKAGE = "storage.ledger"

_HEAD = '''#!/usr/bin/env python3
"""Verify this bundle: python verify.py --policy YOUR-POLICY.txt

Needs Python 3.11 or newer and the package `cryptography`; no network and no database. VERIFY.md says more.

This file came with the bundle, so whoever made the bundle could have changed it. It is made of modules of the project
Whose, whose sources stand below as they are. Better still, run the same verifier from the project itself:
whose ledger verify BUNDLE --policy YOUR-POLICY.txt
"""

import sys
import types


def _package(name):
    module = types.ModuleType(name)
    module.__path__ = []
    sys.modules[name] = module


def _module(name, source):
    full = "storage.ledger." + name
    module = types.ModuleType(full)
    module.__file__ = __file__
    sys.modules[full] = module
    exec(compile(source, full.replace(".", "/") + ".py", "exec"), module.__dict__)
    setattr(sys.modules["storage.ledger"], name, module)


_package("storage")
_package("storage.ledger")
'''
_TAIL = """
if __name__ == "__main__":
    sys.exit(sys.modules["storage.ledger.bundle_main"].main())
"""


def single_file() -> bytes:
    """``verify.py``: the same bytes for one release."""
    parts = [_HEAD]
    for name in MODULES:
        source = files(_PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")
        if "'''" in source:
            raise AssertionError(f"{name}.py holds the quotes that enclose it in the single file")
        parts.append(f"\n\n# {'-' * 60} {name}\n\n_module(\"{name}\", r'''{source}''')\n")
    return "".join([*parts, _TAIL]).encode()
