# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checksum of a table costs compared with one of its rows as text, on every PostgreSQL of this machine."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import read_tables
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.postgres import PostgresServer, installations

_TABLE = """
create type mood as enum ('happy', 'sad', 'so so');
create table measured (id bigint, name text, email varchar, age int, price numeric(10, 2), score float8,
  created_at timestamptz, settings jsonb, mood mood);
insert into measured
select i, 'Name ' || md5(i::text), 'user' || i || '@example.com', i % 90, (i % 10000) / 100.0, i / 3.0,
  now() + i * interval '1 s', jsonb_build_object('key', i, 'text', 'x'), (enum_range(null::mood))[1 + i % 3]
from generate_series(1, {rows}) i
"""
_NAMES = {
    "text": "rows as text",
    "record": "`hash_record_extended(row, 0)`, which calls equal what is not the same",
    "ours": "the checksum",
}


def measure(server: PostgresServer, rows: int, runs: int) -> dict[str, float]:
    """Return the least seconds of each way."""
    connection = server.superuser()
    with connection.cursor() as cursor:
        cursor.execute("create role measurer superuser login password 'measurer'")
        cursor.execute(_TABLE.format(rows=rows))
        cursor.execute("vacuum analyze measured")
        cursor.execute("set max_parallel_workers_per_gather = 0; set jit = off")
        address = parse(server.url("measurer", "measurer", "postgres"), "url")
        with Session(address, "database", read_only=True) as session:
            (ours,) = (table.row_hash for table in read_tables(session) if "measured" in table.name)
        ways = {
            "text": "hashtextextended(m::text, 0)",
            "record": "hash_record_extended(m, 0)",
            "ours": ours,
        }
        seconds: dict[str, float] = {}
        for _run in range(runs):
            for way, sql in ways.items():
                seconds[way] = min(seconds.get(way, 1e9), _time(cursor, f"select sum({sql}) from measured m"))
    connection.close()
    return seconds


def _time(cursor: Any, sql: str) -> float:
    started = time.monotonic()
    cursor.execute(sql)
    cursor.fetchall()
    return time.monotonic() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print("| PostgreSQL | hashed | s | of text |\n| --- | --- | ---: | ---: |")
    for installation in installations(clients=False):
        server = PostgresServer(installation)
        server.start()
        try:
            seconds = measure(server, options.rows, options.runs)
        finally:
            server.stop()
        for way, taken in seconds.items():
            share = taken / seconds["text"]
            print(f"| {installation.major} | {_NAMES[way]} | {taken:.2f} | {share:.2f} |", flush=True)


if __name__ == "__main__":
    main()
