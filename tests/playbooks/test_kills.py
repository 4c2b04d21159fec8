# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed anywhere, the same command finishes the job, with the same result as an undisturbed run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, Sandbox
from .kills import AtRequest, AtTask, Observer, Point, Relay, facts, undisturbed

CUT_OVER = ("-e", "migrate_cutover=true")
BACK = ("-e", "migrate_discard_fly_writes=true")
# A window that cannot be closed: the Machines of the web do not start.
BROKEN = {"method": "POST", "path": "/v1/apps/paper-crane/machines/??????????????/start", "status": 422}
# The rehearsal has already covered what comes before the window.
WINDOW = ("--tags", "cutover")
# The Machine that a killed flyctl made keeps a lease for this long; the next run waits for it to expire.
LEASE = ("-e", "migrate_deploy_timeout=60")
STAGES: dict[str, tuple[str, ...]] = {
    "rehearsal": ("migrate", *LEASE),
    "thaw": ("migrate", *CUT_OVER, *WINDOW, *LEASE),
    "cut-over": ("migrate", *CUT_OVER, *WINDOW, *LEASE),
    "rollback": ("rollback", *BACK),
}
# Tasks that send no request to a platform but do much.
TASKS = {
    "rehearsal": ["Copy or update the database", "Copy and verify the keys", "Deploy"],
    "thaw": [
        "Raise the write fence",
        "Update the database",
        "Lower the write fence",
        "Remove the freeze from the ledger",
    ],
    "cut-over": [
        "Save what Heroku runs",
        "Stop every dyno",
        "Raise the write fence",
        "Update the database",
        "Copy the keys",
        "Check that Heroku's database stayed unchanged",
        "Start the web Machines",
        "Record the seal",
        "Seal the database",
        "Seal Redis",
        "Record the cut-over",
        "Look for late keys in Heroku's Redis",
        "Start the Machines",
        "Record that the cut-over is finished",
    ],
    "rollback": ["Lower the write fence", "Restore the formation", "Remove the freeze from the ledger"],
}


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a sandbox."""
    started: list[Sandbox] = []

    def up() -> Sandbox:
        started.append(Sandbox(tmp_path / f"box{len(started)}").up())
        return started[-1]

    yield up
    for box in started:
        box.down()


def _as_in(stage: str, box: Sandbox, run: Run) -> dict[str, Any]:
    """Return the state after a stage that ended as it should."""
    assert (run.rc != 0) == (stage == "thaw"), run.output
    if stage == "thaw":
        Observer(box).fault(**BROKEN, times=0)
    return facts(box)


@pytest.mark.slow
def test_killed_anywhere_the_same_command_finishes(boxes: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Before and after each kind of request that changes something, and in the middle of what is done elsewhere."""
    whole, killed = boxes(), boxes()
    relay = Relay(killed)
    for stage, (playbook, *options) in STAGES.items():
        if stage == "thaw":
            for box in (whole, killed):
                Observer(box).fault(**BROKEN, times=10000)
        run, points = undisturbed(whole, TASKS[stage], playbook, *options)
        last = relay.run(stage, points, playbook, *options)
        # Both are read now, because some keys expire while runs are killed.
        assert _as_in(stage, killed, last) == _as_in(stage, whole, run), relay.table()
    with capsys.disabled():
        print(f"\n{relay.table()}")
    assert relay.killed >= 40


@pytest.mark.slow
def test_killed_in_the_window_the_same_command_finishes(boxes: Any) -> None:
    box = boxes()
    formation = "/apps/paper-crane/formation"
    points: list[Point] = [
        AtRequest("PATCH", formation, False),
        AtRequest("PATCH", formation, True),
        AtTask("Raise the write fence", 0.2),
        AtTask("Update the database"),
        AtTask("Record the seal"),
        AtTask("Seal the database"),
    ]
    relay = Relay(box)
    relay.run("cut-over", points, "migrate", *CUT_OVER).succeeded()
    assert relay.killed == len(points), relay.table()
    found = facts(box)
    assert found["source"] == found["target"]
    assert found["keys"]["SOURCE"] == found["keys"]["TARGET"]
    assert found["fly"]["machines"] == [("web", "started"), ("web", "started"), ("worker", "started")]
    assert found["heroku"]["maintenance"] is True
    assert set(found["heroku"]["formation"].values()) == {0}
    assert box.play("migrate", *CUT_OVER).succeeded().changed == 0
    box.play("rollback", *BACK).succeeded()
    assert box.heroku["maintenance"] is False
    assert facts(box)["heroku"]["formation"] == {"release": 0, "web": 2, "worker": 1}
