"""What bounds a record, whoever writes, reads or verifies it. No dependencies: the single-file verifier has it too."""

from __future__ import annotations

MAX_RECORD_BYTES = 65_535  # C2SP tlog-tiles: an entry's length is a 16-bit number
MAX_INTEGER = 2**53 - 1  # RFC 8785, 3.2.2.3: beyond it, readers that use doubles lose digits
LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999: no later moment is one
