# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fly_deploy and fly_proxy with a program in place of flyctl that records its calls."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.process import began
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly import deploy as _fly_deploy
from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_deploy, fly_proxy

APP = {"id": "a1", "name": "paper-crane", "organization": {"slug": "personal"}, "status": "deployed"}
PATH = "/v1/apps/paper-crane"
RELEASES = "/api/v1/apps/paper-crane/releases"
CREATED = "2026-11-23T10:00:00Z"


class Program:
    """A script that writes its arguments and environment, and ends with a given code."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "flyctl"
        self.calls_file = folder / "calls"
        self.behave("exit 0")

    def behave(self, *lines: str) -> None:
        note = f'{{ printf "%s\\n" "$*"; env; printf "\\0"; }} >> {self.calls_file}'
        self.path.write_text("\n".join(["#!/bin/sh", note, *lines, ""]))
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [call.splitlines()[0] for call in text.split("\0") if call]

    @property
    def environment(self) -> str:
        return self.calls_file.read_text()


@pytest.fixture
def flyctl(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "fly.toml").write_text('app = "paper-crane"\n')
    (folder / "app.rb").write_text("run\n")
    return folder


def machine(group: str, number: int = 1, version: int = 1, status: str = "passing") -> dict[str, Any]:
    metadata = {"fly_platform_version": "v2", "fly_process_group": group, "fly_release_version": str(version)}
    config = {"metadata": metadata, "services": [{"checks": [{"type": "http"}]}]}
    return {"id": f"{group}{number}", "state": "started", "config": config, "checks": [{"status": status}]}


def release(image: str, version: int = 1) -> dict[str, Any]:
    return {"version": version, "status": "complete", "created_at": CREATED, "image_ref": image}


def test_check_mode_before_there_is_a_fly_toml(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    (source / "fly.toml").unlink()
    options = {"fly_api_token": "fo1_canary", "flyctl": str(flyctl.path)}
    options |= {"app": "paper-crane", "source_dir": str(source)}
    http.expect("GET", PATH, status=404)
    result = run_module(fly_deploy, {**options, "groups": {"web": 1}}, check_mode=True, diff=True)
    assert (result["changed"], result["image_ref"]) == (True, "unknown")
    assert result["diff"]["after"] == "image: unknown\nweb: 1\n"
    for build_only in (True, False):
        result = run_module(fly_deploy, {**options, "build_only": build_only})
        assert f"{source}/fly.toml: it does not exist" in result["msg"]
    assert flyctl.calls == []


def expect_state(
    http: Any,
    machines: list[dict[str, Any]],
    releases: list[dict[str, Any]],
    secrets: list[dict[str, Any]] | None = None,
) -> None:
    http.expect("GET", PATH, APP)
    http.expect("GET", f"{PATH}/machines", machines)
    http.expect("GET", RELEASES, {"releases": releases})
    http.expect("GET", f"{PATH}/secrets", {"secrets": secrets or []})


def expect_lease(http: Any, machine_id: str, *held_until: float) -> None:
    """Queue the requests for a Machine's lease: one for each time that it is held, and one more."""
    path = f"{PATH}/machines/{machine_id}/lease"
    for instant in held_until:
        lease = {"nonce": "n", "owner": "ann@example.com", "expires_at": instant, "version": "v"}
        http.expect("GET", path, {"status": "success", "data": lease})
    http.expect("GET", path, {"error": "lease not found"}, status=404)


def arguments(flyctl: Program, source: Path, **more: Any) -> dict[str, Any]:
    given = {
        "fly_api_token": "FlyV1 fm2_canary",
        "app": "paper-crane",
        "source_dir": str(source),
        "flyctl": str(flyctl.path),
    }
    return {**given, "groups": {"web": 1}, **more}


def image_of(http: Any, run_module: Any, flyctl: Program, source: Path) -> str:
    expect_state(http, [], [])
    result = run_module(fly_deploy, arguments(flyctl, source), check_mode=True)
    assert result["changed"] is True
    assert flyctl.calls == []
    return str(result["image_ref"])


def test_machine_that_a_killed_deploy_left_is_named_and_kept(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    image = image_of(http, run_module, flyctl, source)
    left = {**machine("fly_app_release_command"), "state": "stopped"}
    expect_state(http, [machine("web"), left], [release(image)])
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert result["changed"] is False
    assert "fly machine destroy fly_app_release_command1 -a paper-crane" in str(result["warnings"])
    running = {**left, "state": "started"}
    expect_state(http, [machine("web"), running], [release(image)])
    assert "warnings" not in run_module(fly_deploy, arguments(flyctl, source))


def test_first_deploy_leaves_out_groups_without_machines(
    http: Any, run_module: Any, flyctl: Program, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "HRKU-canary")
    image = image_of(http, run_module, flyctl, source)
    expect_state(http, [], [])
    expect_state(http, [machine("web")], [release(image)])
    # 'scale count' does not wait for the Machine that it makes.
    http.expect("GET", f"{PATH}/machines", [machine("web"), {**machine("web", 2), "state": "created"}])
    http.expect("GET", f"{PATH}/machines", [machine("web"), machine("web", 2)])
    result = run_module(fly_deploy, arguments(flyctl, source, groups={"web": 2, "worker": 0}))
    assert (result["changed"], result["groups"]) == (
        True,
        {"web": {"before": 0, "after": 2}, "worker": {"before": 0, "after": 0}},
    )
    sync, deployed, scaled = flyctl.calls
    assert sync == "secrets sync -a paper-crane"
    assert f"--image-label {image.rpartition(':')[2]}" in deployed
    assert "--process-groups web" in deployed
    assert "--ha=false --dns-checks=false" in deployed
    assert scaled.startswith("scale count web=2 -a paper-crane")
    assert "fm2_canary" not in " ".join(flyctl.calls)
    assert "FLY_API_TOKEN=FlyV1 fm2_canary" in flyctl.environment
    assert "HRKU-canary" not in flyctl.environment


def test_deploy_without_any_group_makes_no_machines(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    expect_state(http, [], [])
    expect_state(http, [], [release("x")])
    run_module(fly_deploy, arguments(flyctl, source, groups={"web": 0, "worker": 0}))
    assert "--update-only" in flyctl.calls[1]
    assert "--process-groups" not in flyctl.calls[1]


@pytest.mark.parametrize(
    ("wanted", "current", "same"),
    [
        ("ghcr.io/o/app:1", "ghcr.io/o/app:1@sha256:aa", True),
        ("ghcr.io/o/app:1", "ghcr.io/o/app:2@sha256:aa", False),
        ("ghcr.io/o/app@sha256:aa", "ghcr.io/o/app:1@sha256:aa", True),
        ("ghcr.io/o/app@sha256:aa", "ghcr.io/o/app@sha256:bb", False),
        ("o/app:16", "docker-hub-mirror.fly.io/o/app:16", True),
        ("redis", "registry-1.docker.io/library/redis:latest@sha256:aa", True),
        ("redis", "registry.fly.io/library/redis:latest", False),
        ("localhost:5000/app", "localhost:5000/app:latest", True),
    ],
)
def test_given_image_is_known_again_as_fly_names_it(
    http: Any, run_module: Any, flyctl: Program, source: Path, wanted: str, current: str, same: bool
) -> None:
    expect_state(http, [machine("web")], [release(current)])
    result = run_module(fly_deploy, arguments(flyctl, source, image=wanted), check_mode=True)
    assert result["changed"] is not same


def test_nothing_differs(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    image = image_of(http, run_module, flyctl, source)
    expect_state(http, [machine("web")], [release(f"{image}@sha256:0123")])
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert (result["changed"], result["reasons"], flyctl.calls) == (False, [], [])


@pytest.mark.parametrize("what", ["source", "secret"])
def test_what_differs_is_deployed(http: Any, run_module: Any, flyctl: Program, source: Path, what: str) -> None:
    image = image_of(http, run_module, flyctl, source)
    secrets = []
    if what == "source":
        (source / "app.rb").write_text("run faster\n")
    else:
        secrets = [{"name": "NEW", "digest": "d", "updated_at": "2026-11-23T10:00:01Z"}]
    expect_state(http, [machine("web")], [release(image)], secrets)
    result = run_module(fly_deploy, arguments(flyctl, source), check_mode=True)
    assert result["changed"] is True
    assert ("NEW" if what == "secret" else "another source") in result["reasons"][0]


def test_what_dockerignore_names_does_not_count(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    (source / ".dockerignore").write_text("log/*\n!log/keep\n")
    (source / "log").mkdir()
    image = image_of(http, run_module, flyctl, source)
    (source / "log" / "development.log").write_text("noise\n")
    assert image_of(http, run_module, flyctl, source) == image
    (source / "log" / "keep").write_text("\n")
    assert image_of(http, run_module, flyctl, source) != image


def test_build_only_builds_what_the_release_does_not_have(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    image = image_of(http, run_module, flyctl, source)
    expect_state(http, [], [])
    result = run_module(fly_deploy, arguments(flyctl, source, build_only=True))
    assert (result["changed"], result["image_ref"]) == (True, image)
    assert "--build-only --push" in flyctl.calls[0]
    expect_state(http, [machine("web")], [release(image)])
    assert run_module(fly_deploy, arguments(flyctl, source, build_only=True))["changed"] is False


def test_scaled_machines_that_stay_sick_fail_the_task(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    image = image_of(http, run_module, flyctl, source)
    expect_state(http, [machine("web")], [release(image)])
    expect_lease(http, "web1")
    for _poll in range(5):  # after 0, 0.5, 1.5, 3.5 and 4 seconds
        http.expect("GET", f"{PATH}/machines", [machine("web"), machine("web", 2, status="critical")])
    result = run_module(fly_deploy, arguments(flyctl, source, groups={"web": 2}, wait_timeout=4))
    assert "web2 (web, started)" in result["msg"]


def test_scale_only(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    expect_state(http, [machine("web"), machine("worker")], [release("x")])
    expect_lease(http, "web1")
    expect_lease(http, "worker1")
    http.expect("DELETE", f"{PATH}/machines/worker1", {"ok": True}, query={"kill": "true"})
    result = run_module(fly_deploy, arguments(flyctl, source, groups={"web": 2, "worker": 0}, scale_only=True))
    assert result["groups"] == {"web": {"before": 1, "after": 2}, "worker": {"before": 1, "after": 0}}
    assert [call.split(" -a")[0] for call in flyctl.calls] == ["scale count web=2"]


def test_workers_of_a_first_deploy_that_failed_can_be_stopped(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    # flyctl would not scale: "no complete release".
    flyctl.behave("exit 1")
    expect_state(http, [machine("worker")], [])
    expect_lease(http, "worker1")
    http.expect("DELETE", f"{PATH}/machines/worker1", {"error": "not found"}, status=404)
    assert run_module(fly_deploy, arguments(flyctl, source, groups={"worker": 0}, scale_only=True))["changed"]
    assert flyctl.calls == []


def test_failure_of_flyctl_shows_its_last_lines(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    flyctl.behave("echo 'Error: release_command failed with fm2_canary' >&2; exit 1")
    expect_state(http, [], [])
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert result["failed"]
    assert "release_command failed" in result["msg"]
    assert "fm2_canary" not in str(result)
    assert flyctl.calls == ["secrets sync -a paper-crane"]


def test_machine_whose_checks_never_pass_is_named_with_the_end_of_its_log(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    flyctl.behave(
        '[ "$1" != deploy ] || { echo "Error: timeout reached waiting for health checks" >&2; exit 126; }',
        '[ "$1" != logs ] || echo "PG::ConnectionBad: no route with fm2_canary"',
    )
    expect_state(http, [], [])
    http.expect("GET", f"{PATH}/machines", [machine("web"), machine("web", 2, status="critical")])
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert result["machines"] == ["web2"]
    for part in ("it timed out", "health checks", "not healthy: web2 (web, started)", "no route", "more time"):
        assert part in result["msg"]
    assert flyctl.calls[-1] == "logs -n -a paper-crane --machine web2"
    assert "canary" not in str(result)


def test_failure_of_a_deploy_is_told_also_where_fly_does_not_answer_any_more(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    flyctl.behave('[ "$1" != deploy ] || { echo "Error: the cause" >&2; exit 1; }')
    expect_state(http, [], [])
    http.expect("GET", f"{PATH}/machines", {"error": "no"}, status=401)
    assert (
        "flyctl deploy: it exited with 1: Error: the cause" in run_module(fly_deploy, arguments(flyctl, source))["msg"]
    )


def test_scaled_machine_is_waited_for_until_its_checks_are_told(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    image = image_of(http, run_module, flyctl, source)
    expect_state(http, [machine("web")], [release(image)])
    expect_lease(http, "web1")
    http.expect("GET", f"{PATH}/machines", [machine("web"), {**machine("web", 2), "checks": []}])
    http.expect("GET", f"{PATH}/machines", [machine("web"), machine("web", 2)])
    assert run_module(fly_deploy, arguments(flyctl, source, groups={"web": 2}))["changed"] is True


def test_deploy_waits_for_the_lease_that_another_one_has_left(
    http: Any, run_module: Any, flyctl: Program, source: Path, tmp_path: Path
) -> None:
    progress = tmp_path / "progress"
    expect_state(http, [machine("web")], [release("x")])
    expect_lease(http, "web1", 1795000000, 1795000000)
    expect_state(http, [machine("web")], [release("y")])
    expect_lease(http, "web1")
    expect_state(http, [machine("web")], [release("z")])
    run_module(fly_deploy, arguments(flyctl, source, progress_file=str(progress)))
    assert [call.split()[0] for call in flyctl.calls] == ["secrets", "deploy"]
    waiting = (
        "waiting for a deploy that holds Machine web1 until 11:06:40 UTC (if there is none: fly machine leases clear"
    )
    assert json.loads(progress.read_text())["steps"][0].startswith(waiting)


def test_what_was_waited_for_need_not_be_done_again(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    image = image_of(http, run_module, flyctl, source)
    expect_state(http, [machine("web")], [release("x")])
    expect_lease(http, "web1", 1795000000)
    expect_state(http, [machine("web")], [release(image)])
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert (result["changed"], flyctl.calls) == (False, [])
    scaled = arguments(flyctl, source, groups={"worker": 0}, scale_only=True)
    expect_state(http, [machine("worker")], [release(image)])
    expect_lease(http, "worker1", 1795000000)
    expect_state(http, [], [release(image)])
    assert run_module(fly_deploy, scaled)["changed"] is False


def test_lease_that_does_not_end_is_named_with_its_owner(
    http: Any, run_module: Any, flyctl: Program, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fly_deploy, "GRACE", 0)
    expect_state(http, [machine("web")], [release("x")])
    lease = {"owner": "ann@example.com", "expires_at": 1795000000}
    for _poll in range(2):
        http.expect("GET", f"{PATH}/machines/web1/lease", {"status": "success", "data": lease})
    message = run_module(fly_deploy, arguments(flyctl, source, wait_timeout=2))["msg"]
    for part in ("Machine web1", "ann@example.com holds a lease", "11:06:40 UTC", "fly machine leases clear web1"):
        assert part in message
    assert flyctl.calls == []


def test_flyctl_that_takes_too_long_gives_its_leases_back(
    http: Any, run_module: Any, flyctl: Program, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fly_deploy, "GRACE", 0.5)
    monkeypatch.setattr(_fly_deploy, "BUILD", 0)
    back = tmp_path / "back"
    flyctl.behave(f'[ "$1" != deploy ] || {{ trap "touch {back}; exit 127" TERM; sleep 5 & wait $!; }}')
    expect_state(http, [], [])
    http.expect("GET", f"{PATH}/machines", [])
    assert "was still running after" in run_module(fly_deploy, arguments(flyctl, source, wait_timeout=0))["msg"]
    assert back.exists()


def test_sick_machines_fail_the_task(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    flyctl.behave("echo 'app said: boom'")
    expect_state(http, [], [])
    expect_state(http, [machine("web", status="critical")], [release("x")])
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert result["failed"]
    assert "web1" in result["msg"]
    assert "boom" in result["msg"]


def test_sick_machines_fail_the_task_even_without_a_log(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    flyctl.behave('[ "$1" != logs ] || { echo "Error: no logs today" >&2; exit 1; }')
    expect_state(http, [], [])
    expect_state(http, [machine("web", status="critical")], [release("x")])
    message = run_module(fly_deploy, arguments(flyctl, source))["msg"]
    assert "not healthy after the deploy: web1 (web, started)" in message
    assert "no logs today" in message
    assert "fly status -a paper-crane" in message


@pytest.mark.parametrize(
    ("end", "cause", "remedy"),
    [
        ("exit 1", "it exited with 1", "Fix what flyctl names"),
        ("exit 3", "it crashed", "another version of flyctl"),
        ("exit 126", "it timed out", "give it more time"),
        ("exit 127", "it was interrupted", "Run again"),
        ("exit 42", "it exited with 42", "Fix what flyctl names"),
        ("kill -KILL $$", "it was killed by the signal SIGKILL", "Fix what flyctl names"),
    ],
)
@pytest.mark.parametrize("step", ["secrets", "deploy", "scale", "build"])
def test_every_end_of_flyctl_is_named(
    http: Any, run_module: Any, flyctl: Program, source: Path, step: str, end: str, cause: str, remedy: str
) -> None:
    given = arguments(flyctl, source, groups={"web": 2}, build_only=step == "build")
    command = {"build": "deploy"}.get(step, step)
    flyctl.behave(f'[ "$1" != {command} ] || {{ echo "Error: the cause" >&2; {end}; }}')
    expect_state(http, [], [])
    if step == "scale":
        expect_state(http, [machine("web")], [release("x")])
    elif step == "deploy":
        http.expect("GET", f"{PATH}/machines", [machine("web")])
    message = run_module(fly_deploy, given)["msg"]
    for part in ("Fly app paper-crane: ", f"flyctl {command}: {cause}: Error: the cause", remedy):
        assert part in message
    assert flyctl.calls[-1].startswith(command)


def test_log_of_a_failed_release_command_is_shown_whole(
    http: Any, run_module: Any, flyctl: Program, source: Path
) -> None:
    flyctl.behave(
        '[ "$1" != deploy ] || { for n in $(seq 30); do echo "building $n"; done',
        "echo 'Error release_command failed running on machine 1857 with exit code 1.' >&2",
        "echo 'PG::UndefinedTable: no table fm2_canary' >&2; for n in $(seq 60); do echo \"gem $n\" >&2; done",
        "echo 'Error: machine 1857 exited with non-zero status of 1' >&2; exit 1; }",
    )
    expect_state(http, [], [])
    http.expect("GET", f"{PATH}/machines", [])
    message = run_module(fly_deploy, arguments(flyctl, source))["msg"]
    for part in ("release_command failed", "PG::UndefinedTable", "gem 1\n", "gem 60", "non-zero status of 1"):
        assert part in message
    assert "building" not in message
    assert "canary" not in message


def test_steps_of_flyctl_are_told_while_it_runs_and_nothing_else(
    http: Any, run_module: Any, flyctl: Program, source: Path, tmp_path: Path
) -> None:
    progress = tmp_path / "progress"
    seen = tmp_path / "seen"
    flyctl.behave(
        '[ "$1" != deploy ] || { echo "==> Building image" >&2; echo "#7 [build 2/4] RUN bundle install"',
        "echo '#7 1.2 Fetching rake'; echo 'DATABASE_URL=postgres://u:canary@h/d'",
        "echo 'Running paper-crane release_command: bin/rails db:migrate -- fm2_canary' >&2; echo 'not a step'",
        "echo '✔ [1/2] Machine 1857 is now in a good state'",
        f"for n in $(seq 50); do grep -q 'good state' {progress} && break; sleep 0.1; done; cp {progress} {seen}; }}",
    )
    expect_state(http, [], [])
    expect_state(http, [machine("web")], [release("x")])
    http.expect("GET", f"{PATH}/machines", [machine("web"), {**machine("web", 2), "state": "created"}])
    http.expect("GET", f"{PATH}/machines", [machine("web"), machine("web", 2)])
    run_module(fly_deploy, arguments(flyctl, source, groups={"web": 2}, progress_file=str(progress)))
    while_it_ran = [
        "flyctl secrets sync",
        "flyctl deploy",
        "==> Building image",
        "Running paper-crane release_command: bin/rails db:migrate -- ********",
        "#7 [build 2/4] RUN bundle install",
        "✔ [1/2] Machine 1857 is now in a good state",
    ]
    assert json.loads(seen.read_text())["steps"] == while_it_ran
    last = json.loads(progress.read_text())["steps"]
    assert last == [*while_it_ran, "flyctl scale count", "waiting for web2 (web, created) to be healthy"]


def test_flyctl_that_hangs_is_ended_though_something_it_started_lives_on(
    http: Any, run_module: Any, flyctl: Program, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fly_deploy, "GRACE", 0.5)
    monkeypatch.setattr(_fly_deploy, "BUILD", 0)
    flyctl.behave('[ "$1" != deploy ] || { echo "Waiting for 1857"; sleep 30; exit; }')
    expect_state(http, [], [])
    http.expect("GET", f"{PATH}/machines", [])
    begun = time.monotonic()
    message = run_module(fly_deploy, arguments(flyctl, source, wait_timeout=0))["msg"]
    assert time.monotonic() - begun < 20
    assert "flyctl deploy was still running after" in message
    assert "Waiting for 1857" in message


def test_flyctl_of_another_kind_of_computer_is_named(http: Any, run_module: Any, flyctl: Program, source: Path) -> None:
    flyctl.path.write_bytes(b"\x7fELF of another kind")
    expect_state(http, [], [])
    message = run_module(fly_deploy, arguments(flyctl, source))["msg"]
    assert f"{flyctl.path} could not be started (Exec format error)" in message


@pytest.mark.parametrize("count", [-1, "many", 1.5, True])
def test_number_of_machines_must_be_one(http: Any, run_module: Any, flyctl: Program, source: Path, count: Any) -> None:
    assert "groups.web" in run_module(fly_deploy, arguments(flyctl, source, groups={"web": count}))["msg"]


def test_missing_flyctl_is_named(http: Any, run_module: Any, source: Path, flyctl: Program) -> None:
    flyctl.path.unlink()
    result = run_module(fly_deploy, arguments(flyctl, source))
    assert "fly.io/docs/flyctl/install" in result["msg"]


SERVE = "exec python3 -m http.server --bind 127.0.0.1 $(echo $2 | cut -d: -f1)"


def test_tunnel_is_opened_found_and_closed(run_module: Any, flyctl: Program, tmp_path: Path) -> None:
    flyctl.behave(SERVE)
    state = tmp_path / "state" / "tunnel.json"
    given = {
        "fly_api_token": "fm2_canary",
        "flyctl": str(flyctl.path),
        "app": "paper-crane",
        "target": "fly-r.upstash.io:6379",
        "state_file": str(state),
    }
    checked = run_module(fly_proxy, given, check_mode=True)
    assert (checked["changed"], checked["local_port"]) == (True, 0)
    assert not state.exists()
    opened = run_module(fly_proxy, given)
    assert opened["changed"] is True
    socket.create_connection((opened["host"], opened["local_port"]), timeout=5).close()
    again = run_module(fly_proxy, given)
    assert (again["changed"], again["pid"]) == (False, opened["pid"])
    assert json.loads(state.read_text())["pid"] == opened["pid"]
    closed = run_module(fly_proxy, {**given, "state": "stopped"})
    assert closed["changed"] is True
    assert not state.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((opened["host"], opened["local_port"]), timeout=1)
    assert run_module(fly_proxy, {**given, "state": "stopped"})["changed"] is False
    assert flyctl.calls[0].startswith(f"proxy {opened['local_port']}:6379 fly-r.upstash.io -a paper-crane")


@pytest.fixture
def tunnel(flyctl: Program, tmp_path: Path) -> dict[str, Any]:
    return {
        "fly_api_token": "fm2_canary",
        "flyctl": str(flyctl.path),
        "app": "a",
        "target": "db.internal:5432",
        "state_file": str(tmp_path / "state" / "tunnel.json"),
        "timeout": 5,
    }


def test_tunnel_that_fails_says_why_and_leaves_nothing(
    run_module: Any, flyctl: Program, tunnel: dict[str, Any]
) -> None:
    flyctl.behave("echo 'Error: no such cluster'; exit 1")
    result = run_module(fly_proxy, {**tunnel, "target": "c1"})
    assert "tunnel to c1: flyctl exited with 1: Error: no such cluster" in result["msg"]
    assert "fly doctor" in result["msg"]
    assert not Path(tunnel["state_file"]).exists()
    assert flyctl.calls[0].startswith("mpg proxy c1 --local-port")


def test_tunnel_that_never_answers_is_ended(run_module: Any, flyctl: Program, tunnel: dict[str, Any]) -> None:
    flyctl.behave("echo 'Waiting for WireGuard'; echo $$ > $0.pid; exec sleep 60")
    message = run_module(fly_proxy, {**tunnel, "timeout": 1})["msg"]
    assert "it did not answer within 1 s: Waiting for WireGuard" in message
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path(f"{flyctl.path}.pid").read_text()), 0)
    assert not Path(tunnel["state_file"]).exists()


@pytest.mark.parametrize("check_mode", [False, True])
def test_local_port_of_another_program_is_refused(
    run_module: Any, flyctl: Program, tunnel: dict[str, Any], check_mode: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = run_module(fly_proxy, {**tunnel, "local_port": port}, check_mode=check_mode)["msg"]
    assert f"local port {port}: another program is using it" in message
    assert flyctl.calls == []


def test_tunnel_that_ended_by_itself_is_told_when_it_is_closed(
    run_module: Any, flyctl: Program, tunnel: dict[str, Any]
) -> None:
    flyctl.behave("echo 'peer lost with fm2_canary'", SERVE)
    opened = run_module(fly_proxy, tunnel)
    os.kill(opened["pid"], signal.SIGKILL)
    assert os.waitpid(opened["pid"], 0)[0] == opened["pid"]
    closed = run_module(fly_proxy, {**tunnel, "state": "stopped"})
    assert closed["changed"] is False
    assert "tunnel to db.internal:5432 had ended on its own" in str(closed["warnings"])
    assert "peer lost with ********" in str(closed["warnings"])
    assert [path.name for path in Path(tunnel["state_file"]).parent.iterdir()] == [".gitignore"]


def test_tunnel_that_ended_by_itself_is_opened_again(run_module: Any, flyctl: Program, tunnel: dict[str, Any]) -> None:
    flyctl.behave(SERVE)
    first = run_module(fly_proxy, tunnel)
    os.kill(first["pid"], signal.SIGKILL)
    os.waitpid(first["pid"], 0)
    second = run_module(fly_proxy, tunnel)
    assert (second["changed"], second["pid"] != first["pid"]) == (True, True)
    assert run_module(fly_proxy, {**tunnel, "state": "stopped"})["changed"] is True


def test_tunnel_of_which_a_zombie_is_left_has_ended(run_module: Any, tunnel: dict[str, Any]) -> None:
    # As in a container whose first process reaps no orphans.
    start = "import subprocess as s, time; p = s.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        state = Path(tunnel["state_file"])
        state.parent.mkdir()
        state.write_text(json.dumps({"pid": pid, "started": began(pid), "port": 1, "target": "x"}))
        state.with_suffix(".log").touch()
        os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        closed = run_module(fly_proxy, {**tunnel, "state": "stopped"})
        parent.kill()
    assert "had ended on its own" in str(closed["warnings"])
    assert time.monotonic() - begun < 5
    assert not state.exists()


@pytest.mark.parametrize("why", ["it hangs", "it leads elsewhere"])
def test_tunnel_that_is_of_no_use_is_replaced(
    run_module: Any, flyctl: Program, tunnel: dict[str, Any], why: str
) -> None:
    flyctl.behave(SERVE)
    first = run_module(fly_proxy, tunnel)
    state = json.loads(Path(tunnel["state_file"]).read_text())
    if why == "it hangs":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            Path(tunnel["state_file"]).write_text(json.dumps({**state, "port": free.getsockname()[1]}))
    else:
        tunnel = {**tunnel, "target": "other.internal:5432"}
    assert run_module(fly_proxy, tunnel, check_mode=True)["changed"] is True
    second = run_module(fly_proxy, tunnel)
    assert (second["changed"], second["pid"] != first["pid"]) == (True, True)
    assert began(first["pid"]) is None  # it may still wait for its parent, which is this process
    assert run_module(fly_proxy, {**tunnel, "state": "stopped"})["changed"] is True


def test_tunnel_that_will_not_end_is_killed(
    run_module: Any, flyctl: Program, tunnel: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fly_proxy, "stop", functools.partial(fly_proxy.stop, patience=0.5))
    ignore = "import signal, runpy, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    serve = (
        "sys.argv[1:] = sys.argv[1:] + ['--bind', '127.0.0.1']; runpy.run_module('http.server', run_name='__main__')"
    )
    flyctl.behave(f'exec python3 -c "{ignore}; {serve}" $(echo $2 | cut -d: -f1)')
    opened = run_module(fly_proxy, tunnel)
    assert run_module(fly_proxy, {**tunnel, "state": "stopped"})["changed"] is True
    with pytest.raises(ProcessLookupError):
        os.kill(opened["pid"], 0)


def test_process_of_somebody_else_with_the_same_id_is_left_alone(
    run_module: Any, flyctl: Program, tmp_path: Path
) -> None:
    state = tmp_path / "tunnel.json"
    state.write_text(json.dumps({"pid": os.getpid(), "started": "long ago", "port": 1, "target": "c1"}))
    given = {
        "fly_api_token": "fm2_canary",
        "flyctl": str(flyctl.path),
        "app": "a",
        "target": "c1",
        "state_file": str(state),
    }
    assert run_module(fly_proxy, {**given, "state": "stopped"})["changed"] is False
