# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that show how far a transfer is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._transfer_progress import Watch, line, summary

_STATE = {
    "phase": "data",
    "tables_total": 46,
    "tables_done": 12,
    "bytes_total": 50_000_000,
    "bytes_done": 20_000_000,
}


@pytest.mark.parametrize(
    ("changes", "rate", "expected"),
    [
        ({}, 0.0, "data, 12 of 46 tables, 20.0 MB"),
        ({}, 10e6, "data, 12 of 46 tables, 20.0 MB, 10.0 MB/s, about 3 s left in this phase"),
        ({"bytes_done": 60_000_000}, 10e6, "data, 12 of 46 tables, 60.0 MB, 10.0 MB/s"),
        ({"phase": "verify"}, 10e6, "verify, 12 of 46 tables, 20.0 MB, 10.0 MB/s"),
        ({"phase": "plan", "tables_total": 0, "bytes_done": 0}, 0.0, "plan"),
    ],
)
def test_line(changes: dict[str, Any], rate: float, expected: str) -> None:
    assert line({**_STATE, **changes}, rate) == expected


def test_summary() -> None:
    result = {
        "verdict": "copied",
        "totals": {"tables": 46, "rows": 125811, "bytes": 30_000_000},
        "seconds": {"plan": 0.01, "schema": 0.5, "data": 2.2},
    }
    assert summary(result) == "copied: 46 tables, 125811 rows, 30.0 MB in 2.7 s (schema 0.5, data 2.2)"


def test_watch_shows_what_the_file_says(tmp_path: Path) -> None:
    shown: list[str] = []
    path = tmp_path / "progress"
    with Watch(str(path), shown.append, first=0.01, interval=0.05):
        time.sleep(0.1)  # there is no file yet
        assert shown == []
        path.write_text(json.dumps({**_STATE, "bytes_done": 0}))
        _wait(lambda: shown[-1:] == ["data, 12 of 46 tables"])
        path.write_text(json.dumps(_STATE))
        _wait(lambda: any("MB/s" in text for text in shown))
        path.write_text("{")  # never seen half written, but an error must not end the copy
        time.sleep(0.1)
    number = len(shown)
    time.sleep(0.1)
    assert len(shown) == number


def _wait(condition: Any) -> None:
    for _attempt in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("never became true")
