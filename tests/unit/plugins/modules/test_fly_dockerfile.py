# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fly_dockerfile with programs in place of flyctl and Bundler that record their calls and working directories."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly import launch as _fly_dockerfile
from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_dockerfile

TOKEN = "FlyV1 fm2_canary"
KEY = "0123456789abcdef0123456789abcdef"
DOCKERFILE = "FROM ruby:3.4\nWORKDIR /rails\nEXPOSE 3000\n"
ENTRYPOINT = '#!/bin/bash -e\nexec "${@}"\n'
# What a launch of a Rails app leaves behind.
GENERATE = f"""\
bundle add dockerfile-rails
echo "gem 'dockerfile-rails'" >> Gemfile
printf '%s' '{DOCKERFILE}' > Dockerfile
printf '%s' '{ENTRYPOINT}' > bin/docker-entrypoint
chmod 755 bin/docker-entrypoint
echo /log > .dockerignore
echo 'options:' > config/dockerfile.yml
echo "app = 'flyover'" > fly.toml
echo started > log/development.log
mkdir -p vendor/bundle && echo gem > vendor/bundle/gem.rb
"""


class Launch:
    """An app's source, and the programs on its PATH."""

    def __init__(self, folder: Path, run_module: Callable[..., dict[str, Any]]) -> None:
        self.folder = folder
        self.source = folder / "paper-crane"
        self.notes = folder / "notes"
        self.programs = folder / "bin"
        self._run_module = run_module
        self.programs.mkdir()
        self.notes.mkdir()
        for name, text in {
            "Gemfile": "gem 'rails'\n",
            "bin/rails": "#!/usr/bin/env ruby\n",
            "config/master.key": f"{KEY}\n",
            "config/credentials/production.key": "theirs",
            "log/production.log": "long\n",
            "tmp/pids/server.pid": "1\n",
            "node_modules/left/pad.js": "\n",
            ".git/config": "url = git@github.com:x/y\n",
            "fly.toml": "app = 'paper-crane'\n",
        }.items():
            self.write(name, text)
        for name in ("bundle", "ruby"):
            self.program(name, f"echo {name} $* >> {self.notes}/{name}", f"env >> {self.notes}/{name}")
        self.launches(GENERATE)

    def write(self, name: str, text: str) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, *lines: str) -> None:
        path = self.programs / name
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)

    def launches(self, *lines: str) -> None:
        """Let flyctl record its arguments, its folder and the files in it, and then run O(lines)."""
        noted = (f"echo $* >> {self.notes}/calls", f"pwd > {self.notes}/pwd", f"env > {self.notes}/flyctl")
        listed = f"find . -exec stat -c '%n %s' {{}} + | sort > {self.notes}/copy"
        self.program("flyctl", *noted, listed, *lines)

    def note(self, name: str) -> str:
        path = self.notes / name
        return path.read_text() if path.exists() else ""

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"fly_api_token": TOKEN, "source_dir": str(self.source), **options}
        result = self._run_module(fly_dockerfile, given, check_mode=check, diff=True)
        # ansible-core keeps the warnings of all runs in one process.
        result["warnings"] = [told for told in result.get("warnings", []) if str(self.folder) in str(told)]
        return result

    def files(self) -> dict[str, bytes]:
        found = self.source.rglob("*")
        return {path.relative_to(self.source).as_posix(): path.read_bytes() for path in found if path.is_file()}


@pytest.fixture
def launch(tmp_path: Path, run_module: Any, monkeypatch: pytest.MonkeyPatch) -> Launch:
    made = Launch(tmp_path, run_module)
    monkeypatch.setenv("PATH", f"{made.programs}:{os.defpath}")
    for name in ("BUNDLE_GEMFILE", "RAILS_ENV"):
        monkeypatch.delenv(name, raising=False)
    return made


def test_three_files_are_taken_and_nothing_else(launch: Launch) -> None:
    before = launch.files()
    result = launch.run()
    created = {"Dockerfile": "created", ".dockerignore": "created", "bin/docker-entrypoint": "created"}
    assert (result["changed"], result["files"]) == (True, created)
    after = launch.files()
    new = {name: after.pop(name).decode() for name in created}
    assert after == before
    assert new == {"Dockerfile": DOCKERFILE, ".dockerignore": "/log\n", "bin/docker-entrypoint": ENTRYPOINT}
    assert result["discarded"] == ["Gemfile", "config/dockerfile.yml", "fly.toml"]
    umask = os.umask(0)
    os.umask(umask)
    modes = {name: stat.S_IMODE((launch.source / name).stat().st_mode) for name in created}
    assert modes == {n: (0o777 if n == "bin/docker-entrypoint" else 0o666) & ~umask for n in created}
    assert [diff["after_header"] for diff in result["diff"]] == [
        str(launch.source / name) for name in ("bin/docker-entrypoint", ".dockerignore", "Dockerfile")
    ]
    assert {diff["before"] for diff in result["diff"]} == {""}
    assert result["diff"][-1]["after"] == DOCKERFILE
    assert "Review it" in str(result["warnings"])
    assert "Aptfile" not in str(result["warnings"])


def test_launch_can_reach_nothing_but_its_copy(launch: Launch) -> None:
    launch.run(org="acme")
    name = re.search(r"--name (flyover-launch-[0-9a-f]{16}) ", launch.note("calls"))
    assert name
    assert launch.note("calls").split() == [
        *("launch", "--no-create", "--no-deploy", "--yes", "--ha=false", "--name", name[1], "--org", "acme"),
        *("--no-db", "--no-redis", "--no-object-storage", "--no-github-workflow", "--dockerignore-from-gitignore"),
    ]
    copy = dict(line.rsplit(" ", 1) for line in launch.note("copy").splitlines())
    # Empty, so that neither a random SECRET_KEY_BASE nor the content of master.key becomes a secret.
    assert copy["./config/credentials/production.key"] == "0"
    assert copy["./config/master.key"] == str(len(KEY) + 1)
    for left_out in ("./.git", "./node_modules", "./fly.toml", "./log/production.log", "./tmp/pids"):
        assert left_out not in copy
    assert {"./log", "./tmp"} <= set(copy)  # the generated Dockerfile gives them to the app's user
    where = Path(launch.note("pwd").strip())
    assert where.name == "paper-crane"
    assert launch.source not in (where, *where.parents)
    assert not where.exists()


def test_what_flyctl_and_ruby_know_of_the_environment(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "HRKU-canary")
    monkeypatch.setenv("BUNDLE_GEMS__EXAMPLE__COM", "user:word")
    monkeypatch.setenv("BUNDLE_GEMFILE", str(launch.source / "Gemfile"))
    monkeypatch.setenv("RAILS_ENV", "production")
    assert launch.run()["changed"] is True
    assert f"FLY_API_TOKEN={TOKEN}\n" in launch.note("flyctl")
    rubys = launch.note("bundle")
    assert rubys.startswith("bundle add dockerfile-rails\n")
    for variable in ("RAILS_ENV=development", "DISABLE_SPRING=1", "BUNDLE_GEMS__EXAMPLE__COM=user:word"):
        assert f"{variable}\n" in rubys
    for absent in ("fm2_canary", "HRKU-canary", "BUNDLE_GEMFILE"):
        assert absent not in rubys


@pytest.mark.parametrize("name", ["Dockerfile", "dockerfile"])
def test_where_there_is_a_dockerfile_nothing_runs(launch: Launch, name: str) -> None:
    launch.write(name, "FROM scratch\n")
    before = launch.files()
    for check in (True, False):
        result = launch.run(check=check, flyctl="/nowhere")
        assert (result["changed"], result["files"], result["discarded"], result["warnings"]) == (False, {}, [], [])
    assert launch.files() == before
    assert launch.note("calls") == ""


@pytest.mark.parametrize("build", ["builder = 'heroku/builder:24'", "image = 'x'", "dockerfile = 'docker/Dockerfile'"])
def test_where_fly_toml_says_how_nothing_runs(launch: Launch, build: str) -> None:
    launch.write("fly.toml", f"[build]\n{build}\n")
    assert launch.run()["changed"] is False
    assert launch.note("calls") == ""


def test_second_run_changes_nothing(launch: Launch) -> None:
    launch.run()
    before = launch.files()
    assert launch.run()["changed"] is False
    assert launch.files() == before
    assert len(launch.note("calls").splitlines()) == 1


def test_check_mode_says_what_would_come_and_runs_nothing(launch: Launch) -> None:
    launch.write(".dockerignore", "/log\n")
    before = launch.files()
    result = launch.run(check=True)
    assert result["changed"] is True
    assert result["files"] == {"Dockerfile": "unknown", "bin/docker-entrypoint": "unknown"}
    assert {diff["after"] for diff in result["diff"]} == {"unknown\n"}
    assert launch.files() == before
    assert launch.note("calls") == ""


def test_files_that_are_there_stay(launch: Launch) -> None:
    mine = launch.write("bin/docker-entrypoint", "#!/bin/sh\nexec mine\n")
    launch.write(".dockerignore", "/log\n")
    launch.write("Aptfile", "libvips42\n")
    result = launch.run()
    assert "packages from the Aptfile" in str(result["warnings"])
    assert result["files"] == {"bin/docker-entrypoint": "kept", "Dockerfile": "created"}
    assert mine.read_text() == "#!/bin/sh\nexec mine\n"
    assert f"{mine} was kept" in str(result["warnings"])
    assert ".dockerignore" not in str(result["warnings"])


def test_run_that_was_killed_is_finished_by_the_next(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    write = _fly_dockerfile.update_file

    def killed(path: Path, content: bytes, thing: str, executable: bool) -> None:
        if path.name == "Dockerfile":
            raise KeyboardInterrupt
        write(path, content, thing, executable)

    monkeypatch.setattr(_fly_dockerfile, "update_file", killed)
    with pytest.raises(KeyboardInterrupt):
        launch.run()
    assert (launch.source / "bin" / "docker-entrypoint").exists()
    assert not (launch.source / "Dockerfile").exists()
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{launch.programs}:{os.defpath}")
    assert launch.run()["files"] == {"Dockerfile": "created"}
    assert os.access(launch.source / "bin" / "docker-entrypoint", os.X_OK)


def test_failure_shows_the_last_lines_and_no_secret(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNDLE_GEMS__EXAMPLE__COM", "user:canary-word")
    said = f"fm2_canary {KEY} user:canary-word postgres://u:canary@db.example.com/x"
    launch.launches("seq 1000", f"echo 'Error: Failed to install bundle {said}' >&2", "echo x > Dockerfile", "exit 1")
    before = launch.files()
    result = launch.run()
    assert result["failed"]
    for part in (str(launch.source), "Failed to install bundle", "db.example.com", "\n1000\n", "buildpacks"):
        assert part in result["msg"]
    assert "\n900\n" not in result["msg"]
    for secret in ("canary", KEY):
        assert secret not in str(result)
    assert launch.files() == before


def test_launch_that_finds_no_framework_is_a_failure(launch: Launch) -> None:
    launch.launches("echo 'Could not find a Dockerfile, nor detect a runtime. Continuing with a blank app.'")
    result = launch.run()
    assert result["failed"]
    for part in ("did not generate one", "nor detect a runtime", "write a Dockerfile yourself"):
        assert part in result["msg"]


def test_time_is_bounded_for_what_launch_starts_too(launch: Launch) -> None:
    launch.launches("echo installing", f"sleep 30 & echo $! > {launch.notes}/child", "wait")
    started = time.monotonic()
    result = launch.run(timeout=1)
    assert time.monotonic() - started < 10
    assert "was still running after 1 s: installing" in result["msg"]
    child = int(launch.note("child"))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and is_running(child):
        time.sleep(0.02)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("check", [True, False])
def test_rails_app_without_ruby_on_this_host(launch: Launch, monkeypatch: pytest.MonkeyPatch, check: bool) -> None:
    for name in ("ruby", "bundle"):
        (launch.programs / name).unlink()
    which = _fly_dockerfile.shutil.which
    monkeypatch.setattr(
        _fly_dockerfile.shutil, "which", lambda name: None if name in ("ruby", "bundle") else which(name)
    )
    result = launch.run(check=check)
    assert "ruby and bundle cannot be found on PATH" in result["msg"]
    assert "Install the app's Ruby" in result["msg"]
    assert launch.note("calls") == ""
    # A plain Rack app needs none.
    (launch.source / "bin" / "rails").unlink()
    launch.launches("echo FROM ruby > Dockerfile")
    assert launch.run(check=check)["changed"] is True


def test_bad_input_is_named(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no token was given" in launch.run(fly_api_token="")["msg"]
    assert "/nowhere is not a program" in launch.run(check=True, flyctl="/nowhere")["msg"]
    assert "it is not a folder" in launch.run(source_dir=str(launch.folder / "absent"))["msg"]
    os.mkfifo(launch.source / "pipe")
    assert f"{launch.source}/pipe: it cannot be copied" in launch.run()["msg"]
    monkeypatch.setattr(_fly_dockerfile.os, "access", lambda path, mode: mode != os.W_OK)  # root may write everywhere
    assert "the folder is not writable" in launch.run(check=True)["msg"]
    assert launch.note("calls") == ""
