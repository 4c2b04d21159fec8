# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox as its users see it: command line, scenario, state; and that it behaves like the platforms."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from .conftest import SCENARIO, Box, command, write_scenario

CONTRACTS = os.environ.get("FLYOVER_CONTRACTS", "")
APP = "/apps/small-app"


def test_environment_names_everything_that_clients_read(box: Box) -> None:
    exports = command("env", str(box.directory)).stdout
    for name in (
        *("HEROKU_API_KEY", "HEROKU_API_URL", "FLY_API_TOKEN", "FLY_FLAPS_BASE_URL", "FLY_API_BASE_URL"),
        *("FLY_UIEX_BASE_URL", "PATH", "SANDBOX_SOURCE_DATABASE_URL", "SANDBOX_TARGET_DATABASE_URL"),
        *("SANDBOX_SOURCE_REDIS_URL", "SANDBOX_TARGET_REDIS_URL", "MIGRATE_SOURCE_DIR", "MIGRATE_STATE_DIR"),
    ):
        assert f"export {name}=" in exports
    assert box.environment["PATH"].startswith(str(box.directory / "bin"))


def test_state_has_the_scenario(box: Box) -> None:
    state = box.state()
    app = state["heroku"]["apps"]["small-app"]
    assert app["config"].items() >= {"SECRET_KEY_BASE": "abc#def", "OWN": "x", "SENDGRID_USERNAME": "u"}.items()
    assert {"DATABASE_URL", "HEROKU_POSTGRESQL_RED_URL", "CACHE_URL"} <= set(app["config"])
    assert app["formation"]["web"] == {"quantity": 2, "size": "Basic", "command": "python3 -m http.server $PORT"}
    assert app["formation"]["clock"]["command"] == "bin/clock"
    assert (app["domains"], app["maintenance"]) == (["www.example.org"], False)
    assert set(state["fly"]) == {"apps", "postgres", "redis"}


def test_databases_have_the_platforms_shape(box: Box) -> None:
    source = psycopg2.connect(box.environment["SANDBOX_SOURCE_DATABASE_URL"])
    assert source.info.ssl_in_use
    target = psycopg2.connect(box.environment["SANDBOX_TARGET_DATABASE_URL"])
    for connection in (source, target):
        with connection.cursor() as cursor:
            cursor.execute("select rolsuper, rolcreatedb from pg_roles where rolname = current_user")
            assert cursor.fetchone() == (False, False)
    assert target.info.user == "fly-user"
    assert source.server_version <= target.server_version
    with pytest.raises(psycopg2.OperationalError, match="no encryption"):
        psycopg2.connect(box.environment["SANDBOX_SOURCE_DATABASE_URL"], sslmode="disable")
    source.close()
    target.close()


def test_redis_is_behind_tls_and_filled(box: Box) -> None:
    url = box.environment["SANDBOX_SOURCE_REDIS_URL"]
    assert url.startswith("rediss://:")
    assert redis.Redis.from_url(url, ssl_cert_reqs=None).get("greeting") == b"hello\nworld"
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()


def test_heroku_wants_token_and_version(box: Box) -> None:
    wrong = box.heroku("GET", APP, Authorization="Bearer wrong")
    assert (wrong.status, wrong.body["id"]) == (401, "unauthorized")
    assert wrong.headers["request-id"]
    old = box.heroku("GET", APP, Accept="application/json")
    assert (old.status, old.body["id"]) == (406, "not_acceptable")
    assert box.heroku("GET", "/apps/none-such").body["id"] == "not_found"


def test_heroku_refuses_what_its_schema_does_not_have(box: Box) -> None:
    assert box.heroku("PATCH", APP, {"maintenance": "yes"}).status == 422
    assert box.heroku("PATCH", APP, {"color": "red"}).status == 422
    strict = {"updates": [{"type": "web", "quantity": "2"}]}
    assert box.heroku("PATCH", f"{APP}/formation", strict).status == 422
    assert box.heroku("PATCH", f"{APP}/formation", strict, User_Agent="heroku-cli/11.10.0 linux").status == 200
    assert box.heroku("PATCH", f"{APP}/config-vars", {"N": 1}).status == 422


def test_config_vars_of_addons_can_not_be_overwritten(box: Box) -> None:
    answer = box.heroku("PATCH", f"{APP}/config-vars", {"DATABASE_URL": "x", "OWN": "y"})
    assert answer.status == 422
    assert answer.body["message"] == "Cannot overwrite attachment values DATABASE_URL."
    assert box.heroku("GET", f"{APP}/config-vars").body["OWN"] == "x"


def test_each_change_of_config_is_a_release(box: Box) -> None:
    def newest() -> int:
        answer = box.heroku("GET", f"{APP}/releases", Range="version ..; order=desc,max=1")
        assert (answer.status, len(answer.body)) == (206, 1)
        return int(answer.body[0]["version"])

    before = newest()
    assert box.heroku("PATCH", f"{APP}/config-vars", {"NEW": "1"}).body["NEW"] == "1"
    assert "NEW" not in box.heroku("PATCH", f"{APP}/config-vars", {"NEW": None}).body
    assert newest() == before + 2


def test_ranges_are_followed_page_by_page(box: Box) -> None:
    found: list[int] = []
    header = "version ..; max=2"
    while True:
        answer = box.heroku("GET", f"{APP}/releases", Range=header)
        found += [release["version"] for release in answer.body]
        if answer.status == 200:
            break
        header = answer.headers["next-range"]
    assert found == list(range(1, len(found) + 1))


def test_attachments_show_config_vars_to_the_sdk_only(box: Box) -> None:
    assert "config_vars" not in box.heroku("GET", f"{APP}/addon-attachments").body[0]
    sdk = {"Accept": "application/vnd.heroku+json; version=3.sdk", "Accept_Inclusion": "addon:plan,config_vars"}
    names = {a["name"]: a["config_vars"] for a in box.heroku("GET", f"{APP}/addon-attachments", **sdk).body}
    assert names["HEROKU_POSTGRESQL_RED"] == ["HEROKU_POSTGRESQL_RED_URL"]


def test_etag_and_rate_limit(box: Box) -> None:
    first = box.heroku("GET", APP + "/config-vars")
    assert 0 < int(first.headers["ratelimit-remaining"]) < 4500
    assert box.heroku("GET", APP + "/config-vars", If_None_Match=first.headers["etag"]).status == 304


def test_dynos_go_down_a_moment_later(box: Box) -> None:
    box.heroku("PATCH", f"{APP}/formation", {"updates": [{"type": "clock", "quantity": 0}]})
    kinds = [dyno["type"] for dyno in box.heroku("GET", f"{APP}/dynos").body]
    assert "clock" in kinds
    deadline = time.monotonic() + 10
    while "clock" in [dyno["type"] for dyno in box.heroku("GET", f"{APP}/dynos").body]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_fly_apps_and_secrets(box: Box) -> None:
    assert box.fly("GET", "/v1/apps/one", Authorization="Bearer x").status == 401
    assert box.fly("GET", "/v1/apps/one").status == 404
    assert box.fly("GET", "/v1/apps/taken-elsewhere").status == 403
    assert box.fly("POST", "/v1/apps", {"name": "one", "org_slug": "acme", "app_name": "one"}).status == 400
    assert box.fly("POST", "/v1/apps", {"name": "one", "org_slug": "acme"}).status == 201
    taken = box.fly("POST", "/v1/apps", {"name": "one", "org_slug": "acme"})
    assert (taken.status, taken.body["status"]) == (422, "name_taken")
    secrets = "/v1/apps/one/secrets"
    assert box.fly("POST", secrets, {"values": {"A-B": "x"}}).status == 400
    assert box.fly("POST", secrets, {"values": {"A": 1}}).status == 400
    written = box.fly("POST", secrets, {"values": {"A": "1", "B": "", "GONE": None}})
    assert (written.status, written.body["version"]) == (200, 1)
    listed = box.fly("GET", secrets).body["secrets"]
    assert [(s["name"], len(s["digest"]), "value" in s) for s in listed] == [("A", 16, False), ("B", 16, False)]
    assert box.state()["fly"]["apps"]["one"]["secrets"] == {"A": "1", "B": ""}


def test_fly_limits_the_rate_of_an_action(box: Box) -> None:
    box.fly("POST", "/v1/apps", {"name": "limited", "org_slug": "acme"})
    path = "/v1/apps/limited/ip_assignments"
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _number: box.fly("POST", path, {"type": "v6"}).status, range(20)))
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 3


def test_managed_postgres_wants_the_raw_slug(box: Box) -> None:
    assert box.fly("GET", "/api/v1/organizations/personal/postgres").status == 404
    assert box.fly("GET", "/api/v1/organizations/sandbox-person/postgres").body == {"data": []}
    assert box.fly("POST", "/api/v1/organizations/acme/postgresv2", {"name": "db"}).status == 400


def test_graphql_checks_queries(box: Box) -> None:
    def ask(query: str) -> dict[str, Any]:
        answer: dict[str, Any] = box.fly("POST", "/graphql", {"query": query}).body
        return answer

    assert ask('{ organization(slug: "acme") { rawSlug } }') == {"data": {"organization": {"rawSlug": "acme"}}}
    assert "Cannot query field" in ask("{ nonsense }")["errors"][0]["message"]
    assert ask('{ app(name: "no") { id } }')["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_requests_are_recorded_and_told_apart(box: Box) -> None:
    box.heroku("PATCH", APP, {"maintenance": False})
    box.fly("POST", "/graphql", {"query": "{ viewer { email } }"})
    recorded, writes = box.requests(), box.requests("--mutating")
    assert recorded[-1] == {
        "service": "fly",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "mutating": False,
        "body_keys": ["query"],
    }
    assert (writes[-1]["path"], writes[-1]["body_keys"]) == (APP, ["maintenance"])


def test_faults(box: Box) -> None:
    def fault(*options: str) -> None:
        assert command("fault", str(box.directory), "GET /apps/*", *options).returncode == 0

    fault("--status", "503", "--times", "2")
    assert [box.heroku("GET", APP).status for _number in range(3)] == [503, 503, 200]
    for option in ("--reset", "--truncate"):
        fault(option)
        with pytest.raises((OSError, urllib.error.URLError, ValueError, __import__("http").client.HTTPException)):
            box.heroku("GET", APP)
        assert box.heroku("GET", APP).status == 200
    fault("--delay", "0.5")
    started = time.monotonic()
    assert box.heroku("GET", APP).status == 200
    assert time.monotonic() - started >= 0.5
    # The deployed app too: its Machine then refuses, or takes the request and never answers.
    before = command("requests", str(box.directory)).stdout
    assert command("fault", str(box.directory), "GET /_apps/*", "--status", "500").returncode == 0
    assert box.fly("GET", "/_apps/paper-crane/up").status == 500
    assert command("requests", str(box.directory)).stdout == before


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[]", "not a mapping"),
        ("heroku_app: A", "heroku_app"),
        ("heroku_app: small-app\ncolour: red", "colour"),
        ("heroku_app: small-app\nconfig: {N: 1}", "config.N"),
        ("heroku_app: small-app\nsource: nowhere", "nowhere"),
        ("heroku_app: small-app\naddons: [{plan: x}]", "addons[0].plan"),
        ("heroku_app: [", "scenario.yml"),
    ],
)
def test_scenario_errors_name_the_key(tmp_path: Path, text: str, part: str) -> None:
    done = command("up", str(tmp_path / "box"), "--scenario", str(write_scenario(tmp_path / "s", text)))
    assert done.returncode != 0
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "box").exists()


def test_commands_without_a_sandbox_say_so(tmp_path: Path) -> None:
    done = command("state", str(tmp_path))
    assert (done.returncode, "No sandbox is running" in done.stderr) == (1, True)
    assert command("down", str(tmp_path)).returncode == 0


def test_up_again_says_so(box: Box) -> None:
    assert "already" in command("up", str(box.directory)).stderr


def test_nothing_survives_a_sandbox_that_is_killed(tmp_path: Path) -> None:
    directory = tmp_path / "box"
    assert command("up", str(directory), "--scenario", str(write_scenario(tmp_path / "s"))).returncode == 0
    box = Box(directory)
    ports = [
        int(box.environment[name].rpartition(":")[2].partition("/")[0])
        for name in ("SANDBOX_SOURCE_DATABASE_URL", "SANDBOX_TARGET_DATABASE_URL", "SANDBOX_TARGET_REDIS_URL")
    ]
    os.kill(int((directory / "sandbox.pid").read_text()), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(_listens(port) for port in ports):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="FLYOVER_CONTRACTS does not name the folder of the platforms' published schemas"
)


@needs_contracts
@pytest.mark.parametrize(
    ("path", "definition"),
    [
        (APP, "app"),
        (f"{APP}/formation", "formation"),
        (f"{APP}/dynos", "dyno"),
        (f"{APP}/addons", "add-on"),
        (f"{APP}/addon-attachments", "add-on-attachment"),
        (f"{APP}/domains", "domain"),
        (f"{APP}/releases", "release"),
        (f"{APP}/features", "app-feature"),
        (f"{APP}/config-vars", "config-var"),
        (f"{APP}/buildpack-installations", "buildpack-installation"),
    ],
)
def test_heroku_answers_keep_to_the_published_schema(box: Box, path: str, definition: str) -> None:
    import jsonschema

    schema = json.loads(Path(CONTRACTS, "heroku-platform-api.schema.json").read_text())
    validator = jsonschema.Draft4Validator({**schema, "$ref": f"#/definitions/{definition}"})
    answer = box.heroku("GET", path).body
    for item in answer if isinstance(answer, list) else [answer]:
        assert [error.message for error in validator.iter_errors(item)] == []
        wanted = schema["definitions"][definition].get("properties", {})
        missing = set(wanted) - set(item) if schema["definitions"][definition].get("strictProperties") else set()
        assert not missing


@needs_contracts
def test_graphql_schema_is_a_part_of_the_published_one() -> None:
    from graphql import build_schema, is_input_object_type, is_object_type

    from tests.sandbox.fly.graphql_api import SCHEMA

    published = build_schema(Path(CONTRACTS, "fly.schema.graphql").read_text())
    names = {"Query": "Queries", "Mutation": "Mutations"}
    for name, ours in SCHEMA.type_map.items():
        if name.startswith("__") or not (is_object_type(ours) or is_input_object_type(ours)):
            continue
        theirs = published.type_map.get(name) or published.type_map[names.get(name, name)]
        for field, definition in ours.fields.items():
            assert field in theirs.fields, f"{name}.{field}"
            assert str(definition.type).strip("!") == str(theirs.fields[field].type).strip("!"), f"{name}.{field}"


SEED = """
create table plain (id int primary key);
create extension citext;
create schema own;
create table own.more (name citext);
set role :owner;
reset role;
create table last (id int);
"""


def test_sql_of_a_scenario_is_loaded_by_the_role_of_the_app(tmp_path: Path) -> None:
    text = SCENARIO.replace("as: DATABASE, color: RED", "as: DATABASE, sql: seed.sql")
    path = write_scenario(tmp_path / "scenario", text)
    (tmp_path / "scenario" / "seed.sql").write_text(SEED)
    done = command("up", str(tmp_path / "box"), "--scenario", str(path))
    assert done.returncode == 0, done.stderr
    try:
        connection = psycopg2.connect(Box(tmp_path / "box").environment["SANDBOX_SOURCE_DATABASE_URL"])
        with connection, connection.cursor() as cursor:
            cursor.execute("select tablename from pg_tables where tableowner = current_user order by 1")
            assert [name for (name,) in cursor] == ["last", "more", "plain"]
            cursor.execute("show search_path")
            assert cursor.fetchone() == ('"$user", public, heroku_ext',)
        connection.close()
    finally:
        command("down", str(tmp_path / "box"))
