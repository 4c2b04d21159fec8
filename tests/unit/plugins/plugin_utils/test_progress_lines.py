# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that show how far a module is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.progress import Steps
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._progress_lines import (
    step_lines,
    transfer_lines,
    transfer_summary,
)
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watch import Watch

_STATE = {
    "phase": "data",
    "tables_total": 46,
    "tables_done": 12,
    "bytes_total": 50_000_000,
    "bytes_done": 20_000_000,
}


@pytest.mark.parametrize(
    ("changes", "before", "expected"),
    [
        ({}, None, "data, 12 of 46 tables, 20.0 MB"),
        ({}, 0, "data, 12 of 46 tables, 20.0 MB, 10.0 MB/s, about 3 s left in this phase"),
        ({}, 20_000_000, "data, 12 of 46 tables, 20.0 MB"),
        ({"bytes_done": 60_000_000}, 40_000_000, "data, 12 of 46 tables, 60.0 MB, 10.0 MB/s"),
        ({"phase": "verify"}, 0, "verify, 12 of 46 tables, 20.0 MB, 10.0 MB/s"),
        ({"phase": "plan", "tables_total": 0, "bytes_done": 0}, None, "plan"),
    ],
)
def test_transfer_lines(changes: dict[str, Any], before: int | None, expected: str) -> None:
    former = {} if before is None else {**_STATE, "bytes_done": before}
    assert list(transfer_lines({**_STATE, **changes}, former, 2.0)) == [expected]


def test_transfer_summary() -> None:
    result = {
        "verdict": "copied",
        "totals": {"tables": 46, "rows": 125811, "bytes": 30_000_000},
        "seconds": {"plan": 0.01, "schema": 0.5, "data": 2.2},
    }
    assert transfer_summary(result) == "copied: 46 tables, 125811 rows, 30.0 MB in 2.7 s (schema 0.5, data 2.2)"


def test_each_step_is_shown_once(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    steps = Steps(str(path))
    for step in ("flyctl deploy", "==> Building image", "==> Building image", "x" * 500):
        steps.add(step)
    state = json.loads(path.read_text())
    assert list(step_lines(state, {}, 2.0)) == ["flyctl deploy", "==> Building image", "x" * 200]
    assert list(step_lines(state, {"steps": ["flyctl deploy"]}, 5.0)) == ["==> Building image", "x" * 200]
    assert list(step_lines(state, state, 5.0)) == []


@pytest.mark.parametrize(("silent", "shown"), [(14, []), (16, ["b: 16 s so far"]), (24, []), (34, ["b: 34 s so far"])])
def test_a_long_step_tells_its_time_every_quarter_of_a_minute(
    monkeypatch: pytest.MonkeyPatch, silent: int, shown: list[str]
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    state = {"steps": ["a", "b"], "updated_at": now - silent - 0.2}
    assert list(step_lines(state, state, 5.0)) == shown


def test_watch_shows_what_the_file_says(tmp_path: Path) -> None:
    shown: list[str] = []
    path = tmp_path / "progress"
    with Watch(str(path), transfer_lines, shown.append, first=0.01, interval=0.05):
        time.sleep(0.1)  # there is no file yet
        assert shown == []
        path.write_text(json.dumps({**_STATE, "bytes_done": 0}))
        _wait(lambda: shown[-1:] == ["data, 12 of 46 tables"])
        path.write_text(json.dumps(_STATE))
        _wait(lambda: any("MB/s" in text for text in shown))
        path.write_text("{")  # it is never seen half written, but an error must not end the copy
        time.sleep(0.1)
    number = len(shown)
    time.sleep(0.1)
    assert len(shown) == number


@pytest.mark.parametrize(("to_the_end", "expected"), [(True, ["1"]), (False, [])])
def test_what_comes_last_is_shown_where_that_is_asked_for(
    tmp_path: Path, to_the_end: bool, expected: list[str]
) -> None:
    shown: list[str] = []
    path = tmp_path / "progress"

    def lines(state: dict[str, Any], _former: dict[str, Any], _seconds: float) -> Iterator[str]:
        yield str(state["number"])

    with Watch(str(path), lines, shown.append, first=60, to_the_end=to_the_end):
        path.write_text('{"number": 1}')
    assert shown == expected


def _wait(condition: Any) -> None:
    for _attempt in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("never became true")
