# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tunnel is a separate process, stopped by whoever started it, also on a machine without ps or with BusyBox's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.process import began
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly import proxy
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import Flyctl

LISTENS = f"""#!{sys.executable}
import socket, sys
port = int(sys.argv[2].partition(":")[0])
server = socket.create_server(("127.0.0.1", port))
while True:
    server.accept()[0].close()
"""
FAILS = "#!/bin/sh\necho 'no such host, token fo1_secret' >&2\nexit 1\n"
HANGS = "#!/bin/sh\nexec sleep 60\n"


@pytest.fixture
def tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> proxy.Tunnel:
    (tmp_path / "bin").mkdir()
    ps = tmp_path / "bin" / "ps"
    ps.write_text("#!/bin/sh\necho 'ps: unrecognized option: p' >&2\nexit 1\n")  # BusyBox
    ps.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return proxy.Tunnel("paper-crane", "db.internal:5432", 0, tmp_path / "state" / "tunnel.json")


def flyctl(tmp_path: Path, text: str) -> Flyctl:
    program = tmp_path / "flyctl"
    program.write_text(text)
    program.chmod(0o755)
    return Flyctl(str(program), "fo1_secret", {"PATH": os.defpath})


def test_opens_once_and_closes(tmp_path: Path, tunnel: proxy.Tunnel) -> None:
    program = flyctl(tmp_path, LISTENS)
    opened = proxy.start(program, tunnel, 20, check_mode=False)
    assert opened["changed"]
    assert proxy.start(program, tunnel, 20, check_mode=False) == {**opened, "changed": False}
    assert proxy.stop(tunnel, check_mode=True)["changed"]
    assert proxy.stop(tunnel, check_mode=False)["changed"]
    assert began(opened["pid"]) is None
    assert sorted(path.name for path in tunnel.state_file.parent.iterdir()) == [".gitignore"]
    assert not proxy.stop(tunnel, check_mode=False)["changed"]


@pytest.mark.parametrize(
    ("text", "timeout", "why"), [(FAILS, 20, "exited with 1: no such host"), (HANGS, 0.3, "did not answer within 0 s")]
)
def test_failure_is_told_without_the_token_and_leaves_no_process(
    tmp_path: Path, tunnel: proxy.Tunnel, text: str, timeout: float, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    opener = proxy._open
    monkeypatch.setattr(proxy, "_open", lambda *given: started.append(opener(*given)) or started[-1])
    with pytest.raises(StateError) as caught:
        proxy.start(flyctl(tmp_path, text), tunnel, timeout, check_mode=False)
    assert why in str(caught.value)
    assert "fo1_secret" not in str(caught.value)
    assert began(started[0].pid) is None
    assert not tunnel.state_file.exists()


def test_state_that_cannot_be_written_leaves_no_process(
    tmp_path: Path, tunnel: proxy.Tunnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def full(_tunnel: Any, pid: int, _port: int) -> None:
        started.append(pid)
        raise InputError("state_file", "it cannot be written (No space left on device)", "Make room.")

    monkeypatch.setattr(proxy, "_remember", full)
    with pytest.raises(InputError):
        proxy.start(flyctl(tmp_path, LISTENS), tunnel, 20, check_mode=False)
    assert began(started[0]) is None


def test_another_process_with_the_same_id_is_left_alone(tmp_path: Path, tunnel: proxy.Tunnel) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        tunnel.state_file.parent.mkdir()
        state = {"pid": other.pid, "started": "12345", "port": 1, "target": tunnel.target}
        tunnel.state_file.write_text(json.dumps(state))
        assert not proxy.stop(tunnel, check_mode=False)["changed"]
        assert other.poll() is None
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
