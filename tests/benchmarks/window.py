# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make bench-window: how long the freeze window of the built-in app is, by phase, as a table.

Between the last warm copy and the freeze a share of the rows is written, which the window has to copy.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import Sandbox

ROW = 400  # bytes of text in each row of what is added
# What the built-in app has of itself, in megabytes.
OWN = 8
FILLING = """
create table filling (id bigint primary key, at timestamptz not null default now(), body text not null);
insert into filling select i, now(), repeat(md5(i::text), {repeat}) from generate_series(1, {rows}) i;
create index on filling (at);
"""
HOOK = """
- name: Write a share of the rows
  ansible.builtin.command:
    argv:
      - "{{{{ ansible_playbook_python }}}}"
      - -c
      - >-
        import os, psycopg2; c = psycopg2.connect(os.environ["SANDBOX_SOURCE_DATABASE_URL"]); c.autocommit = True;
        c.cursor().execute("update filling set body = body || '.' where id % 1000 < {per_mille}")
  changed_when: true
"""
# In the order in which they happen; the ledger's file sorts them by name.
PHASES = ("freeze", "data", "start", "seal")


def fill(sandbox: Sandbox, megabytes: int) -> int:
    """Add rows to Heroku's database until it has about that size; return its size in megabytes."""
    rows = max(megabytes - OWN, 1) * 1_000_000 // (ROW + 120)
    connection = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(FILLING.format(rows=rows, repeat=ROW // 32))
        cursor.execute("select pg_database_size(current_database()) / 1000000")
        (size,) = cursor.fetchone()
    connection.close()
    return int(size)


def measured(sandbox: Sandbox, folder: Path, per_mille: int, options: list[str]) -> dict[str, Any]:
    """Cut over with O(per_mille) of the rows written since the warm copy; return the window as the ledger has it."""
    hook = folder / f"write-{per_mille}.yml"
    hook.write_text(HOOK.format(per_mille=per_mille), encoding="utf-8")
    hooks = json.dumps({"migrate_hooks": {"before_freeze": [str(hook)] if per_mille else []}})
    sandbox.play("migrate", "-e", "migrate_cutover=true", "-e", hooks, *options).succeeded()
    (ledger,) = Path(sandbox.environment["MIGRATE_STATE_DIR"]).glob("*--*[!t].json")
    window: dict[str, Any] = json.loads(ledger.read_text(encoding="utf-8"))["cutover"]["window"]
    sandbox.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    return window


def rows(arguments: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each run's name and window."""
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            sandbox = Sandbox(folder / "box").up()
            try:
                size = fill(sandbox, megabytes)
                sandbox.play("migrate").succeeded()
                for percent in arguments.percent:
                    more = ["-e", "migrate_discard_fly_writes=true"]
                    for _number in range(arguments.repeat):
                        yield f"{size} MB, {percent:g} % written", measured(sandbox, folder, round(percent * 10), more)
            finally:
                sandbox.down()


def main() -> None:
    """Print the table, line by line."""
    parser = argparse.ArgumentParser(prog="make bench-window ARGS=…", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[17, 1000], help="sizes of the database")
    parser.add_argument(
        "--percent", type=float, nargs="+", default=[0, 0.1, 1], help="rows written since the warm copy"
    )
    parser.add_argument("--repeat", type=int, default=1, help="how often each is measured")
    head = ""
    for name, window in rows(parser.parse_args()):
        if not head:
            head = f"| window | in all | {' | '.join(PHASES)} |\n| --- |{' ---: |' * (1 + len(PHASES))}"
            print(head, flush=True)
        seconds = [window["seconds"], *(window["phases"][phase] for phase in PHASES)]
        print(f"| {name} | {' | '.join(map(str, seconds))} |", flush=True)


if __name__ == "__main__":
    main()
