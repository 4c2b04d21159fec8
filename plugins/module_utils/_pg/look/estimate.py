# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How long it takes to read the rows, estimated from a sample."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_SAMPLE = 8 << 20  # bytes on disk


def estimate(session: Session, tables: Sequence[Table]) -> dict[str, Any]:
    """Return how long it takes to read the rows, from a sample of the largest table; nothing if that is too small.

    A copy does nearly everything else meanwhile, unless the target is slower than the network.
    """
    largest = max(tables, key=lambda table: table.bytes, default=None)
    if largest is None or largest.bytes < _SAMPLE:
        return {}  # all of it takes seconds
    rows = session.value("select greatest(reltuples, 0)::float8 from pg_class where oid = %s", [largest.oid])
    sample = int(rows * _SAMPLE / largest.bytes)
    if not sample:
        return {}  # never analyzed
    form = "binary" if largest.binary else "text"
    started = time.monotonic()
    session.copy_out(f"copy ({largest.row_query} limit {sample}) to stdout (format {form})", _Nowhere(), "sampling")
    seconds = (time.monotonic() - started) * sum(table.bytes for table in tables) / _SAMPLE
    return {"read_seconds": round(seconds, 2), "sampled_table": largest.name}


class _Nowhere(io.RawIOBase):
    """A file that forgets what is written to it."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)
