# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The target's own record of what was copied into it: evidence for later runs, written together with the data.

It is a small schema, C(_flyover), that can be dropped when the migration is over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import Identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import MARKER_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

COPYING = "copying"
"""The content is half a copy, or is being wiped for one: it is worth nothing."""
COMPLETE = "complete"
SEALED = "sealed"
"""The target is the system of record: nothing may overwrite it."""

# Of the marker's own tables; a marker of another format is evidence that this version does not understand.
_FORMAT = 4

_CREATE = f"""
create schema if not exists {MARKER_SCHEMA};
create table if not exists {MARKER_SCHEMA}.transfer (
  only_one boolean primary key default true check (only_one),
  format int not null,
  state text not null,
  updated_at timestamptz not null default now(),
  document jsonb not null);
comment on schema {MARKER_SCHEMA} is
  'What flyover.heroku_to_fly.pg_transfer copied into this database. Drop it when the migration is over.';
drop table if exists {MARKER_SCHEMA}.transfer_table;
create table {MARKER_SCHEMA}.transfer_table (
  name text primary key, rows bigint not null, source_horizon bigint not null,
  target_horizon bigint not null, target_xid bigint not null, verified_at timestamptz,
  log text, source_lineage text, source_file text, target_lineage text, target_file text);
drop table if exists {MARKER_SCHEMA}.transfer_source;
create table {MARKER_SCHEMA}.transfer_source (name text primary key, lineage text not null, file text not null);
drop table if exists {MARKER_SCHEMA}.transfer_entry;
create table {MARKER_SCHEMA}.transfer_entry (id int primary key);
"""


Servers = dict[str, dict[str, Any]]
"""By V(source) and V(target): what shows whether transaction ids still mean the same; see server.history."""


@dataclass(frozen=True)
class Evidence:
    """What the transaction that made a table equal to the source's noted: with it one scan shows what changed."""

    rows: int
    source_horizon: int
    """Every transaction on the source with a smaller id was over when the copied snapshot was taken."""
    target_horizon: int
    """The same on the target, when the table was written."""
    target_xid: int
    """The transaction that wrote it."""
    verified_at: str | None = None
    """When all of its content was compared with the source's."""
    log: str | None = None
    """The identity of both sides' change logs, which show what was written since; see changes.trusted."""
    source_lineage: str | None = None
    """What the source's table was, with C(source_file); see identity.Identity."""
    source_file: str | None = None
    target_lineage: str | None = None
    """The same of the target's."""
    target_file: str | None = None
    own: Sequence[int] = ()
    """Earlier transactions that wrote the table for the copy and are no older than C(target_horizon): a long one, maybe
    in another database of the server, holds that back."""


@dataclass
class Marker:
    """What an earlier run left behind."""

    state: str
    document: dict[str, Any]
    """C(source): its identity; C(servers): both servers' histories; C(verified): the level of comparison; C(schema): a
    digest of the archive's entries; C(left_out): what the archive was made without; C(views): see views.States;
    C(own): see Evidence."""
    tables: dict[str, Evidence] = field(default_factory=dict)
    entries: frozenset[int] = frozenset()
    """Entries of the archive that are made."""

    @property
    def servers(self) -> Servers:
        """Both servers' histories; none in a marker of another format."""
        found: Servers = self.document.get("servers") or {}
        return found

    def restarted(self, servers: Servers) -> bool:
        """Whether the source was started again, being one of O(servers) now: unlike the target's, its files may have
        been put back to an earlier state without this marker.
        """
        return servers["source"]["started"] != self.servers["source"]["started"]

    def own(self, names: Iterable[str], horizon: int) -> dict[str, list[int]]:
        """Return Evidence.own of each table that has any, when the tables O(names) are recorded with O(horizon)."""
        own = {name: [*noted.own] for name, noted in self.tables.items()}
        for name in names:
            own[name] = [xid for xid in [*own[name], self.tables[name].target_xid] if xid >= horizon]
        return {name: xids for name, xids in own.items() if xids}

    def is_copy_of(self, identity: dict[str, Any]) -> bool:
        """Whether O(identity) is the source it was copied from."""
        return bool(self.document.get("source") == identity)


def read(target: Session) -> Marker | None:
    """Return the marker, if there is one."""
    if target.value(f"select to_regclass('{MARKER_SCHEMA}.transfer') is null"):
        return None
    found = target.rows(
        f"select format, state, document, array(select id from {MARKER_SCHEMA}.transfer_entry) "
        f"from {MARKER_SCHEMA}.transfer"
    )
    if not found:
        return None
    format_, state, document, entries = found[0]
    if format_ != _FORMAT:
        # Which of the two servers' words mean the same stays proven, what was given to functions and to others, and who
        # filled views.
        kept = ("same", "adapted", "given", "views")
        return Marker(state, {name: document[name] for name in ("source", *kept) if name in document})
    rows = target.rows(
        f"""
        select name, rows, source_horizon, target_horizon, target_xid,
               to_char(verified_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), log,
               source_lineage, source_file, target_lineage, target_file,
               array(select jsonb_array_elements_text(document -> 'own' -> name)::bigint)
        from {MARKER_SCHEMA}.transfer_table, {MARKER_SCHEMA}.transfer
        """
    )
    return Marker(state, document, {name: Evidence(*evidence) for name, *evidence in rows}, frozenset(entries))


def begin(target: Session, document: dict[str, Any]) -> None:
    """Say, before anything is dropped or written, that a copy of C(source) in O(document) is under way."""
    with target.transaction(doing="writing the marker"):
        target.run(f"{_CREATE}; delete from {MARKER_SCHEMA}.transfer", doing="writing the marker")
        _write(target, COPYING, document)


def record_tables(
    target: Session,
    rows: Iterable[tuple[str, int] | tuple[str, int, str | None]],
    source_horizon: int,
    target_horizon: int | None = None,
) -> None:
    """Note that tables (name, rows, and the identity of their logs) are equal to the source's, in the transaction that
    makes them equal.

    O(target_horizon) is from before they were compared, if that happens in the same transaction. The identities of the
    source's tables were noted by note_source.
    """
    found = {name: more for name, *more in rows}
    now = identity.named(target, list(found))
    noted = [
        [name, *more, *([None] * (2 - len(more))), now[name].lineage, now[name].file] for name, more in found.items()
    ]
    target.run(
        f"""
        insert into {MARKER_SCHEMA}.transfer_table
        select t ->> 0, (t ->> 1)::bigint, %s, coalesce(%s, pg_snapshot_xmin(pg_current_snapshot())::text::bigint),
               pg_current_xact_id()::text::bigint, null, t ->> 2, s.lineage, s.file, t ->> 3, t ->> 4
        from jsonb_array_elements(%s::jsonb) t left join {MARKER_SCHEMA}.transfer_source s on s.name = t ->> 0
        on conflict (name) do update set rows = excluded.rows, source_horizon = excluded.source_horizon,
          target_horizon = excluded.target_horizon, target_xid = excluded.target_xid, log = excluded.log,
          source_lineage = excluded.source_lineage, source_file = excluded.source_file,
          target_lineage = excluded.target_lineage, target_file = excluded.target_file
        """,
        [source_horizon, target_horizon, json.dumps(noted)],
        doing="writing the marker",
    )


def note_source(target: Session, tables: Mapping[str, Identity]) -> None:
    """Note the identities of the source's tables in the snapshot that is read from now on."""
    target.run(
        f"""
        truncate {MARKER_SCHEMA}.transfer_source;
        insert into {MARKER_SCHEMA}.transfer_source
        select t ->> 0, t ->> 1, t ->> 2 from jsonb_array_elements(%s::jsonb) t
        """,
        [json.dumps([(name, one.lineage, one.file) for name, one in tables.items()])],
        doing="writing the marker",
    )


def renew(
    target: Session,
    document: dict[str, Any],
    tables: Mapping[str, Identity],
    rows: Mapping[str, int],
    horizons: tuple[int, int],
) -> None:
    """Write the marker again for a target whose content was just compared with the source's.

    The O(horizons) of source and target are from before the comparison.
    """
    with target.transaction(doing="writing the marker"):
        target.run(f"{_CREATE}; delete from {MARKER_SCHEMA}.transfer_entry", doing="writing the marker")
        note_source(target, tables)
        record_tables(target, list(rows.items()), *horizons)
        target.run(f"update {MARKER_SCHEMA}.transfer_table set verified_at = now()", doing="writing the marker")
        _write(target, COMPLETE, document)


def note(target: Session, document: dict[str, Any], state: str = COPYING) -> None:
    """Note what is needed to resume the copy if it is interrupted from here on, or what else there is to know of it."""
    _write(target, state, document)


def record_entries(target: Session, ids: Iterable[int]) -> None:
    """Note that entries of the archive are made, in the transaction that makes them."""
    target.run(
        f"insert into {MARKER_SCHEMA}.transfer_entry select pg_catalog.unnest(%s::int[])",
        [list(ids)],
        doing="writing the marker",
    )


def advance(target: Session, source_horizon: int) -> None:
    """Note that every table is equal to the source's in a later snapshot."""
    target.run(
        f"update {MARKER_SCHEMA}.transfer_table set source_horizon = %s", [source_horizon], doing="writing the marker"
    )


def complete(target: Session, document: dict[str, Any], compared: bool, logs: Mapping[str, str]) -> None:
    """Say that the copy is complete, and whether all content was O(compared).

    O(logs) are the identities, by table, of the logs that noted every write during the comparison.
    """
    with target.transaction(doing="writing the marker"):
        if compared:
            target.run(
                f"update {MARKER_SCHEMA}.transfer_table set verified_at = now(), log = %s::jsonb ->> name",
                [json.dumps(dict(logs))],
                doing="writing the marker",
            )
        _write(target, COMPLETE, document)


def given(target: Session) -> list[list[Any]]:
    """Return the privileges that an earlier run gave to others than the owner."""
    found: list[list[Any]] = target.value(f"select document -> 'given' from {MARKER_SCHEMA}.transfer") or []
    return found


def note_given(target: Session, grants: Sequence[Sequence[Any]]) -> None:
    """Note which privileges others have now: what the source takes back can be told from what the target gave."""
    target.run(
        f"update {MARKER_SCHEMA}.transfer set document = jsonb_set(document, '{{given}}', %s::jsonb)",
        [json.dumps(grants)],
        doing="writing the marker",
    )


def seal(target: Session) -> None:
    """Say that the target is the system of record now."""
    target.run(
        f"update {MARKER_SCHEMA}.transfer set state = %s, updated_at = now()", [SEALED], doing="sealing the copy"
    )


def _write(target: Session, state: str, document: dict[str, Any]) -> None:
    written = target.value(
        f"""
        with written as (
          insert into {MARKER_SCHEMA}.transfer as t (format, state, document) values (%s, %s, %s)
          on conflict (only_one) do update set format = excluded.format, state = excluded.state,
            document = excluded.document, updated_at = now() where t.state <> '{SEALED}'
          returning 1)
        select count(*) from written
        """,
        [_FORMAT, state, json.dumps(document)],
        doing="writing the marker",
    )
    if not written:
        raise StateError(
            target.thing,
            "it was sealed while this copy was being made",
            "It is the system of record now: do not copy into it, or set clean to true to drop what it holds.",
        )


# Two transfers into one database would undo each other; "flyover" in hexadecimal.
_LOCK = 0x666C796F766572


def hold(target: Session, patience: float = 0, sleep: Callable[[float], None] = time.sleep) -> None:
    """Keep other transfers and seals away from O(target) for as long as its session lasts.

    Raises StateError if another one still holds it after O(patience) seconds; a session that just ended may take a
    moment to let go.
    """
    ends = time.monotonic() + patience
    while not target.value("select pg_try_advisory_lock(%s)", [_LOCK]):
        if time.monotonic() >= ends:
            raise StateError(
                target.thing,
                f"another transfer is copying into it{_holder(target)}",
                "Wait until that one has ended, then run again.",
            )
        sleep(0.2)


def _holder(target: Session) -> str:
    """Return who holds the lock, as far as the role may see."""
    found = target.rows(
        """
        select a.pid, coalesce(host(a.client_addr), 'a local socket'),
               to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
          and (l.classid::bigint << 32) + l.objid::bigint = %s
          and l.database = (select oid from pg_database where datname = current_database())
        """,
        [_LOCK],
    )
    if not found:
        return ""
    pid, address, since = found[0]
    return f" (session {pid} from {address}" + (f", since {since})" if since else ")")
