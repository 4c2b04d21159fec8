# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures and kills in the freeze window: Heroku comes back into service, and the same command finishes the job."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from .conftest import Sandbox

CUT_OVER = ("-e", "migrate_cutover=true")
LOG = ("-e", "migrate_change_log=true")
RUNNING = {"web": 2, "worker": 1}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path / "box").up()
    yield sandbox
    sandbox.down()


def quantities(sandbox: Sandbox) -> dict[str, int]:
    return {kind: entry["quantity"] for kind, entry in sandbox.heroku["formation"].items() if entry["quantity"]}


def logged(sandbox: Sandbox, side: str) -> list[str]:
    """Return the tables with a trigger of the change log."""
    connection = psycopg2.connect(sandbox.environment[f"SANDBOX_{side}_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("select tgrelid::regclass::text from pg_trigger where tgname = '_flyover_log'")
        found = [table for (table,) in cursor]
    connection.close()
    return found


def test_failed_deploy_in_the_window_puts_heroku_back_and_a_second_run_finishes(box: Sandbox) -> None:
    connection = psycopg2.connect(box.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("create table large as select i as id, repeat('x', 400) from generate_series(1, 25000) i")
        cursor.execute("alter table large add primary key (id)")
    connection.close()
    box.fault("POST /api/v1/releases", "--status", "500", "--times", "50")
    run = box.play("migrate", *CUT_OVER, *LOG)
    assert run.rc != 0
    assert "Heroku is back in service" in run.output
    assert box.heroku["maintenance"] is False
    assert quantities(box) == RUNNING
    # The next window is to be as short.
    assert logged(box, "SOURCE") == logged(box, "TARGET") == ["large"]
    box.fault("POST /api/v1/releases", "--status", "500", "--times", "0")
    box.play("migrate", *CUT_OVER, *LOG).succeeded()
    assert quantities(box) == {}
    assert logged(box, "SOURCE") == logged(box, "TARGET") == []
    assert box.play("migrate", *CUT_OVER, *LOG).succeeded().changed == 0


@pytest.mark.parametrize(
    ("moment", "times"),
    [
        ("PATCH /apps/paper-crane/formation", 1),
        pytest.param("POST /v1/apps/paper-crane/secrets", 1, marks=pytest.mark.slow),
        pytest.param("POST /api/v1/releases", 1, marks=pytest.mark.slow),
        # The first is the release command's. A lease stays on the other, for as long as the deploy would have waited.
        pytest.param("POST /v1/apps/paper-crane/machines", 2, marks=pytest.mark.slow),
    ],
)
def test_killed_run_is_finished_by_the_next(box: Sandbox, moment: str, times: int) -> None:
    process = box.start("migrate", *CUT_OVER, "-e", "migrate_deploy_timeout=60")
    method, path = moment.split()
    deadline = time.monotonic() + 180
    while sum(r["method"] == method and r["path"] == path for r in box.writes()) < times:
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    box.play("migrate", *CUT_OVER).succeeded()
    assert box.heroku["maintenance"] is True
    assert quantities(box) == {}
    groups = sorted(m["group"] for m in box.fly["machines"] if m["state"] == "started")
    assert groups == ["web", "web", "worker"]
    assert box.play("migrate", *CUT_OVER).succeeded().changed == 0
    box.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    assert quantities(box) == RUNNING
