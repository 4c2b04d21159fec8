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
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from itertools import count, takewhile
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import run as running
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import transfer as transferring
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import updating
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database, Server, content
from ansible_collections.flyover.heroku_to_fly.tests.services.histories import History, OneProcess, Tried, meddle

_ROUNDS = 4
_NUMBERS = count(1)
_GUARDED = updating._GUARDED


def _transfer(source: Database, target: Database, mode: str, check_mode: bool = False) -> dict[str, Any]:
    wanted = running.Wanted(mode, 1, "checksums", False, None, None)
    return transferring.transfer(parse(source.url, "source"), parse(target.url, "target"), wanted, check_mode)


def _rows(database: Database) -> dict[str, Any]:
    """Return what the database holds, and of materialized views what their query gives now."""
    tables, sequences, objects = content(database)
    views = database.rows("select format('%I.%I', schemaname, matviewname), definition from pg_matviews")
    fresh = {name: sorted(row for (row,) in database.rows(f"select v::text from ({query.rstrip(';')}) v"))
             for name, query in views}  # fmt: skip
    return {"tables": {**tables, **fresh}, "sequences": sequences, "objects": objects}


def _live(history: History, source: Database, target: Database) -> Counter[str]:
    """Return how often the copy was updated, and with which verdict."""
    verdicts: Counter[str] = Counter()
    # Tables are small here, so none would be guarded.
    updating._GUARDED = history.chance.choice([0, _GUARDED])
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
        verdicts[verdict] += 1
        wanted = _rows(source)
        assert _rows(target) == wanted
        assert content(target)[0] == wanted["tables"], "a materialized view holds something else than its query gives"
        assert any(wanted["tables"].values())
        assert predicted in (None, verdict, "would_copy" if verdict == "copied" else "would_update"), predicted
        if not history.undecided and history.chance.random() < 0.3:
            assert _transfer(source, target, "delta")["verdict"] == "unchanged"
    return verdicts


def _with_databases(seed: int, servers: tuple[Server, Server], tried: Tried) -> Counter[str]:
    names = [f"history_{next(_NUMBERS)}" for _side in range(2)]
    for name, server in zip(names, servers):
        server.rows("postgres", f'create database {name} owner "{server.role}"')
    source, target = (Database(server, name) for name, server in zip(names, servers))
    try:
        with ExitStack() as opened:
            history = History(
                seed, lambda: opened.enter_context(source.server.connect(source.name, source.server.role)), tried
            )
            try:
                return _live(history, source, target)
            except BaseException as error:
                raise AssertionError(f"seed {seed}: {error}\n" + ";\n".join(history.log)) from error
            finally:
                history.close()
    finally:
        for name, server in zip(names, servers):
            with suppress(Exception):
                server.rows("postgres", f"drop database {name} with (force)")


def _try(seeds: Iterable[int], heroku_server: Server, fly_server: Server) -> None:
    """Live the histories of O(seeds); some on one server, which gives both databases the same transaction ids."""
    tried, verdicts, failed = Tried(), Counter[str](), []
    for number, seed in enumerate(seeds, 1):
        target = heroku_server if seed % 3 == 0 else fly_server
        try:
            verdicts += _with_databases(seed, (heroku_server, target), tried)
        except AssertionError as error:
            failed.append(f"{error}"[:4000])
            print(failed[-1])
        print(f"{number} histories, {len(failed)} failed, {dict(verdicts)}", flush=True)
    assert not failed, "\n\n".join(failed)
    assert verdicts["updated"] > number, verdicts
    if number > 1:
        assert not tried.never_done


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "_GUARDED", _GUARDED)
    monkeypatch.setattr(running, "Pool", OneProcess)


def test_histories(heroku_server: Server, fly_server: Server) -> None:
    seed = os.environ.get("FLYOVER_SEED")
    _try([int(seed)] if seed else range(1, 4), heroku_server, fly_server)


@pytest.mark.slow
def test_many_histories(heroku_server: Server, fly_server: Server) -> None:
    """About 4 seconds for each history on a machine with nothing else to do."""
    ends = time.monotonic() + 60 * int(os.environ.get("FLYOVER_MINUTES", "600"))
    seeds = (random.randrange(10**9) for _number in range(int(os.environ.get("FLYOVER_HISTORIES", "500"))))
    _try(takewhile(lambda _seed: time.monotonic() < ends, seeds), heroku_server, fly_server)
