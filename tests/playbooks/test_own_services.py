# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Postgres and a Redis that the user provides, on Fly's private network as unmanaged ones are."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psycopg2
import pytest

from .conftest import Sandbox

STEPS = ["preflight", "provision", "secrets", "database", "redis", "report"]


def private(url: str, host: str) -> str:
    """Return O(url) as an app on Fly's private network sees it."""
    return re.sub(r"@127\.0\.0\.1:\d+", f"@{host}", url)


def options(sandbox: Sandbox) -> tuple[str, str, tuple[str, str]]:
    postgres = private(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"], "paper-db.flycast")
    redis = private(sandbox.environment["SANDBOX_TARGET_REDIS_URL"], "fly-paper.upstash.io:6379")
    given = {"migrate_postgres_url": postgres, "migrate_redis_url": redis, "migrate_steps": STEPS}
    return postgres, redis, ("-e", json.dumps(given))


def tables(url: str) -> int:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_tables where schemaname = 'public'")
        row = cursor.fetchone()
    connection.close()
    assert row
    return int(row[0])


def test_what_is_no_url_is_refused_without_showing_it(sandbox: Sandbox) -> None:
    for name, url in (("postgres", "postgres://u:canary/1@h/d"), ("redis", "http//:canary@h")):
        run = sandbox.play("migrate", "-vvv", "-e", f"migrate_{name}_url={url}")
        assert run.rc != 0
        assert f"migrate_{name}_url: it is not the URL of a" in run.output
        assert "canary" not in run.output
    assert sandbox.writes() == []


@pytest.mark.slow
def test_audit_opens_no_tunnel(sandbox: Sandbox) -> None:
    *_urls, given = options(sandbox)
    run = sandbox.play("migrate", "--check", *given).succeeded()
    assert sandbox.writes() == []
    assert "> copy    Postgres: " in run.output
    assert list(Path(sandbox.environment["MIGRATE_STATE_DIR"]).glob("*-tunnel.json")) == []


def wait_for_copy(sandbox: Sandbox, process: subprocess.Popen[str]) -> None:
    """Return when rows of the large table travel."""
    connection = psycopg2.connect(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"])
    connection.autocommit = True
    deadline = time.monotonic() + 120
    with connection.cursor() as cursor:
        while True:
            cursor.execute("select count(*) from pg_stat_progress_copy where tuples_processed > 0")
            if cursor.fetchone() != (0,):
                break
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.01)
    connection.close()


def test_tunnel_that_dies_amid_the_copy_is_named_and_the_next_run_finishes(sandbox: Sandbox) -> None:
    postgres, redis, given = options(sandbox)
    source = psycopg2.connect(sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"])
    with source, source.cursor() as cursor:
        cursor.execute(
            "create table large as select i as id, repeat(md5(i::text), 20) from generate_series(1, 200000) i"
        )
    source.close()
    state = Path(sandbox.environment["MIGRATE_STATE_DIR"], "paper-crane--paper-crane.postgres-tunnel.json")
    process = sandbox.start("migrate", *given)
    wait_for_copy(sandbox, process)
    os.killpg(json.loads(state.read_text())["pid"], signal.SIGKILL)
    output, _nothing = process.communicate(timeout=120)
    assert process.returncode != 0, output
    assert "The tunnel to paper-db.flycast:5432 had ended on its own" in output
    assert "Traceback" not in output
    assert not state.exists()
    sandbox.play("migrate", *given).succeeded()
    assert tables(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"]) == tables(
        sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"]
    )
    fly = sandbox.state()["fly"]
    assert (fly["postgres"], fly["redis"]) == ([], [])
    secrets = fly["apps"]["paper-crane"]["secrets"]
    # The scheme stays Heroku's, which the app may look for.
    assert secrets["DATABASE_URL"] == postgres.replace("postgresql:", "postgres:")
    assert secrets["REDIS_URL"] == redis


@pytest.mark.slow
def test_second_run_changes_nothing(sandbox: Sandbox) -> None:
    *_urls, given = options(sandbox)
    before = len(sandbox.writes())
    assert sandbox.play("migrate", *given).succeeded().changed == 0
    assert sandbox.writes()[before:] == []
