# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What the fence keeps in the database that it fences: the schema C(_flyover_fence), which only its owner changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import FENCE_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

REVOKED = f"{FENCE_SCHEMA}.revoked"
_STATE = f"{FENCE_SCHEMA}.state"
_CREATE = f"""
create table if not exists {REVOKED} (
  kind text not null, object text not null, column_name text not null, grantee text not null, privilege text not null,
  grantable boolean not null, primary key (kind, object, column_name, grantee, privilege));
create table if not exists {_STATE} (
  only_one boolean primary key default true check (only_one), record jsonb, settings jsonb, raised_at timestamptz,
  mark jsonb);
insert into {_STATE} (only_one) values (true) on conflict do nothing;
comment on schema {FENCE_SCHEMA} is
  'What flyover.heroku_to_fly.pg_fence took away, and what Heroku ran before. Lower the fence to give it back.';
"""


@dataclass(frozen=True)
class Kept:
    """What the schema holds; all None if there is no such schema."""

    exists: bool = False
    record: dict[str, Any] | None = None
    """What Heroku ran before the freeze, and whose run it is."""
    settings: dict[str, str | None] | None = None
    """For each scope whose sessions are read-only now, the value that it had, or None."""
    raised_at: str | None = None
    """When the last session that could write had ended."""
    mark: dict[str, Any] | None = None
    """The state of the catalogs then."""


def read(session: Session) -> Kept:
    """Return what is kept."""
    schema, privileges, state = session.row(
        f"select to_regnamespace('{FENCE_SCHEMA}') is not null, to_regclass('{REVOKED}') is not null, "
        f"to_regclass('{_STATE}') is not null"
    )
    if not state:  # of an earlier version, or something else's
        return Kept(exists=schema and privileges)
    rows = session.rows(f"select record::text, settings::text, raised_at::text, mark::text from {_STATE}")
    if not rows:
        return Kept(exists=True)
    record, settings, raised_at, mark = rows[0]
    return Kept(True, _loaded(record), _loaded(settings), raised_at, _loaded(mark))


def write(session: Session, **columns: Any) -> None:
    """Keep O(columns) of Kept, in the present transaction."""
    for name, value in columns.items():
        session.run(f"update {_STATE} set {name} = %s", [json.dumps(value)], doing="keeping the fence's state")


def write_raised(session: Session) -> None:
    """Keep that the fence is up, from now on if it was not."""
    session.run(f"update {_STATE} set raised_at = coalesce(raised_at, clock_timestamp())", doing="raising the fence")


@contextmanager
def changing(session: Session, doing: str) -> Iterator[None]:
    """Give a transaction in which nobody else changes the fence."""
    with session.transaction(doing=doing):
        # Two at a time would miss what the other has already taken.
        session.run("select pg_advisory_xact_lock(hashtext(%s))", [FENCE_SCHEMA], doing=doing)
        yield


def create(session: Session, doing: str) -> None:
    """Create what is missing, in the present transaction. CREATE SCHEMA needs a right that the fence takes away."""
    if session.value(f"select to_regnamespace('{FENCE_SCHEMA}') is null"):
        session.run(f"create schema {FENCE_SCHEMA}", doing=doing)
    session.run(_CREATE, doing=doing)


def drop(session: Session, doing: str) -> None:
    """Remove it all, in the present transaction."""
    session.run(f"drop schema {FENCE_SCHEMA} cascade", doing=doing)


def note(session: Session, record: Mapping[str, Any]) -> Kept:
    """Keep O(record) unless there is one, and return what is kept then."""
    with changing(session, "noting what Heroku runs"):
        create(session, "noting what Heroku runs")
        if read(session).record is None:
            write(session, record=dict(record))
        return read(session)


def _loaded(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else json.loads(text)
    return found
