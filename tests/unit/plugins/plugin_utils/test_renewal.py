# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import lease, leash, process
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.ledger import Ledger
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._renewal import (
    keep_renewing,
    remember_lease,
    renew_lease,
)
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._run import this_run


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """Return the file of a lease that this process took an hour ago."""
    ledger = tmp_path / "ledger.json"
    with Ledger(str(ledger)).locked():
        lease.Lease(str(ledger)).acquire(this_run("paper-crane"), False)
    remember_lease(str(tmp_path), "paper-crane", str(ledger), True)
    file = Path(f"{ledger}.lease")
    content = json.loads(file.read_text())
    content["renewed"] = (lease._time(content["renewed"]) - timedelta(hours=1)).strftime(lease._TIME)
    file.write_text(json.dumps(content))
    return file


def _age(file: Path) -> float:
    return lease._age(json.loads(file.read_text()))


def test_lease_is_renewed(held: Path) -> None:
    renew_lease(str(held.parent), "paper-boat")  # which holds none
    assert _age(held) >= 3600
    renew_lease(str(held.parent), "paper-crane")
    assert _age(held) < 60


def test_lease_that_was_given_back_is_not_renewed(held: Path) -> None:
    remember_lease(str(held.parent), "paper-crane", "", False)
    remember_lease(str(held.parent), "paper-crane", "", False)
    renew_lease(str(held.parent), "paper-crane")
    assert _age(held) >= 3600


def test_lease_is_renewed_while_a_task_is_at_work(held: Path) -> None:
    keep_renewing(str(held.parent), "paper-crane", interval=0.05)
    deadline = time.monotonic() + 30
    while _age(held) > 60:
        assert time.monotonic() < deadline
        time.sleep(0.05)


MODULE = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.leash import tie_to_run
tie_to_run(0.05)
print("ready", flush=True)
time.sleep(float(sys.argv[2]))
"""


def _module(run: int, began: str | None, seconds: float) -> subprocess.Popen[str]:
    environment = {**os.environ, leash.VARIABLE: f"{run}:{began}"}
    root = next(path for path in sys.path if (Path(path) / "ansible_collections" / "flyover").is_dir())
    return subprocess.Popen(
        [sys.executable, "-c", MODULE, root, str(seconds)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_module_ends_with_its_run() -> None:
    with subprocess.Popen(["sleep", "600"]) as run:
        module = _module(run.pid, process.began(run.pid), 600)
        assert module.stdout is not None
        assert module.stdout.readline() == "ready\n"
        run.kill()
        run.wait()
        assert module.wait(timeout=60) < 0
        module.stdout.close()


def test_module_of_a_run_that_lives_goes_on_and_nothing_waits_for_its_companion() -> None:
    module = _module(os.getpid(), process.began(os.getpid()), 0.3)
    output, _errors = module.communicate(timeout=60)
    assert (output, module.returncode) == ("ready\n", 0)
