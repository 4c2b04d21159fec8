# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that is rewritten, and what is shown where that is impossible."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._progress_lines import copied_share
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._terminal import Line, columns, filled_bar

_XTERM = {"TERM": "xterm-256color"}


def test_a_line_takes_the_place_of_the_last_one_and_never_wraps() -> None:
    written: list[str] = []
    line = Line(written.append, 20)
    line.show("short")
    line.show("x" * 40)
    line.clear()
    assert written == ["\r\x1b[Kshort", "\r\x1b[K" + "x" * 18 + "…", "\r\x1b[K"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux tells")
def test_the_terminal_is_that_of_the_process_that_shows() -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=theirs)
    try:
        assert columns(child.pid, _XTERM) == 72
        assert columns(child.pid, {"TERM": "dumb"}) == 0
        assert columns(child.pid, {}) == 0
    finally:
        child.communicate(b"\n")
        os.close(ours)
        os.close(theirs)


def test_no_terminal_is_no_line() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert columns(child.pid, _XTERM) == 0
    finally:
        child.communicate(b"\n")
    assert columns(2**22 + 1, _XTERM) == 0


def test_a_bar_is_as_full_as_the_copy() -> None:
    assert (filled_bar(0), filled_bar(0.5), filled_bar(1.2)) == (
        "[--------------------]   0 %",
        "[##########----------]  50 %",
        "[####################] 100 %",
    )
    state = {"bytes_done": 25, "bytes_total": 100, "tables_done": 1, "tables_total": 2}
    assert copied_share(state) == 0.25
    assert copied_share({**state, "bytes_total": 0}) == 0.5
    assert copied_share(dict.fromkeys(state, 0)) == 0.0
