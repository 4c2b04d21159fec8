# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transaction ids that real servers gave out twice, and such as are more than two billion behind."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.sandbox.processes import demoted
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database, content, installation, running

pytestmark = pytest.mark.slow
_SEGMENT = 1 << 20  # ids whose state is in one file


@pytest.fixture
def source() -> Iterator[Database]:
    """Yield a database on a server of its own."""
    with running(installation(0), "u1a2b3c4d5e6f7") as server:
        server.rows("postgres", f"create database own owner {server.role}")
        database = Database(server, "own")
        database.app(
            "create table t (id int primary key, v text); insert into t select i, 'x' from generate_series(1, 9) i"
        )
        yield database


@pytest.mark.parametrize("spent", [0, 100])
def test_files_put_back_to_an_earlier_state(transfer: Any, source: Database, target: Database, spent: int) -> None:
    kept = source.server.postgres.log.parent / "kept"

    def keep(data: Path, _programs: Path) -> None:
        shutil.copytree(data, kept)

    source.server.postgres.restart(keep)
    for _time in range(50):
        source.app("select pg_current_xact_id()")
    transfer()

    def put_back(data: Path, _programs: Path) -> None:
        shutil.rmtree(data)
        kept.rename(data)

    source.server.postgres.restart(put_back)
    source.app("update t set v = 'after that' where id = 3")
    # Beyond what was noted, in ids and in the log, where only the restart shows it.
    source.app(
        "create table filler as select i from generate_series(1, 99999) i; drop table filler" if spent else "select"
    )
    for _time in range(spent):
        source.app("select pg_current_xact_id()")
    assert transfer()["verdict"] == ("updated" if spent else "copied")
    assert content(target) == content(source)
    assert transfer(mode="delta")["verdict"] == "unchanged"


def _spend(source: Database, following: int) -> None:
    """Have O(following) be the next id, a multiple of _SEGMENT."""
    server = source.server
    server.rows("postgres", "update pg_database set datallowconn = true")
    databases = [name for (name,) in server.rows("postgres", "select datname from pg_database")]

    def freeze() -> None:
        for name in databases:
            server.rows(name, "vacuum (freeze)")

    def jump(data: Path, programs: Path) -> None:
        (data / "pg_xact" / f"{following // _SEGMENT:04X}").write_bytes(bytes(_SEGMENT // 4))
        subprocess.run([programs / "pg_resetwal", "-x", str(following), "-D", data], check=True, **demoted())

    freeze()
    server.postgres.restart(jump)
    freeze()


def test_rows_more_than_two_billion_ids_old(transfer: Any, source: Database, target: Database) -> None:
    for following in (1000, 2057):
        _spend(source, following * _SEGMENT)
    assert source.rows("select max(age(xmin)) from t") < [(0,)]
    transfer()
    assert transfer()["verdict"] == "unchanged"
    source.app("update t set v = 'new' where id = 7")
    (table,) = transfer(mode="delta")["tables"]
    assert (table["how"], table["moved"]) == ("by key", 1)
    assert transfer()["verdict"] == "unchanged"
    assert content(target) == content(source)
