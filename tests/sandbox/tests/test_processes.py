# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports, where several sandboxes start at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .. import processes
from ..lifecycle import ROOT


def test_no_other_sandbox_gets_a_port_that_is_not_listened_on_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    first = processes.free_port()
    few = range(first, first + 2)
    monkeypatch.setattr(processes, "_PORTS", few)
    code = f"from tests.sandbox import processes; processes._PORTS = {few!r}; print(processes.free_port())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert int(done.stdout) == first + 1
    assert processes.free_port() == first + 1  # the other process, and its claim, are gone
