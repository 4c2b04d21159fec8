# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures and kills in the freeze window: Heroku comes back into service, and the same command finishes the job."""

from __future__ import annotations

import json
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


def writable(sandbox: Sandbox) -> bool:
    """Return whether the app's role can write to Heroku's database."""
    connection = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("delete from schema_migrations where false")
        return True
    except psycopg2.Error:
        return False
    finally:
        connection.close()


def served_by_heroku(sandbox: Sandbox) -> None:
    """Assert that Heroku is as it was, and that no job can run on Fly."""
    assert sandbox.heroku["maintenance"] is False
    assert quantities(sandbox) == RUNNING
    assert writable(sandbox)
    assert [m["group"] for m in sandbox.fly["machines"] if m["state"] == "started" and m["group"] != "web"] == []


def hooks(folder: Path, **texts: str) -> tuple[str, str]:
    """Return the option with one task file for each hook."""
    files = {}
    for hook, text in texts.items():
        path = folder / f"{hook}.yml"
        path.write_text(text)
        files[hook] = [str(path)]
    return "-e", json.dumps({"migrate_hooks": files})


def test_failures_before_and_after_the_seal(box: Sandbox, tmp_path: Path) -> None:
    connection = psycopg2.connect(box.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("create table large as select i as id, repeat('x', 400) from generate_series(1, 25000) i")
        cursor.execute("alter table large add primary key (id)")
    connection.close()

    # A deploy that fails comes before the window: Heroku is not touched.
    box.fault("POST /api/v1/releases", "--status", "500", "--times", "50")
    run = box.play("migrate", *CUT_OVER, *LOG)
    assert run.rc != 0
    assert "is frozen since" not in run.output
    assert box.writes("heroku") == []
    box.fault("POST /api/v1/releases", "--status", "500", "--times", "0")

    # A hook of the team's that fails before the seal: everything is taken back.
    content = "{{ migrate_dns_records | to_json }}"
    mark = f"- ansible.builtin.copy: {{dest: '{tmp_path}/frozen', content: '{content}', mode: '0600'}}"
    run = box.play(
        "migrate",
        *CUT_OVER,
        *LOG,
        *hooks(tmp_path, after_freeze=mark, before_seal="- ansible.builtin.fail: {msg: DNS says no}"),
    )
    assert run.rc != 0
    assert "DNS says no Heroku app paper-crane is back in service" in run.output, run.output
    served_by_heroku(box)
    assert {record["hostname"] for record in json.loads((tmp_path / "frozen").read_text())} == {
        "www.example.com",
        "example.com",
    }
    # The next window is to be as short.
    assert logged(box, "SOURCE") == logged(box, "TARGET") == ["large"]

    # After the seal nothing is taken back, and the same command finishes.
    box.fault("POST /v1/apps/paper-crane/machines", "--status", "422", "--times", "50")
    run = box.play("migrate", *CUT_OVER, *LOG, "--tags", "cutover")
    assert run.rc != 0
    assert "The app is live on Fly (paper-crane)" in run.output, run.output
    assert quantities(box) == {}
    assert not writable(box)
    box.fault("POST /v1/apps/paper-crane/machines", "--status", "422", "--times", "0")
    box.play("migrate", *CUT_OVER, *LOG).succeeded()
    assert quantities(box) == {}
    assert logged(box, "SOURCE") == logged(box, "TARGET") == []
    assert sorted(m["group"] for m in box.fly["machines"] if m["state"] == "started") == ["web", "web", "worker"]
    assert box.play("migrate", *CUT_OVER, *LOG).succeeded().changed == 0


@pytest.mark.slow
def test_a_failure_at_each_step_of_the_window_puts_heroku_back(box: Sandbox) -> None:
    box.play("migrate").succeeded()
    for request in (
        "PATCH /apps/paper-crane",
        "PATCH /apps/paper-crane/formation",
        "POST /v1/apps/paper-crane/machines/*/stop",
        "POST /v1/apps/paper-crane/machines/*/start",
        "GET /_apps/paper-crane/up",
    ):
        box.fault(request, "--status", "422", "--times", "1000")
        run = box.play("migrate", *CUT_OVER, "--tags", "cutover", "-e", "migrate_verify_timeout=5")
        assert run.rc != 0, request
        # Where Heroku or Fly refuses the way back too, the run says so, and a rollback finishes it.
        box.fault(request, "--status", "422", "--times", "0")
        if "NOT wholly back" in run.output:
            box.play("rollback").succeeded()
        served_by_heroku(box)


def test_rollback_that_cannot_reach_fly_says_so_and_can_be_repeated(box: Sandbox) -> None:
    box.play("migrate", *CUT_OVER).succeeded()
    box.fault("GET /v1/apps/paper-crane/machines", "--status", "403", "--times", "1000")
    run = box.play("rollback", "-e", "migrate_discard_fly_writes=true")
    assert run.rc != 0
    assert "Not put back (machines)" in run.output
    assert "fly machine stop $(fly machine list -q -a paper-crane) -a paper-crane" in run.output
    assert (box.heroku["maintenance"], quantities(box)) == (False, RUNNING)
    box.fault("GET /v1/apps/paper-crane/machines", "--status", "403", "--times", "0")
    box.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    served_by_heroku(box)


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
    if moment.startswith("PATCH"):
        # The next run is on another computer: it finds in Heroku's database what Heroku ran.
        Path(box.environment["MIGRATE_STATE_DIR"], "paper-crane--paper-crane.json").unlink()
    box.play("migrate", *CUT_OVER).succeeded()
    assert box.heroku["maintenance"] is True
    assert quantities(box) == {}
    groups = sorted(m["group"] for m in box.fly["machines"] if m["state"] == "started")
    assert groups == ["web", "web", "worker"]
    assert box.play("migrate", *CUT_OVER).succeeded().changed == 0
    box.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    assert quantities(box) == RUNNING
