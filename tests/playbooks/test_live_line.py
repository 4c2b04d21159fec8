# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that a real run rewrites on a terminal, and the lines that it prints without one."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from .conftest import CHECKOUT

ACTION = """
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watched_action import WatchedAction


class ActionModule(WatchedAction):
    def lines(self, state, former, seconds):
        yield f"{state['done']} of 4"

    def share(self, state):
        return state["done"] / 4
"""
MODULE = """
import json
import time
from pathlib import Path
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"progress_file": {"type": "path"}})
for done in range(9):
    Path(module.params["progress_file"]).write_text(json.dumps({"done": done / 2}))
    time.sleep(0.7)
module.exit_json()
"""
PLAY = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - name: Copy\n      slow:\n"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    for folder, name, text in (("action", "slow.py", ACTION), ("library", "slow.py", MODULE), (".", "play.yml", PLAY)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    return [str(Path(sys.executable).with_name("ansible-playbook")), str(tmp_path / "play.yml")]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    plugins = {"ANSIBLE_ACTION_PLUGINS": str(tmp_path / "action"), "ANSIBLE_LIBRARY": str(tmp_path / "library")}
    python = {"ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    return {**os.environ, **plugins, **python, "ANSIBLE_NOCOLOR": "1", "TERM": "xterm", **more}


def on_a_terminal(command: list[str], **options: object) -> str:
    """Return what a terminal at standard error gets."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=theirs, **options)  # type: ignore[call-overload]
    os.close(theirs)
    got = b""
    try:
        while piece := os.read(ours, 4096):
            got += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0, got
    return got.decode()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux tells where standard error goes")
def test_a_terminal_gets_one_line_that_is_rewritten_and_cleared(command: list[str], tmp_path: Path) -> None:
    text = on_a_terminal(command, env=environment(tmp_path))
    parts = text.split("\r\x1b[K")
    shown = [part for part in parts if part.startswith(("[#", "[-"))]
    assert len(shown) >= 2
    assert "%" in shown[0] and shown[-1].endswith("of 4")
    assert not any("\n" in part for part in parts[1:-1])
    assert text.rstrip().endswith("\r\x1b[K") or "of 4" not in parts[-1]


def test_a_dumb_terminal_and_a_log_get_lines(command: list[str], tmp_path: Path) -> None:
    dumb = on_a_terminal(command, env=environment(tmp_path, TERM="dumb"))
    log = subprocess.run(
        command, cwd=CHECKOUT, env=environment(tmp_path), capture_output=True, text=True, check=True
    ).stderr
    for text in (dumb, log):
        assert "slow [localhost]: " in text
        assert "\x1b[K" not in text
