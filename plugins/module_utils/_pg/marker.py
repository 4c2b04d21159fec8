# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The target's own record of what was copied into it: evidence for later runs, written with what it speaks of.

It is a small schema, C(_flyover), that can be dropped when the migration is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.catalog import MARKER_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.session import Session

COPYING = "copying"
"""The content is half a copy, or being wiped for one: worth nothing."""
COMPLETE = "complete"
SEALED = "sealed"
"""The target is the system of record: nothing may overwrite it."""

# Of the marker's own tables; a marker of another format is a copy of ours whose evidence is not understood.
_FORMAT = 1

_CREATE = f"""
create schema if not exists {MARKER_SCHEMA};
create table if not exists {MARKER_SCHEMA}.transfer (
  only_one boolean primary key default true check (only_one),
  format int not null,
  state text not null,
  updated_at timestamptz not null default now(),
  document jsonb not null);
create table if not exists {MARKER_SCHEMA}.transfer_table (
  name text primary key, rows bigint not null, bytes bigint not null, checksum text, activity bigint not null);
comment on schema {MARKER_SCHEMA} is
  'What flyover.heroku_to_fly.pg_transfer copied into this database. Drop it when the migration is over.';
"""


@dataclass
class Marker:
    """What an earlier run left behind."""

    state: str
    document: dict[str, Any]
    """Source's identity, digests of schema, sequences and large objects, transaction ids, verification."""
    tables: dict[str, tuple[int, str | None, int]] = field(default_factory=dict)
    """Per table: rows, checksum, and the source's count of changes at the time."""

    def is_copy_of(self, identity: dict[str, Any]) -> bool:
        """Whether O(identity) is the source it was copied from."""
        return bool(self.document.get("source") == identity)


def read(target: Session) -> Marker | None:
    """Return the marker, if there is one."""
    if target.value(f"select to_regclass('{MARKER_SCHEMA}.transfer') is null"):
        return None
    found = target.rows(f"select format, state, document from {MARKER_SCHEMA}.transfer")
    if not found:
        return None
    format_, state, document = found[0]
    if format_ != _FORMAT:
        return Marker(state, {"source": document.get("source")})
    rows = target.rows(f"select name, rows, checksum, activity from {MARKER_SCHEMA}.transfer_table")
    return Marker(state, document, {name: (count, checksum, activity) for name, count, checksum, activity in rows})


def begin(target: Session, identity: dict[str, Any]) -> None:
    """Say, before anything is dropped or written, that a copy of O(identity) is under way."""
    with target.transaction(doing="writing the marker"):
        target.run(_CREATE, doing="writing the marker")
        target.run(f"truncate {MARKER_SCHEMA}.transfer_table", doing="writing the marker")
        _write(target, COPYING, {"source": identity})


def record_tables(target: Session, rows: Iterable[tuple[str, int, int, int]]) -> None:
    """Note that tables are complete (name, rows, bytes, activity), in the transaction that completes them."""
    target.run(
        f"""
        insert into {MARKER_SCHEMA}.transfer_table (name, rows, bytes, activity)
        select t ->> 0, (t ->> 1)::bigint, (t ->> 2)::bigint, (t ->> 3)::bigint from jsonb_array_elements(%s::jsonb) t
        on conflict (name) do update set rows = excluded.rows, bytes = excluded.bytes, activity = excluded.activity
        """,
        [json.dumps(list(rows))],
        doing="writing the marker",
    )


def complete(target: Session, document: dict[str, Any], checksums: dict[str, str | None]) -> None:
    """Say that the copy is complete, and what proves it."""
    with target.transaction(doing="writing the marker"):
        target.run(
            f"""
            update {MARKER_SCHEMA}.transfer_table t set checksum = c.value
            from jsonb_each_text(%s::jsonb) c where c.key = t.name
            """,
            [json.dumps(checksums)],
            doing="writing the marker",
        )
        _write(target, COMPLETE, document)


def seal(target: Session) -> None:
    """Say that the target is the system of record now."""
    target.run(
        f"update {MARKER_SCHEMA}.transfer set state = %s, updated_at = now()", [SEALED], doing="sealing the copy"
    )


def _write(target: Session, state: str, document: dict[str, Any]) -> None:
    target.run(
        f"""
        insert into {MARKER_SCHEMA}.transfer (format, state, document) values (%s, %s, %s)
        on conflict (only_one) do update set format = excluded.format, state = excluded.state,
          document = excluded.document, updated_at = now()
        """,
        [_FORMAT, state, json.dumps(document)],
        doing="writing the marker",
    )
