# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs on one app: one works; the other ends at once, writes nothing and says which run is active."""

from __future__ import annotations

import os
import signal

import pytest

from .conftest import Run, Sandbox
from .kills import Observer, Output, facts

pytestmark = pytest.mark.slow

CUT_OVER = ("-e", "migrate_cutover=true")
# At each of these points the first run is held while others try.
MOMENTS = {
    "Copy or update the database": [("migrate", *CUT_OVER)],
    "Save what Heroku runs": [("migrate", *CUT_OVER), ("rollback",)],
    "Raise the write fence": [("migrate", *CUT_OVER), ("rollback",), ("migrate",)],
    "Update the database": [("migrate", *CUT_OVER), ("rollback", "-e", "migrate_take_over=true")],
    "Seal the database": [("migrate", *CUT_OVER, "-e", "migrate_take_over=true"), ("rollback",)],
    "Record the cut-over": [("rollback", "-e", "migrate_discard_fly_writes=true")],
}


def _is_refused(run: Run, pid: int) -> None:
    assert run.rc != 0, run.output
    assert "another run is using it" in run.output
    assert f"process {pid}," in run.output
    assert "back in service" not in run.output


def test_second_run_ends_and_names_the_first_at_every_step_of_the_window(sandbox: Sandbox) -> None:
    observer = Observer(sandbox)
    first = sandbox.start("migrate", *CUT_OVER)
    output = Output(first)
    for moment, others in MOMENTS.items():
        output.wait_for(f"{moment}] ***", first)
        os.kill(first.pid, signal.SIGSTOP)
        try:
            for playbook, *options in others:
                _is_refused(sandbox.play(playbook, *options), first.pid)
        finally:
            os.kill(first.pid, signal.SIGCONT)
    assert first.wait(timeout=1200) == 0, output.text()

    # Nobody put Heroku back, not even for a moment.
    undone = [r for r in observer.requests() if r["method"] == "PATCH" and r["service"] == "heroku"]
    assert len(undone) == 2, undone  # the maintenance page and the dynos
    found = facts(sandbox)
    assert found["source"] == found["target"]
    assert found["fly"]["machines"] == [("web", "started"), ("web", "started"), ("worker", "started")]
    assert sandbox.play("migrate", *CUT_OVER).succeeded().changed == 0


def test_of_two_that_start_together_one_works(sandbox: Sandbox) -> None:
    sandbox.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    options = (*CUT_OVER, "-e", "migrate_discard_fly_writes=true")
    pair = [sandbox.start("migrate", *options) for _number in range(2)]
    outputs = [Output(process) for process in pair]
    runs = [Run(process.wait(timeout=1200), output.rest()) for process, output in zip(pair, outputs)]
    assert sorted(run.rc == 0 for run in runs) == [False, True], "\n".join(run.output for run in runs)
    winner = next(process for process, run in zip(pair, runs) if run.rc == 0)
    _is_refused(next(run for run in runs if run.rc != 0), winner.pid)
    assert sandbox.heroku["maintenance"] is True
