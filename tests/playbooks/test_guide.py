# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole migration of the guide's app, in order: audit, rehearsal, cut-over, again, rollback."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg2
import pytest

from .conftest import Sandbox, tree

DROPPED = {"HEROKU_POSTGRESQL_BLUE_URL", "REDIS_TLS_URL"}
CUT_OVER = ("-e", "migrate_cutover=true")


def ask(machine: dict[str, Any]) -> dict[str, Any]:
    with urlopen(machine["url"], timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def started(sandbox: Sandbox, group: str) -> list[dict[str, Any]]:
    return [m for m in sandbox.fly["machines"] if m["group"] == group and m["state"] == "started"]


def orders(url: str) -> int:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from orders")
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])
    finally:
        connection.close()


def test_audit_of_an_app_that_is_not_there_yet_writes_nothing(sandbox: Sandbox) -> None:
    source, state = Path(sandbox.environment["MIGRATE_SOURCE_DIR"]), Path(sandbox.environment["MIGRATE_STATE_DIR"])
    before = tree(source)
    run = sandbox.play("migrate", "--check", "--diff").succeeded()
    assert sandbox.writes() == []
    assert tree(source) == before
    assert not state.exists() or tree(state) == {}
    assert run.changed > 0
    # Each thing is asked once: an audit is run every night, and its tasks are most of what it costs.
    assert run.recap("ok") <= 40
    services = Counter(request["service"] for request in sandbox.requests())
    assert (services["heroku"] <= 21, services["fly"] <= 13) == (True, True), services
    assert "+[processes]" in run.output
    assert re.search(r"  > copy    Postgres: \d+ tables, \d+\.\d+ MB", run.output)


def test_processes_can_come_from_heroku_itself(sandbox: Sandbox, tmp_path: Path) -> None:
    toml = Path(sandbox.environment["MIGRATE_SOURCE_DIR"], "fly.toml")
    (tmp_path / "fly.toml").write_bytes(toml.read_bytes())
    steps = '{"migrate_steps": ["processes"], "migrate_processes_from": "heroku"}'
    run = sandbox.play("migrate", "--check", "--diff", "-e", steps, MIGRATE_SOURCE_DIR=str(tmp_path)).succeeded()
    for line in ("+  worker = ", "+  release_command = "):
        assert line in run.output
    assert "bundle exec sidekiq -C config/sidekiq.yml" in run.output
    assert tree(tmp_path) == {"fly.toml": toml.read_bytes()}


def test_an_audit_before_the_first_run_tells_what_became_different_since_the_last_one(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    asked = ("-e", "migrate_audit_fail_on=drift", "-e", f"migrate_audit_dir={tmp_path}")
    shown = sandbox.play("audit", *asked).succeeded()
    assert "  ! " not in shown.output
    assert {path.name.partition(".audit.")[2] for path in tmp_path.glob("paper-crane--*")} == {
        "html", "md", "json", "sarif", "junit.xml"
    }  # fmt: skip
    earlier = tmp_path / "paper-crane--paper-crane.audit.json"
    report = json.loads(earlier.read_text())
    assert "public.orders" in report["tables"]
    del report["config"]["SECRET_KEY_BASE"]
    report["tables"].remove("public.orders")
    earlier.write_text(json.dumps(report))
    run = sandbox.play("audit", *asked)
    assert run.rc != 0
    assert "  ! config var SECRET_KEY_BASE was added on Heroku (transfer)" in run.output
    assert "  ! table public.orders was added on Heroku" in run.output
    assert "differ (drift): config var SECRET_KEY_BASE was added on Heroku (transfer); table" in run.output
    assert sandbox.writes() == []


def test_rehearsal_builds_fly_and_leaves_heroku_alone(sandbox: Sandbox) -> None:
    shown = sandbox.play("migrate").succeeded().output.splitlines()
    assert "Rehearsal: nothing on Heroku is written. Now: live on Heroku, nothing runs on Fly.io." in shown
    assert "paper-crane (Heroku), paper-crane (Fly.io): rehearsed on Fly.io, live on Heroku" in shown
    assert "Next steps:" in shown
    assert "fly_deploy [localhost]: Running paper-crane release_command: bin/rails db:migrate" in shown
    assert sandbox.writes("heroku") == []
    config, secrets = sandbox.heroku["config"], sandbox.fly["secrets"]
    moved = set(config) - DROPPED - {"DATABASE_URL", "REDIS_URL"}
    assert {name: secrets[name] for name in moved} == {name: config[name] for name in moved}
    assert not DROPPED & set(secrets)
    assert secrets["DATABASE_URL"] != config["DATABASE_URL"]
    assert len(started(sandbox, "web")) == 2
    assert started(sandbox, "worker") == []
    rows = ask(started(sandbox, "web")[0])["rows"]
    assert rows == orders(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])


def test_second_rehearsal_changes_nothing(sandbox: Sandbox) -> None:
    before = len(sandbox.requests())
    machines = sandbox.fly["machines"]
    assert sandbox.play("migrate").succeeded().changed == 0
    sent = sandbox.requests()[before:]
    assert [request for request in sent if request["mutating"]] == []
    assert sandbox.fly["machines"] == machines
    # 'make count-requests' prints them all; what only looks always asks the same.
    services = Counter(request["service"] for request in sent)
    assert (services["heroku"] <= 25, services["fly"] <= 40) == (True, True), services


def test_check_mode_after_the_rehearsal_predicts_no_change(sandbox: Sandbox) -> None:
    before = len(sandbox.writes())
    assert sandbox.play("migrate", "--check", "--diff").succeeded().changed == 0
    assert sandbox.writes()[before:] == []


def test_rows_written_since_come_across_with_the_cut_over(sandbox: Sandbox) -> None:
    connection = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into schema_migrations (version) values ('29991231235959')")
    connection.close()
    run = sandbox.play("migrate", *CUT_OVER).succeeded()
    # The release is there, from the rehearsal: nothing is built, released or migrated in or before this window.
    assert "release_command" not in run.output
    window = run.output[run.output.index("Turn maintenance mode on]") :].partition("Copy late keys")[0]
    tasks = [task for task in window.split("TASK [") if re.search(r"^(ok|changed):", task, re.MULTILINE)]
    assert len(tasks) <= 15, window
    target = psycopg2.connect(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"])
    with target, target.cursor() as cursor:
        cursor.execute("select count(*) from schema_migrations where version = '29991231235959'")
        assert cursor.fetchone() == (1,)
    target.close()


def test_heroku_is_frozen_and_fly_runs_every_group(sandbox: Sandbox) -> None:
    assert sandbox.heroku["maintenance"] is True
    assert {entry["quantity"] for entry in sandbox.heroku["formation"].values()} == {0}
    assert len(started(sandbox, "web")) == 2
    assert len(started(sandbox, "worker")) == 1
    source = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), source, source.cursor() as cursor:
        cursor.execute("delete from schema_migrations")
    # Whoever makes a session writable again has no privilege to write.
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), source, source.cursor() as cursor:
        cursor.execute("set transaction read write")
        cursor.execute("delete from schema_migrations")
    source.close()


def test_second_cut_over_changes_nothing_although_the_app_is_in_use(sandbox: Sandbox) -> None:
    target = psycopg2.connect(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"])
    with target, target.cursor() as cursor:
        cursor.execute("insert into schema_migrations (version) values ('30001231235959')")
    before = len(sandbox.writes())
    assert sandbox.play("migrate", *CUT_OVER).succeeded().changed == 0
    assert sandbox.play("migrate").succeeded().changed == 0
    assert sandbox.writes()[before:] == []
    assert len(started(sandbox, "worker")) == 1
    with target, target.cursor() as cursor:
        cursor.execute("select count(*) from schema_migrations where version = '30001231235959'")
        assert cursor.fetchone() == (1,)
    target.close()


def test_lost_ledger_never_writes_over_the_living_database(sandbox: Sandbox) -> None:
    state = Path(sandbox.environment["MIGRATE_STATE_DIR"])
    kept = {path: path.read_bytes() for path in state.iterdir() if path.is_file()}
    for path in kept:
        path.unlink()
    sandbox.play("migrate")
    target = psycopg2.connect(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"])
    with target, target.cursor() as cursor:
        cursor.execute("select count(*) from schema_migrations where version = '30001231235959'")
        assert cursor.fetchone() == (1,)
    target.close()
    for path, content in kept.items():
        path.write_bytes(content)
        path.chmod(0o600)


def test_report_has_what_a_person_needs_next(sandbox: Sandbox) -> None:
    report = Path(sandbox.environment["MIGRATE_STATE_DIR"], "paper-crane--paper-crane.report.md").read_text()
    for part in ("www.example.com", "_acme-challenge", "rollbar", "Freeze window", "SECRET_KEY_BASE"):
        assert part in report


def test_rollback_asks_before_it_leaves_writes_behind(sandbox: Sandbox) -> None:
    run = sandbox.play("rollback")
    assert run.rc != 0
    assert "migrate_discard_fly_writes" in run.output
    assert sandbox.heroku["maintenance"] is True


def test_rollback_puts_heroku_back(sandbox: Sandbox) -> None:
    sandbox.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    assert sandbox.heroku["maintenance"] is False
    quantities = {kind: entry["quantity"] for kind, entry in sandbox.heroku["formation"].items() if entry["quantity"]}
    assert quantities == {"web": 2, "worker": 1}
    assert started(sandbox, "worker") == []
    source = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with source, source.cursor() as cursor:
        cursor.execute("insert into schema_migrations (version) values ('31001231235959')")
    source.close()
    assert sandbox.play("rollback").succeeded().changed == 0
