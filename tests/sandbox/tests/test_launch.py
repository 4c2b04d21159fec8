# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fly launch by the stand-in: as harmful as the real one unless its options prevent that."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import Box


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Return the folder of a Rails app."""
    folder = tmp_path / "app"
    for name, text in {
        "Gemfile": "gem 'rails'\n",
        "bin/rails": "",
        "config/database.yml": "production:\n  adapter: postgresql\n",
        ".gitignore": "/log\n",
        ".github/dependabot.yml": "",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def launch(box: Box, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name, line in {"bundle": "echo \"gem '$2'\" >> Gemfile", "ruby": "echo FROM ruby > Dockerfile"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    path = f"{box.environment['PATH']}:{programs}"
    environment = {**os.environ, **box.environment, "PATH": path}
    return subprocess.run(
        ["flyctl", "launch", "--org", "acme", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_launch_does_all_that_it_is_not_told_to_leave(box: Box, app: Path) -> None:
    done = launch(box, app, "--no-deploy", "--yes", "--name", "launched")
    assert done.returncode == 0, done.stderr
    names = [secret["name"] for secret in box.fly("GET", "/v1/apps/launched/secrets").body["secrets"]]
    assert names == ["DATABASE_URL", "SECRET_KEY_BASE"]
    assert box.fly("GET", "/v1/apps/launched-db").status == 200
    assert "min_machines_running = 0" in (app / "fly.toml").read_text()
    assert "dockerfile-rails" in (app / "Gemfile").read_text()
    assert (app / ".github" / "workflows" / "fly-deploy.yml").is_file()


def test_name_that_is_taken_becomes_another_one(box: Box, app: Path) -> None:
    box.fly("POST", "/v1/apps", {"name": "occupied", "org_slug": "acme"})
    done = launch(box, app, "--no-deploy", "--no-db", "--name", "occupied")
    assert "Created app 'occupied-" in done.stdout
    assert box.fly("GET", "/v1/apps/occupied/secrets").body["secrets"] == []


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        ({}, "secrets: 404"),  # a random SECRET_KEY_BASE
        ({"master.key": "canary"}, "secrets: 404"),
        ({"master.key": "canary", "credentials/production.key": ""}, ""),
    ],
)
def test_secrets_are_set_even_where_no_app_is_created(box: Box, app: Path, keys: dict[str, str], part: str) -> None:
    (app / "config" / "credentials").mkdir()
    for name, text in keys.items():
        (app / "config" / name).write_text(text)
    done = launch(box, app, "--no-create", "--no-deploy", "--no-github-workflow", "--name", "never")
    assert (part in done.stderr, done.returncode) == (True, 1 if part else 0), done.stderr
    assert (app / "Dockerfile").exists() is not bool(part)
    assert box.fly("GET", "/v1/apps/never").status == 404
    assert not (app / ".github" / "workflows").exists()


def test_without_ruby_there_is_nothing_to_launch(box: Box, app: Path) -> None:
    (app / "bin" / "rails").unlink()
    done = launch(box, app, "--no-create", "--no-deploy", "--name", "never", "--dockerignore-from-gitignore")
    assert "Continuing with a blank app" in done.stdout
    (app / "config.ru").write_text("run App\n")
    done = launch(box, app, "--no-create", "--no-deploy", "--name", "never", "--dockerignore-from-gitignore")
    assert "Detected a Ruby app" in done.stdout
    assert (app / ".dockerignore").read_text() == "# flyctl launch added from .gitignore\n/log\nfly.toml\n"
