# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests are scripted; the rendezvous server is a real one, on loopback and with TLS."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import one_off as _heroku_run
from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_run
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.tls import for_loopback

ARGS = {"heroku_api_key": "HRKU-canary", "app": "paper-crane", "command": 'printf %s "$SECRET"', "timeout": 60}
DYNOS = "/apps/paper-crane/dynos"
BODY = {
    "command": "echo begin-m ; ( eval 'printf %s \"$SECRET\"' ) </dev/null ; echo end-m $?",
    "attach": True,
    "env": {},
    "force_no_tty": True,
    "time_to_live": 60,
}
UP = b"rendezvous\r\n"


class Rendezvous:
    """Serves one client: reads its line, sends the given parts, and hangs up or waits until the client does."""

    def __init__(self, folder: Path) -> None:
        self.certificate = for_loopback(folder)
        self.parts: list[bytes] = []
        self.hangs_up = True
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # Wakes up the thread if no client came.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._listener.close()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        context = self.certificate.server_context()
        with contextlib.suppress(OSError):
            plain, _address = self._listener.accept()
            plain.settimeout(10)
            with plain, context.wrap_socket(plain, server_side=True) as connection:
                while not self.received.endswith(b"\r\n"):
                    self.received += connection.recv(100)
                for part in self.parts:
                    connection.sendall(part)
                if not self.hangs_up:
                    connection.recv(1)


@pytest.fixture
def rendezvous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rendezvous]:
    server = Rendezvous(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.certificate))
    monkeypatch.setattr(_heroku_run.secrets, "token_hex", lambda _length: "m")
    yield server
    server.close()


def expect_dyno(http: Any, url: str | None, **body: Any) -> None:
    answer = {"name": "run.4552", "state": "starting", "attach_url": url}
    http.expect("POST", DYNOS, answer, status=201, body={**BODY, **body})


def expect_stop(http: Any) -> None:
    http.expect("POST", f"{DYNOS}/run.4552/actions/stop", {}, status=202)


def url_of(server: Rendezvous) -> str:
    return f"rendezvous://127.0.0.1:{server.port}/the-id?of=it"


@pytest.mark.parametrize(
    ("parts", "stdout"),
    [
        ([UP, b"begin-m\n", b"abc", b"end-m 0\n"], "abc"),
        ([UP + b"Detected 512 MB\nbegin-m\nabc\nend-m 0\nnoise\n"], "abc\n"),
        ([UP, b"begin-m\nend-m 0\n"], ""),
        ([b"rendezvous\r", b"\nbeg", b"in-m", b"\n", b"a", b"en", b"d-m", b" ", b"0", b"\n"], "a"),
        ([UP, b"begin-m\na\r\nb\n\tc\xc3\xa9 end-m $?\nend-m 0\n"], "a\r\nb\n\tcé end-m $?\n"),
        # A terminal adds a CR to each line.
        ([UP, b"begin-m\r\na\r\nb\r\r\nend-m 0\r\n"], "a\nb\r\n"),
        ([UP, b"begin-m\n" + b"x" * 300_000 + b"end-m 0\n"], "x" * 300_000),
    ],
    ids=["plain", "noise around", "nothing", "in pieces", "byte for byte", "terminal", "long"],
)
def test_output_is_what_the_command_printed(
    http: Any, run_module: Any, rendezvous: Rendezvous, parts: list[bytes], stdout: str
) -> None:
    rendezvous.parts = parts
    expect_dyno(http, url_of(rendezvous), size="standard-2x")
    result = run_module(heroku_run, {**ARGS, "size": "standard-2x"})
    assert (result["changed"], result["dyno"], result["rc"], result["stdout"]) == (True, "run.4552", 0, stdout)
    assert rendezvous.received == b"the-id?of=it\r\n"


def test_result_does_not_wait_for_the_server_to_hang_up(http: Any, run_module: Any, rendezvous: Rendezvous) -> None:
    rendezvous.parts, rendezvous.hangs_up = [UP, b"begin-m\na\nend-m 0\n"], False
    expect_dyno(http, url_of(rendezvous))
    assert run_module(heroku_run, ARGS)["stdout"] == "a\n"


def test_failing_command_fails_the_task(http: Any, run_module: Any, rendezvous: Rendezvous) -> None:
    rendezvous.parts = [UP, b"begin-m\ncanary-output\nend-m 3\n"]
    expect_dyno(http, url_of(rendezvous))
    result = run_module(heroku_run, ARGS)
    assert result["failed"]
    assert (result["rc"], result["stdout"], result["dyno"]) == (3, "canary-output\n", "run.4552")
    assert "exited with 3" in result["msg"]
    assert "canary" not in result["msg"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "the connection was closed before the dyno was up"),
        ([UP, b"canary-noise\n"], "the connection was closed before the command started"),
        ([UP, b"begin-m\ncanary-part"], "the connection was closed before the command ended"),
        ([UP, b"begin-m\ncanary-part\nend-m 0"], "the connection was closed before the command ended"),
    ],
)
def test_dyno_that_hangs_up_early_is_stopped(
    http: Any, run_module: Any, rendezvous: Rendezvous, parts: list[bytes], message: str
) -> None:
    rendezvous.parts = parts
    expect_dyno(http, url_of(rendezvous))
    expect_stop(http)
    result = run_module(heroku_run, ARGS)
    assert message in result["msg"]
    assert "canary" not in str(result)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "the dyno was not up yet"),
        ([UP, b"canary-noise\n"], "the command had not started"),
        ([UP, b"begin-m\ncanary-part"], "the command was still running"),
    ],
)
def test_dyno_that_takes_too_long_is_stopped(
    http: Any, run_module: Any, rendezvous: Rendezvous, parts: list[bytes], message: str
) -> None:
    rendezvous.parts, rendezvous.hangs_up = parts, False
    expect_dyno(http, url_of(rendezvous), time_to_live=1)
    expect_stop(http)
    result = run_module(heroku_run, {**ARGS, "timeout": 1})
    assert f"after 1 seconds {message}" in result["msg"]
    assert "canary" not in str(result)


def test_dyno_that_can_not_be_stopped_does_not_hide_what_happened(
    http: Any, run_module: Any, rendezvous: Rendezvous
) -> None:
    expect_dyno(http, url_of(rendezvous))
    http.expect("POST", f"{DYNOS}/run.4552/actions/stop", {"id": "not_found", "message": "No such dyno."}, status=404)
    assert "before the dyno was up" in run_module(heroku_run, ARGS)["msg"]


def test_certificate_is_verified(
    http: Any, run_module: Any, rendezvous: Rendezvous, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(for_loopback(tmp_path / "other").certificate))
    expect_dyno(http, url_of(rendezvous))
    expect_stop(http)
    message = run_module(heroku_run, ARGS)["msg"]
    assert f"the certificate of 127.0.0.1:{rendezvous.port} is not trusted" in message
    assert rendezvous.received == b""


def test_certificate_of_another_host_is_refused(http: Any, run_module: Any, rendezvous: Rendezvous) -> None:
    expect_dyno(http, f"rendezvous://localhost:{rendezvous.port}/the-id")
    expect_stop(http)
    assert "certificate of localhost" in run_module(heroku_run, ARGS)["msg"]


def test_certificate_is_not_verified_where_the_user_says_so(
    http: Any, run_module: Any, rendezvous: Rendezvous, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    rendezvous.parts = [UP, b"begin-m\nend-m 0\n"]
    expect_dyno(http, url_of(rendezvous))
    assert run_module(heroku_run, {**ARGS, "validate_certs": False})["rc"] == 0


def test_unreachable_rendezvous_server(http: Any, run_module: Any, rendezvous: Rendezvous) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    expect_dyno(http, f"rendezvous://127.0.0.1:{port}/the-id")
    expect_stop(http)
    message = run_module(heroku_run, ARGS)["msg"]
    assert f"no connection to 127.0.0.1:{port} (ConnectionRefusedError)" in message


@pytest.mark.parametrize("url", [None, "", "https://ssh.example.com/x", "rendezvous://host/x", "rendezvous://h:a/x"])
def test_dyno_that_is_reached_in_another_way_is_stopped(
    http: Any, run_module: Any, rendezvous: Rendezvous, url: str | None
) -> None:
    expect_dyno(http, url)
    expect_stop(http)
    assert "Heroku returned no rendezvous URL" in run_module(heroku_run, ARGS)["msg"]


def test_app_of_a_moment_ago_is_tried_again(http: Any, run_module: Any, rendezvous: Rendezvous) -> None:
    rendezvous.parts = [UP, b"begin-m\nend-m 0\n"]
    for _number in range(3):
        http.expect("POST", DYNOS, {"id": "conflict", "message": "Release not found."}, status=409, body=BODY)
    expect_dyno(http, url_of(rendezvous))
    assert run_module(heroku_run, ARGS)["rc"] == 0


@pytest.mark.parametrize(
    ("status", "times", "error_id", "part"),
    [
        (409, 4, "conflict", "Another change is in progress"),
        (401, 1, "unauthorized", "Give a valid token"),
        (403, 1, "forbidden", "Use a token whose scope allows this"),
        (404, 1, "not_found", "Check the app's name"),
        (422, 1, "invalid_params", "Correct what Heroku's message names"),
        # It may have started, so no other one is started.
        (503, 1, "unavailable", "status.heroku.com"),
    ],
)
def test_refusals(
    http: Any, run_module: Any, rendezvous: Rendezvous, status: int, times: int, error_id: str, part: str
) -> None:
    for _number in range(times):
        http.expect("POST", DYNOS, {"id": error_id, "message": "Heroku's own words."}, status=status)
    result = run_module(heroku_run, ARGS)
    assert f"one-off dyno of Heroku app paper-crane: Heroku's own words (HTTP {status} {error_id}" in result["msg"]
    assert part in result["msg"]


def test_request_without_an_answer_is_not_repeated(http: Any, run_module: Any, rendezvous: Rendezvous) -> None:
    http.expect("POST", DYNOS, error=ConnectionResetError())
    assert "it ends within 60 seconds" in run_module(heroku_run, ARGS)["msg"]


def test_nothing_runs_in_check_mode(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", {"name": "paper-crane"})
    result = run_module(heroku_run, ARGS, check_mode=True)
    assert result["changed"]
    assert not {"rc", "stdout", "dyno"} & set(result)


def test_app_that_is_not_there_fails_in_check_mode_too(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", {"id": "not_found", "message": "Couldn't find that app."}, status=404)
    assert run_module(heroku_run, ARGS, check_mode=True)["failed"]


@pytest.mark.parametrize(
    ("options", "part"),
    [({"command": "  "}, "command: it is empty"), ({"timeout": 0}, "1 to 86400"), ({"timeout": 86401}, "1 to 86400")],
)
def test_bad_input_is_refused_before_any_request(
    http: Any, run_module: Any, options: dict[str, Any], part: str
) -> None:
    assert part in run_module(heroku_run, {**ARGS, **options})["msg"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("command", "rc", "printed"),
    [
        ("echo a # a comment", 0, "a\n"),
        ("exit 3", 3, ""),
        ("echo 'it''s' \"$HOME\"", 0, "its /home\n"),
        ("cat <<X\nb $HOME\nX", 0, "b /home\n"),
        ("echo a; # b\necho c", 0, "a\nc\n"),
        ("echo a )", 2, ""),
        ("if true", 2, ""),
        ("cat", 0, ""),
    ],
)
def test_whatever_the_command_is_its_end_is_seen(shell: str, command: str, rc: int, printed: str) -> None:
    output = _heroku_run.Output("m")
    done = subprocess.run(
        [shell, "-c", output.between_markers(command)],
        env={"HOME": "/home", "PATH": os.defpath},
        capture_output=True,
        check=False,
    )
    output.add(done.stdout)
    assert output.rc == rc or (rc == 2 and output.rc in (1, 2, 127))
    assert output.text() == printed
