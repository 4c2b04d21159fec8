# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures and kills in the freeze window: Heroku comes back into service, and the same command finishes the job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from .conftest import Sandbox
from .kills import Output

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
    assert "has been frozen since" not in run.output
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
    assert "DNS says no. Heroku app paper-crane is back in service" in run.output, run.output
    served_by_heroku(box)
    assert {record["hostname"] for record in json.loads((tmp_path / "frozen").read_text())} == {
        "www.example.com",
        "example.com",
    }
    # The next window should be as short.
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
        "POST /v1/apps/paper-crane/machines/*/stop",  # comes first, because a failed run leaves them stopped
        "PATCH /apps/paper-crane",
        "PATCH /apps/paper-crane/formation",
        "POST /v1/apps/paper-crane/machines/*/start",
    ):
        box.fault(request, "--status", "422", "--times", "1000")
        run = box.play("migrate", *CUT_OVER, "--tags", "cutover", "-e", "migrate_verify_timeout=5")
        assert run.rc != 0, request
        # Where Heroku or Fly refuses the way back too, the run says so, and a rollback finishes it.
        box.fault(request, "--status", "422", "--times", "0")
        if "NOT fully back" in run.output:
            box.play("rollback").succeeded()
        served_by_heroku(box)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [("--status", "503"), ("--delay", "1000")], ids=["refuses", "never answers"])
def test_web_machine_that_does_not_answer_in_the_window_puts_heroku_back(box: Sandbox, fault: tuple[str, str]) -> None:
    box.play("migrate").succeeded()
    box.fault("GET /_apps/paper-crane*", *fault, "--times", "1000")
    run = box.play("migrate", *CUT_OVER, "--tags", "cutover", "-e", "migrate_verify_timeout=5")
    assert run.rc != 0
    assert "Stopped at 'Request each web Machine over HTTP'" in run.output, run.output
    assert "Heroku app paper-crane is back in service" in run.output, run.output
    served_by_heroku(box)
    box.fault("GET /_apps/paper-crane*", "--times", "0")
    box.play("migrate", *CUT_OVER).succeeded()
    assert quantities(box) == {}
    assert sorted(m["group"] for m in box.fly["machines"] if m["state"] == "started") == ["web", "web", "worker"]


@pytest.mark.slow
def test_release_command_that_changes_the_schema_stops_the_move_before_heroku_is_touched(box: Sandbox) -> None:
    program = Path(box.environment["MIGRATE_SOURCE_DIR"], "bin", "rails")
    program.write_text(
        "#!/usr/bin/env python\n"
        "import os, psycopg2\n"
        "connection = psycopg2.connect(os.environ['DATABASE_URL'])\n"
        "with connection, connection.cursor() as cursor:\n"
        "    cursor.execute('alter table orders add column if not exists newer text')\n"
    )
    run = box.play("migrate", *CUT_OVER)
    assert run.rc != 0
    assert (
        "If the release command (bin/rails db:migrate) changed its schema, let it do so on Heroku first" in run.output
    )
    assert "Heroku app paper-crane was not frozen." in run.output
    assert box.writes("heroku") == []
    # With the remedy, the run goes on.
    connection = psycopg2.connect(box.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("alter table orders add column newer text")
    connection.close()
    box.play("migrate", *CUT_OVER).succeeded()


@pytest.mark.slow
def test_window_that_takes_longer_than_its_limit_is_given_up(box: Sandbox, tmp_path: Path) -> None:
    # Another client locks a table on Fly of which a row has to be copied: the copy waits.
    locked = tmp_path / "locked"
    holder = tmp_path / "hold.py"
    holder.write_text(
        "import pathlib, sys, time, psycopg2\n"
        "connection = psycopg2.connect(sys.argv[1])\n"
        "connection.cursor().execute('lock table orders in exclusive mode')\n"
        f"pathlib.Path('{locked}').touch()\n"
        "time.sleep(600)\n"
    )
    writer = tmp_path / "write.py"
    writer.write_text(
        "import os, psycopg2\n"
        "connection = psycopg2.connect(os.environ['SANDBOX_SOURCE_DATABASE_URL'])\n"
        "connection.cursor().execute('update orders set id = id where id = (select max(id) from orders)')\n"
        "connection.commit()\n"
    )
    given = hooks(
        tmp_path,
        before_freeze=f"- ansible.builtin.command: {{argv: ['{sys.executable}', '{writer}']}}",
        after_freeze=f"- ansible.builtin.copy: {{dest: '{tmp_path}/frozen', content: '', mode: '0600'}}\n"
        f"- ansible.builtin.wait_for: {{path: '{locked}', timeout: 60}}",
    )
    box.play("migrate").succeeded()
    running = box.start("migrate", *CUT_OVER, "-e", "migrate_window_limit=25", *given)
    output = Output(running)
    while not (tmp_path / "frozen").exists():
        assert running.poll() is None, output.text()
        time.sleep(0.1)
    target = box.environment["SANDBOX_TARGET_DATABASE_URL"]
    with subprocess.Popen([sys.executable, str(holder), target]) as held:
        running.wait(timeout=600)
        held.kill()
    assert running.returncode != 0
    assert "exceeded its limit (migrate_window_limit). Heroku app paper-crane is back in service" in output.rest(), (
        output.text()
    )
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
