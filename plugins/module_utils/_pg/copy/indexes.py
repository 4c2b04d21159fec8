# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How the indexes and keys of a large table are made: indexes in parallel, then the keys that use them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Entry
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import BuildIndex, RunEntry, Work
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import words_quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_NAME = r'(?:[\w$]+|"(?:[^"]|"")+")'
# As pg_dump writes a key, and nothing after it.
_KEY = re.compile(rf"(ALTER TABLE ONLY {_NAME}\.{_NAME}\s+ADD CONSTRAINT ({_NAME}) (?:PRIMARY KEY|UNIQUE)) \([^;]*\);")

# An index with statements about its table after it.
_MORE = re.compile(r"(CREATE (?:UNIQUE )?INDEX) (.*?;)\n+(ALTER TABLE .*)", re.DOTALL)


class Steps(NamedTuple):
    """How an index or a key is made: what can run in parallel, then what locks others out. Either may be missing."""

    build: Work | None
    lock: Entry | None


def steps(entry: Entry, key_index: str | None) -> Steps:
    """Return the steps that make O(entry), an index or a key, for which O(key_index) builds the index if it can."""
    sql = entry.sql.strip()
    more = _MORE.fullmatch(sql)
    if more and more[2].count("'") % 2 == 0:
        # CLUSTER ON and REPLICA IDENTITY lock others out as keys do.
        return Steps(BuildIndex(f"{more[1]} IF NOT EXISTS {more[2]}", entry.label), replace(entry, sql=more[3]))
    if entry.kind != "CONSTRAINT":
        return Steps(RunEntry(entry), None)
    key = _KEY.fullmatch(sql)
    if key_index and key:
        return Steps(BuildIndex(key_index, entry.label), replace(entry, sql=f"{key[1]} USING INDEX {key[2]};"))
    return Steps(None, entry)


def key_indexes(source: Session) -> dict[int, str]:
    """Return, by the constraint's oid, the statement that builds the index of a key that is not deferrable."""
    rows = source.rows(
        """
        select oid, pg_get_indexdef(conindid) from pg_constraint
        where contype in ('p', 'u') and not condeferrable and conindid <> 0
        """
    )
    # It exists already if a run was killed between the index and its key.
    return {
        oid: words_quoted(sql).replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX IF NOT EXISTS", 1)
        for oid, sql in rows
    }


def index_bytes(source: Session) -> dict[int, int]:
    """Return the size of each index, by its oid and by that of its constraint."""
    return dict(
        source.rows(
            """
            select indexrelid, pg_relation_size(indexrelid) from pg_index where indexrelid >= 16384
            union all select oid, pg_relation_size(conindid) from pg_constraint where contype in ('p', 'u', 'x')
            """
        )
    )
