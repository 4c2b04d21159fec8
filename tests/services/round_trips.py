# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make round-trip: SQL files, or folders of them, as sources of a copy; a line for each file.

Each file is run with psql as the app's role on a server as Heroku has it; C(create role) in a file is run on both
servers first. Tables that it leaves empty get rows where their constraints let some in. Then come a copy, an
independent comparison, and a second run, which must find nothing to do. Lines C(-- then updated) or C(-- then,) in a
file begin SQL for the source before another run; in a file without any, some rows of each table are changed.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg2

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import transfer as transferring
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Wanted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.tests.services import round_trip
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import (
    OWN_SCHEMAS,
    Database,
    Server,
    installation,
    running,
)
from ansible_collections.flyover.heroku_to_fly.tests.services.round_trip import Case, Compared

_ROLE = re.compile(r"(?im)^\s*create role (\w+)\s*;")
_NAMED = 3  # statements that fail by themselves
# Values for a column of each kind; the number of the row is i.
_VALUES = {
    "B": "i % 2 = 0",
    "D": "timestamp '2024-01-01' + i * interval '1 hour'",
    "E": "(enum_range(null::{type}))[1]",
    "N": "i",
    "S": "substr('v' || i, 1, {length})",
    "T": "i * interval '1 minute'",
}
_BY_NAME = {
    "uuid": "md5(i::text)::uuid",
    "json": "json_build_object('i', i)",
    "jsonb": "jsonb_build_object('i', i)",
    "bytea": "('\\x' || md5(i::text))::bytea",
}


class Difference(Exception):
    """The copy is not what it should be."""


def transfer(source: Database, target: Database, mode: str, check_mode: bool = False) -> dict[str, Any]:
    """Run the module's work once."""
    wanted = Wanted(mode, 2, "checksums", False, None, None)
    return transferring.transfer(parse(source.url, "source"), parse(target.url, "target"), wanted, check_mode)


def fill(database: Database, rows: int) -> int:
    """Put rows into empty tables, as far as their constraints let some in; return how many tables got some."""
    waiting = {name: _insert(name, columns, rows) for name, columns in _tables(database)}
    filled = 0
    while waiting:
        done = [name for name, sql in waiting.items() if _tried(database, sql)]
        if not done:
            break
        filled += len(done)
        for name in done:
            del waiting[name]
    return filled


def change(database: Database) -> int:
    """Change and delete a row of each table where its constraints allow that; return how many were."""
    done = 0
    for name, columns in _tables(database):
        row = f"where ctid = (select {{}}(ctid) from only {name})"
        texts = [column for column, _type, kind, _length in columns if kind == "S"]
        tried = [f"update only {name} set {column} = 'x' {row.format('max')}" for column in texts[:1]]
        done += sum(_tried(database, sql) for sql in [*tried, f"delete from only {name} {row.format('min')}"])
    return done


def _tried(database: Database, sql: str) -> bool:
    with suppress(psycopg2.Error):
        database.app(f"set statement_timeout = '20s'; {sql}")
        return True
    return False


def _tables(database: Database) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return each table with its columns: name, type, kind of type, length."""
    return database.app(
        f"""
        select c.oid::regclass::text, array_agg(array[quote_ident(a.attname), format_type(a.atttypid, null),
               t.typcategory::text, coalesce(nullif(a.atttypmod, -1) - 4, 60)::text] order by a.attnum)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and a.attgenerated = '' and a.attidentity = ''
        join pg_type t on t.oid = a.atttypid
        where c.relkind = 'r' and {OWN_SCHEMAS} group by c.oid order by c.oid
        """
    )  # type: ignore[return-value]


def _insert(name: str, columns: list[tuple[str, str, str, str]], rows: int) -> str:
    values = {
        column: (_BY_NAME.get(type_) or _VALUES.get(kind, "")).format(type=type_, length=length)
        for column, type_, kind, length in columns
    }
    names = ", ".join(column for column, value in values.items() if value)
    row = ", ".join(value for value in values.values() if value)
    return (
        f"insert into {name} ({names}) select {row} from generate_series(1, {rows}) i "
        f"where not exists (select from only {name})"
        if names
        else f"insert into {name} default values"
    )


class Trip:
    """What happened to one file, and what is reported about it."""

    def __init__(self, source: Database, target: Database, case: Case, rows: int) -> None:
        """O(rows) go into each empty table of a file that does not say what happens after the copy."""
        self._source = source
        self._target = target
        self._case = case
        self._rows = rows
        self._findings: list[dict[str, Any]] = []
        self.said: list[str] = []

    def run(self) -> None:
        """Raises FlyoverError or Difference if a step does not end as it should."""
        steps = list(self._case.steps)
        for role in _ROLE.findall(steps[0].sql):
            for database in (self._source, self._target):
                with suppress(psycopg2.Error):
                    database.rows(f"create role {role}")
        errors = round_trip.load(self._source, _ROLE.sub("", steps[0].sql))
        if errors:
            named = " | ".join(error.partition("ERROR:  ")[2] for error in errors[:_NAMED])
            self.said.append(f"{len(errors)} statements of the file fail by themselves ({named})")
        own_changes = len(steps) == 1
        if own_changes and self._rows:
            self.said.append(f"{fill(self._source, self._rows)} tables with rows")
        self._step("auto", steps[0].verdict)
        for step in steps[1:]:
            self.said += [f"a statement fails: {error}" for error in round_trip.load(self._source, step.sql)]
            self._step("delta", step.verdict)
        if own_changes and self._rows and change(self._source):
            self._step("delta", "")

    def _step(self, mode: str, verdict: str) -> None:
        try:
            result = transfer(self._source, self._target, mode)
        except StateError as error:
            if mode != "delta" or "it can't be updated" not in error.cause:
                raise
            result = transfer(self._source, self._target, "auto")
        self.said.append(
            f"{result['verdict']}{' by delta' if mode == 'delta' and result['verdict'] == 'updated' else ''}"
        )
        if verdict not in ("", result["verdict"]):
            raise Difference(f"not {verdict}")
        # What a copy granted on the target is still there after an update, which does not report it again.
        self._findings += result["findings"]
        compared = round_trip.compare(self._source, self._target, {**result, "findings": self._findings})
        self._tell(compared)
        again = transfer(self._source, self._target, "auto")
        if again["verdict"] != "unchanged":
            raise Difference(f"run again: {again['verdict']}")
        self.said.append("unchanged")

    def _tell(self, compared: Compared) -> None:
        unexplained = [one for one in compared.differences if not self._case.allows(one)]
        if mode_first := not any("objects" in one for one in self.said):
            self.said.append(f"{compared.objects} objects, {compared.equal} equal, {compared.left} left behind")
        if unexplained:
            raise Difference(f"{len(unexplained)} unexplained:\n" + "\n".join(unexplained))
        if not mode_first:
            self.said.append("compared")


def files(paths: list[Path]) -> Iterator[Path]:
    """Yield the named files, and the files in the named folders."""
    for path in paths:
        yield from sorted(path.glob("*.sql")) if path.is_dir() else [path]


def main() -> None:
    """Print a line for each file; the exit status says whether all passed."""
    parser = argparse.ArgumentParser(prog="round-trip", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="SQL files, or folders of them")
    parser.add_argument("--rows", type=int, default=20, help="for each empty table of a file without steps")
    wanted = parser.parse_args()
    failed = 0
    with ExitStack() as stack:
        heroku = stack.enter_context(running(installation(0), "u1a2b3c4d5e6f7"))
        fly = stack.enter_context(running(installation(-1), "fly-user"))
        empty = stack.enter_context(round_trip.template(heroku))
        print(f"PostgreSQL {heroku.postgres.installation.major} to {fly.postgres.installation.major}", flush=True)
        for path in files(wanted.paths):
            failed += not one(heroku, fly, empty, path, wanted.rows)
    sys.exit(f"{failed} failed" if failed else 0)


def one(heroku: Server, fly: Server, empty: str, path: Path, rows: int) -> bool:
    """Print the result for one file; return whether it passed."""
    started = time.monotonic()
    good = True
    with round_trip.pair(heroku, fly, empty) as (source, target):
        trip = Trip(source, target, round_trip.read(path), rows)
        try:
            trip.run()
        except (FlyoverError, Difference) as error:
            # What cannot be copied is refused by name before anything is written: that is an answer.
            good = isinstance(error, FlyoverError) and "blockers" in error.facts
            trip.said.append(f"{'refused' if good else 'FAILED'}: {error}")
    print(f"{path.name}: {'; '.join(trip.said)} ({time.monotonic() - started:.1f} s)", flush=True)
    return good


if __name__ == "__main__":
    main()
