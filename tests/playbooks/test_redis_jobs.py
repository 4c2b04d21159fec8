# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs in Redis across a cut-over: each runs once, dynos outside the formation stop, and late keys are copied."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from . import jobs
from .conftest import APP, CHECKOUT, Sandbox
from .kills import AtTask, Observer, Relay, run_killed

CUT_OVER = ("-e", "migrate_cutover=true")
# A window that cannot be closed: the Machines of the web do not start.
BROKEN = {"method": "POST", "path": "/v1/apps/paper-crane/machines/??????????????/start", "status": 422}
# In each phase of a cut-over, once.
PHASES = (
    "Copy and verify the keys",
    "Save what Heroku runs",
    "Stop every dyno",
    "Raise the write fence",
    "Copy the keys",
    "Start the web Machines",
    "Record the seal",
    "Seal Redis",
    "Record the cut-over",
    "Copy late keys",
    "Scale every process group",
    "Start the Machines",
)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path / "box").up()
    yield sandbox
    sandbox.down()


def run_one_off(sandbox: Sandbox, command: str) -> str:
    """Start a one-off dyno as 'heroku run:detached' does; return its name."""
    request = urllib.request.Request(
        f"{sandbox.environment['HEROKU_API_URL']}/apps/{APP}/dynos",
        json.dumps({"command": command, "attach": False}).encode(),
        {
            "Accept": "application/vnd.heroku+json; version=3",
            "Authorization": f"Bearer {sandbox.environment['HEROKU_API_KEY']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as answer:
        name: str = json.load(answer)["name"]
    return name


class JobsApp:
    """The guide's app, whose web dynos queue jobs and whose workers run them as fast as they can, on both platforms."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "jobs.log"
        scenario = folder / "guide"
        shutil.copytree(CHECKOUT / "tests" / "sandbox" / "scenarios" / "guide", scenario)
        worker = scenario / "app" / "bin" / "sidekiq"
        worker.write_text(f"#!/bin/sh\nexec python {jobs.__file__} work\n")
        given: dict[str, Any] = yaml.safe_load((scenario / "scenario.yml").read_text())
        given["config"]["JOBS_LOG"] = str(self.log)
        given["formation"]["web"] |= {"quantity": 1, "runs": True, "command": f"python {jobs.__file__} queue"}
        given["formation"]["worker"] |= {"runs": True}
        (scenario / "scenario.yml").write_text(json.dumps(given))
        self.box = Sandbox(folder / "jobs").up("--scenario", str(scenario / "scenario.yml"))

    def await_runs(self, more: int = 200) -> None:
        """Return when that many more jobs were run."""
        already = sum(jobs.counted(self.log)[1].values()) if self.log.exists() else 0
        deadline = time.monotonic() + 60
        while not self.log.exists() or sum(jobs.counted(self.log)[1].values()) < already + more:
            assert time.monotonic() < deadline, "no worker runs jobs"
            time.sleep(0.1)

    def require_each_once(self) -> tuple[int, set[str]]:
        """Assert that each job that was queued is run, and none twice; return how many there were, and where they ran.

        For that nobody may queue any more.
        """
        deadline = time.monotonic() + 120
        while True:
            queued, ran, where = jobs.counted(self.log)
            if queued <= set(ran) or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        time.sleep(1)  # a worker may hold one of them too
        queued, ran, where = jobs.counted(self.log)
        twice = sum(times > 1 for times in ran.values())
        assert (len(queued - set(ran)), len(set(ran) - queued), twice) == (0, 0, 0), "lost, unknown, run twice"
        return len(queued), where


@pytest.fixture
def app(tmp_path: Path) -> Iterator[JobsApp]:
    started = JobsApp(tmp_path)
    yield started
    started.box.down()


def test_each_job_is_run_once(app: JobsApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.await_runs()
    run_one_off(app.box, f"exec python {jobs.__file__} queue")
    app.box.play("migrate", *CUT_OVER).succeeded()
    number, where = app.require_each_once()
    assert {place.split(" ")[0] for place in where} == {"worker.1", "fly"}
    with capsys.disabled():
        print(f"\n{number} jobs, each run once")


@pytest.mark.slow
def test_each_job_is_run_once_though_windows_are_killed_and_rolled_back(app: JobsApp) -> None:
    app.await_runs()
    app.box.play("migrate").succeeded()
    for phase in PHASES[1:6]:
        assert run_killed(app.box, AtTask(phase), "migrate", *CUT_OVER) is None, phase
        app.box.play("rollback").succeeded()
        app.await_runs()
    # A failure, after which the run itself puts Heroku back.
    Observer(app.box).fault(**BROKEN, times=10000)
    assert "is back in service" in app.box.play("migrate", *CUT_OVER, "--tags", "cutover").output
    Observer(app.box).fault(**BROKEN, times=0)
    app.await_runs()
    app.box.play("migrate", *CUT_OVER).succeeded()
    _number, where = app.require_each_once()
    assert {place.split(" ")[0] for place in where} == {"worker.1", "fly"}


@pytest.mark.slow
def test_each_job_is_run_once_though_a_run_is_killed_in_each_phase(
    app: JobsApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app.await_runs()
    relay = Relay(app.box)
    relay.run("cut-over", [AtTask(phase) for phase in PHASES], "migrate", *CUT_OVER).succeeded()
    number, where = app.require_each_once()
    assert {place.split(" ")[0] for place in where} == {"worker.1", "fly"}
    with capsys.disabled():
        print(f"\n{relay.table()}\n{number} jobs, each run once")
    assert relay.killed == len(PHASES)


@pytest.mark.slow
def test_nothing_goes_on_beside_the_formation_and_nothing_late_is_lost(box: Sandbox, tmp_path: Path) -> None:
    name = run_one_off(box, "sleep 600")
    url = box.environment["SANDBOX_SOURCE_REDIS_URL"]
    code = f"import redis; redis.Redis.from_url({url!r}, ssl_cert_reqs=None).lpush('queue:late', 'a', 'b')"
    hook = tmp_path / "before_seal.yml"
    python = box.environment.get("ANSIBLE_PLAYBOOK_PYTHON", "{{ ansible_playbook_python }}")
    hook.write_text(json.dumps([{"name": "Write late", "ansible.builtin.command": {"argv": [python, "-c", code]}}]))
    given = {"migrate_cutover": True, "migrate_hooks": {"before_seal": [str(hook)]}}
    given |= {"migrate_redis_data": "drain_then_copy", "migrate_drain_timeout": 2}
    # The cut-over is on record when this run ends, and what came late is not looked for yet.
    ended = run_killed(box, AtTask("Look for late keys in Heroku's Redis", 0), "migrate", "-e", json.dumps(given))
    assert ended is None, ended.output
    box.play("migrate", "-e", json.dumps(given)).succeeded()
    assert name not in box.heroku["dynos"]
    (ledger,) = (path for path in box.directory.parent.rglob("paper-crane--paper-crane.json"))
    kept = json.loads(ledger.read_text())
    assert [row["name"] for row in kept["one_off_dynos"]] == [name]
    assert kept["redis_late_keys"] == {"late": 1, "brought": 1, "left": 0}
    target = redis.Redis.from_url(box.environment["SANDBOX_TARGET_REDIS_URL"])
    assert target.lrange("queue:late", 0, -1) == [b"b", b"a"]
