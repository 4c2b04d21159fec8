# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table of what clients that we did not write asked of the sandbox, printed at the end."""

from __future__ import annotations

from typing import Any

import pytest

ROWS: list[tuple[str, str, str]] = []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print client command, requests seen, result."""
    if not ROWS:
        return
    terminalreporter.section("the platforms' clients against the sandbox")
    width = max(len(command) for command, _requests, _result in ROWS)
    for command, requests, result in ROWS:
        terminalreporter.write_line(f"{result:5}  {command:{width}}  {requests}")


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Any:
    """Return a function that notes a row."""
    del request

    def add(command: str, requests: list[dict[str, Any]], result: str) -> None:
        ROWS.append((command, ", ".join(f"{r['method']} {r['path']}" for r in requests) or "-", result))

    return add
