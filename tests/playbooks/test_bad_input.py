# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input: one clear error each, and nothing written to either platform."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from .conftest import Sandbox

CASES = {
    "no Heroku token": ({"HEROKU_API_KEY": ""}, (), ["heroku_api_key", "HEROKU_API_KEY"]),
    "wrong Heroku token": ({"HEROKU_API_KEY": "HRKU-wrong"}, (), ["401", "unauthorized", "authorizations:create"]),
    "no Fly token": ({"FLY_API_TOKEN": ""}, (), ["fly_api_token", "FLY_API_TOKEN"]),
    "wrong Fly token": ({"FLY_API_TOKEN": "wrong"}, (), ["401", "fly tokens create org"]),
    "unknown Heroku app": ({"HEROKU_APP": "no-such-app"}, (), ["no-such-app", "404", "not_found"]),
    "no Heroku app": ({"HEROKU_APP": ""}, (), ["migrate_heroku_app", "HEROKU_APP"]),
    "Fly app of another organization": ({"FLY_APP": "taken-elsewhere"}, (), ["taken-elsewhere", "403"]),
    "unknown step": ({}, ("-e", '{"migrate_steps": ["secrets", "databse"]}'), ["migrate_steps", "databse"]),
    "half a cut-over": (
        {},
        ("-e", '{"migrate_cutover": true, "migrate_steps": ["preflight", "secrets"]}'),
        ["migrate_steps", "leaves out provision, database"],
    ),
    "unknown variable": ({}, ("-e", "migrate_heroku_ap=x"), ["migrate_heroku_ap", "no such variable"]),
    "unknown value": ({}, ("-e", "migrate_postgres_verify=maybe"), ["migrate_postgres_verify", "maybe"]),
    "no flyctl": ({}, ("-e", "migrate_flyctl=/nonexistent/flyctl"), ["/nonexistent/flyctl", "fly.io/docs/flyctl"]),
    # The next two are refused by the steps that create, asked ahead of the first.
    "older kind of Fly token": (
        {"FLY_API_TOKEN": "fo1_sandbox-0123456789abcdef"},
        (),
        ["Managed Postgres accepts only", "fly tokens create org -o personal"],
    ),
    "no hostname": (
        {},
        ("-e", '{"migrate_hostnames": ["https://x"]}'),
        ["hostname", "https://x", "it is not a hostname"],
    ),
    "no app yet, and no step that creates it": (
        {},
        ("--tags", "secrets"),
        ["Fly app paper-crane: it does not exist", "--tags provision,secrets"],
    ),
    "no source folder": ({"MIGRATE_SOURCE_DIR": "/nonexistent/app"}, (), ["/nonexistent/app"]),
}

# Unit tests cover these too, or another case takes the same path through the role.
SLOW = {
    "half a cut-over",
    "no Heroku app",
    "no hostname",
    "older kind of Fly token",
    "unknown step",
    "unknown value",
}


@pytest.mark.parametrize("case", [pytest.param(c, marks=[pytest.mark.slow] if c in SLOW else []) for c in CASES])
def test_refused_with_thing_cause_and_remedy(sandbox: Sandbox, case: str) -> None:
    environment, options, parts = CASES[case]
    run = sandbox.play("migrate", *options, **environment)
    assert run.rc != 0
    assert run.recap("failed") == 1
    for part in parts:
        assert part in run.output, run.output
    assert "Traceback" not in run.output
    assert sandbox.writes() == []


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("Procfile", "web: bin/puma\nthis is no process\n", ["Procfile", "line 2", "this is no process"]),
        pytest.param("Procfile", None, ["Procfile"], marks=pytest.mark.slow),
        pytest.param("fly.toml", 'app = "x"\n[env\n', ["fly.toml", "line 2"], marks=pytest.mark.slow),
    ],
)
def test_broken_files_are_named_with_their_line(
    sandbox: Sandbox, tmp_path: Path, name: str, content: str | None, parts: list[str]
) -> None:
    for path in Path(sandbox.environment["MIGRATE_SOURCE_DIR"]).iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content)
    run = sandbox.play("migrate", MIGRATE_SOURCE_DIR=str(tmp_path))
    assert run.rc != 0
    for part in parts:
        assert part in run.output, run.output
    assert sandbox.writes() == []


def test_unreachable_database_stops_before_anything_is_created(sandbox: Sandbox) -> None:
    source = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    source.autocommit = True
    with source.cursor() as cursor:
        cursor.execute("select current_database()")
        name = cursor.fetchone()[0]
        cursor.execute(f"alter database {name} connection limit 0")
        run = sandbox.play("migrate")
        cursor.execute(f"alter database {name} connection limit -1")
    source.close()
    assert run.rc != 0
    for part in (name, "no free connection", "scale dynos down"):
        assert part in run.output, run.output
    assert sandbox.writes() == []


def test_fir_app_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Procfile").write_text("web: true\n")
    (tmp_path / "app" / "fly.toml").write_text("")
    scenario = tmp_path / "fir.yml"
    scenario.write_text(
        "{heroku_app: paper-crane, generation: fir, source: app, config: {SECRET_KEY_BASE: x}, "
        "formation: {web: {quantity: 1, size: Basic}}}"
    )
    box = Sandbox(tmp_path / "box").up("--scenario", str(scenario))
    try:
        run = box.play("migrate")
        assert run.rc != 0
        assert "fir-generation" in run.output
        assert box.writes() == []
    finally:
        box.down()


def test_target_that_is_not_empty_is_refused_untouched(sandbox: Sandbox) -> None:
    target = psycopg2.connect(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"])
    with target, target.cursor() as cursor:
        cursor.execute("create table somebody_elses (id int); insert into somebody_elses values (7)")
    run = sandbox.play("migrate")
    assert run.rc != 0
    assert "somebody_elses" in run.output or "not empty" in run.output
    assert sandbox.writes("heroku") == []
    with target, target.cursor() as cursor:
        cursor.execute("select id from somebody_elses")
        assert cursor.fetchall() == [(7,)]
        cursor.execute("drop table somebody_elses")
    target.close()


@pytest.fixture(scope="module")
def provisioned(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox once the Fly app and its databases exist."""
    sandbox.play("migrate", "--tags", "provision").succeeded()
    return sandbox


@pytest.mark.parametrize(
    ("step", "variable"),
    [("database", "migrate_postgres_name"), pytest.param("redis", "migrate_redis_name", marks=pytest.mark.slow)],
)
def test_service_that_no_step_of_the_run_creates(provisioned: Sandbox, step: str, variable: str) -> None:
    before = provisioned.writes()
    run = provisioned.play("migrate", "--tags", step, "-e", f"{variable}=another-one")
    assert run.rc != 0
    assert "another-one: it does not exist yet" in run.output, run.output
    assert f"--tags provision,{step}" in run.output
    assert provisioned.writes() == before


def test_cause_is_told_where_failed_when_hides_it(provisioned: Sandbox) -> None:
    """Of such a task Ansible's own line says only that the expression evaluated to true."""
    provisioned.fault("POST /v1/apps/*/certificates/acme", "--status", "422", "--times", "9")
    run = provisioned.play("migrate", "--tags", "domains")
    provisioned.fault("POST /v1/apps/*/certificates/acme", "--times", "0")
    assert "Stopped at 'Request certificates': " in run.output, run.output
    assert "(HTTP 422" in run.output.partition("Stopped at")[2]
