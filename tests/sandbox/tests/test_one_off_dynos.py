# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-off dynos: their commands run, and whoever has the id meets them at the rendezvous server."""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import Box

CONTRACTS = os.environ.get("FLYOVER_CONTRACTS", "")
DYNOS = "/apps/small-app/dynos"


def run(box: Box, command: str, **more: Any) -> dict[str, Any]:
    answer = box.heroku("POST", DYNOS, {"command": command, **more})
    assert answer.status == 201, answer.body
    dyno: dict[str, Any] = answer.body
    return dyno


def connect(box: Box, url: str) -> ssl.SSLSocket:
    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname) == ("rendezvous", "127.0.0.1")
    context = ssl.create_default_context(cafile=box.environment["SSL_CERT_FILE"])
    plain = socket.create_connection(("127.0.0.1", int(parts.port or 0)), timeout=20)
    connection = context.wrap_socket(plain, server_hostname=parts.hostname)
    connection.sendall(parts.path[1:].encode() + b"\r\n")
    return connection


def printed(connection: ssl.SSLSocket) -> str:
    with connection:
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def names(box: Box) -> list[str]:
    return [dyno["name"] for dyno in box.heroku("GET", DYNOS).body]


def test_command_sees_what_dynos_see(box: Box) -> None:
    command = 'echo "$SECRET_KEY_BASE $OWN $LANG $MORE $DYNO"; pwd'
    dyno = run(box, command, attach=True, env={"MORE": "m"}, force_no_tty=True)
    assert (dyno["state"], dyno["type"], dyno["command"]) == ("starting", "run", command)
    text = printed(connect(box, dyno["attach_url"]))
    assert text == f"rendezvous\r\nabc#def x cs_CZ.UTF-8 m {dyno['name']}\n{box.environment['MIGRATE_SOURCE_DIR']}\n"
    until(lambda: dyno["name"] not in names(box))


def test_terminal_is_one(box: Box) -> None:
    dyno = run(box, "test -t 0 && test -t 1 && echo yes; echo error >&2; read -r line; echo got $line", attach=True)
    connection = connect(box, dyno["attach_url"])
    connection.sendall(b"typed\n")
    text = printed(connection)
    assert text.startswith("rendezvous\r\n")
    assert {"yes\r", "error\r", "got typed\r"} <= set(text.split("\n"))


def test_profile_of_the_app_is_read_first(box: Box) -> None:
    profile = Path(box.environment["MIGRATE_SOURCE_DIR"], ".profile")
    profile.write_text("echo noise; export FROM_PROFILE=p\n")
    dyno = run(box, "echo $FROM_PROFILE", attach=True, force_no_tty=True)
    assert printed(connect(box, dyno["attach_url"])) == "rendezvous\r\nnoise\np\n"
    profile.unlink()


def test_detached_dyno_runs_at_once(box: Box) -> None:
    dyno = run(box, "touch seen; sleep 60")
    assert dyno["attach_url"] is None
    until(Path(box.environment["MIGRATE_SOURCE_DIR"], "seen").exists)
    assert dyno["name"] in names(box)
    assert dyno["name"] in box.state()["heroku"]["apps"]["small-app"]["dynos"]
    assert box.heroku("GET", f"{DYNOS}/{dyno['name']}").body["state"] == "up"
    stopped = box.heroku("POST", f"{DYNOS}/{dyno['name']}/actions/stop")
    assert (stopped.status, stopped.body) == (202, {})
    assert dyno["name"] not in names(box)
    assert box.heroku("POST", f"{DYNOS}/{dyno['name']}/actions/stop").status == 404


def test_dyno_ends_with_its_time_or_its_client(box: Box) -> None:
    short = run(box, "sleep 60", time_to_live=1)
    until(lambda: short["name"] not in names(box))
    left = run(box, "sleep 60", attach=True)
    connection = connect(box, left["attach_url"])
    assert connection.recv(100) == b"rendezvous\r\n"
    connection.close()
    until(lambda: left["name"] not in names(box))


def test_each_id_is_for_one_client(box: Box) -> None:
    dyno = run(box, "echo once", attach=True, force_no_tty=True)
    assert "once" in printed(connect(box, dyno["attach_url"]))
    assert printed(connect(box, dyno["attach_url"])) == ""
    assert printed(connect(box, dyno["attach_url"].rpartition("/")[0] + "/no-such-id")) == ""


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"command": 1},
        {"command": "true", "attach": "yes"},
        {"command": "true", "env": {"A": 1}},
        {"command": "true", "time_to_live": 86401},
        {"command": "true", "time_to_live": True},
        {"command": "true", "size": "huge"},
        {"command": "true", "colour": "red"},
    ],
)
def test_strict_with_requests(box: Box, body: dict[str, Any]) -> None:
    assert box.heroku("POST", DYNOS, body).status == 422


def test_what_is_printed_is_recorded_nowhere(box: Box) -> None:
    dyno = run(box, "echo $MORE", attach=True, env={"MORE": "canary-printed"}, force_no_tty=True)
    assert "canary-printed" in printed(connect(box, dyno["attach_url"]))
    entry = next(e for e in reversed(box.requests()) if e["path"] == DYNOS and e["method"] == "POST")
    assert (entry["mutating"], entry["body_keys"]) == (True, ["attach", "command", "env", "force_no_tty"])
    assert "canary-printed" not in json.dumps(box.requests())
    assert "canary-printed" not in (box.directory / "sandbox.log").read_text()


@pytest.mark.skipif(not CONTRACTS, reason="FLYOVER_CONTRACTS does not name the folder of the published schemas")
def test_answer_keeps_to_the_published_schema(box: Box) -> None:
    import jsonschema

    schema = json.loads(Path(CONTRACTS, "heroku-platform-api.schema.json").read_text())
    validator = jsonschema.Draft4Validator({**schema, "$ref": "#/definitions/dyno"})
    dyno = run(box, "true", attach=True)
    assert [error.message for error in validator.iter_errors(dyno)] == []
    assert set(dyno) >= set(schema["definitions"]["dyno"]["properties"])
