# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random schemas with random histories, updated and compared in a way that is not the module's.

A failure names its seed, which E(FLYOVER_SEED) runs alone. E(FLYOVER_HISTORIES) says how many the slow test runs, and
E(FLYOVER_MINUTES) after how many minutes it begins no other; C(-s) shows each as it ends.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import run as running
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import transfer as transferring
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import updating
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database, Server, content
from ansible_collections.flyover.heroku_to_fly.tests.services.histories import History, OneProcess, meddle

_ROUNDS = 4
_NUMBERS = count(1)
_GUARDED = updating._GUARDED


def _transfer(source: Database, target: Database, mode: str, check_mode: bool = False) -> dict[str, Any]:
    wanted = running.Wanted(mode, 1, "checksums", False, None, None)
    return transferring.transfer(parse(source.url, "source"), parse(target.url, "target"), wanted, check_mode)


def _rows(database: Database) -> tuple[Any, ...]:
    """Return what tables and large objects hold; views hold what their last refresh found."""
    tables, _sequences, objects = content(database)
    return {name: rows for name, rows in tables.items() if name not in ("public.counted", "public.by_parts")}, objects


def _live(seed: int, source: Database, target: Database) -> None:
    def connect() -> Any:
        return source.server.connect(source.name, source.server.role).__enter__()

    history = History(seed, connect)
    # Tables are small here, so none would be guarded.
    updating._GUARDED = history.chance.choice([0, _GUARDED])
    try:
        history.begin()
        _transfer(source, target, "auto")
        for _round in range(_ROUNDS):
            history.go_on()
            if history.chance.random() < 0.25:
                history.log.append(f"-- on the target: {meddle(history.chance, target.app)}")
            predicted = _transfer(source, target, "auto", True)["verdict"] if history.chance.random() < 0.2 else None
            history.log.append("-- updated")
            try:
                verdict = _transfer(source, target, "delta")["verdict"]
            except StateError as error:
                if "the schemas differ" not in error.cause:
                    raise
                verdict = _transfer(source, target, "auto")["verdict"]
            assert _rows(target) == _rows(source)
            assert predicted in (None, verdict, "would_copy" if verdict == "copied" else "would_update"), predicted
            if not history.undecided and history.chance.random() < 0.3:
                assert _transfer(source, target, "delta")["verdict"] == "unchanged"
    except BaseException as error:
        raise AssertionError(f"seed {seed}: {error}\n" + ";\n".join(history.log)) from error
    finally:
        history.close()


def _with_databases(seed: int, server: Server) -> None:
    names = [f"history_{next(_NUMBERS)}" for _side in range(2)]
    for name in names:
        server.rows("postgres", f"create database {name} owner {server.role}")
    try:
        _live(seed, *(Database(server, name) for name in names))
    finally:
        for name in names:
            with suppress(Exception):
                server.rows("postgres", f"drop database {name} with (force)")


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "_GUARDED", _GUARDED)
    monkeypatch.setattr(running, "Pool", OneProcess)


@pytest.mark.parametrize("seed", [int(os.environ["FLYOVER_SEED"])] if "FLYOVER_SEED" in os.environ else range(1, 7))
def test_histories(heroku_server: Server, seed: int) -> None:
    _with_databases(seed, heroku_server)


@pytest.mark.slow
def test_many_histories(heroku_server: Server) -> None:
    """About 4 seconds for each history on a machine with nothing else to do."""
    wanted, seconds = (
        int(os.environ.get("FLYOVER_HISTORIES", "500")),
        60 * int(os.environ.get("FLYOVER_MINUTES", "600")),
    )
    ends = time.monotonic() + seconds
    failed = []
    for number in range(wanted):
        if time.monotonic() > ends:
            break
        try:
            _with_databases(random.randrange(10**9), heroku_server)
        except AssertionError as error:
            failed.append(f"{error}"[:2000])
            print(failed[-1])
        print(f"{number + 1} histories, {len(failed)} failed")
    assert not failed, "\n\n".join(failed)
