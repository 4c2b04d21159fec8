# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App, OnHeroku
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Folder, Ignored
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.scan import scan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.source_info import inspect
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with a tracked, an untracked and two ignored files."""
    app = tmp_path / "app"
    (app / "config").mkdir(parents=True)
    (app / ".gitignore").write_text(".env\n/config/master.key\nnode_modules/\n")
    (app / "config.ru").write_text("run 1\n")
    git(app, "init", "-q")
    git(app, "add", ".")
    git(app, "commit", "-q", "-m", "first")
    git(app, "remote", "add", "origin", "https://user:canary@github.com/example/crane.git")
    (app / ".env").write_text("TOKEN=canary\n")
    (app / "config" / "master.key").write_text("canary\n")
    (app / "notes.txt").write_text("mine\n")
    return app


def find(folder: Path, rule: str, **heroku: str) -> list[dict[str, object]]:
    return scan(App(Folder(folder), OnHeroku(**heroku)), [entry for entry in RULES if entry.id == rule])


def test_a_checkout_has_its_tracked_files(checkout: Path) -> None:
    folder = Folder(checkout)
    assert folder.checkout
    assert folder.files == (".gitignore", "config.ru")
    assert folder.unlisted() == [".env", "config/master.key", "notes.txt"]
    assert folder.web() == f"https://github.com/example/crane/blob/{folder.commit()}/"
    assert "canary" not in folder.web()


@pytest.mark.parametrize("remote", ["git@github.com:example/crane.git", "ssh://git@github.com/example/crane"])
def test_web_address_of_other_remotes(checkout: Path, remote: str) -> None:
    git(checkout, "remote", "set-url", "origin", remote)
    assert Folder(checkout).web().startswith("https://github.com/example/crane/blob/")


def test_no_program_that_the_checkout_configures_is_run(checkout: Path) -> None:
    ran = checkout.parent / "ran"
    hook = checkout.parent / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", str(hook))
    folder = Folder(checkout)
    assert folder.files
    assert folder.unlisted()
    assert folder.changed() == []
    assert not ran.exists()


def test_files_with_secrets_are_named_and_not_read(checkout: Path) -> None:
    found = find(checkout, "secret-files")
    assert len(found) == 1
    assert ".env, config/master.key" in str(found[0]["text"])
    assert "canary" not in str(found)
    (checkout / ".dockerignore").write_text(".env*\n/config/*.key\n")
    assert find(checkout, "secret-files") == []


def test_changes_and_commit_that_heroku_never_saw(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD").strip()
    assert find(checkout, "uncommitted") == []
    assert find(checkout, "other-commit", commit=commit) == []
    assert find(checkout, "other-commit", commit="0" * 40)
    (checkout / "config.ru").write_text("run 2\n")
    found = find(checkout, "uncommitted")
    assert [entry["path"] for entry in found] == ["config.ru"]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.rb").write_text("ENV['DYNO']\n")
    app = tmp_path / "app"
    app.mkdir()
    (app / "inside.rb").write_text("ENV['DYNO']\n")
    (app / "same.rb").symlink_to("inside.rb")
    (app / "file.rb").symlink_to(outside / "secret.rb")
    (app / "folder").symlink_to(outside, target_is_directory=True)
    (app / "gone.rb").symlink_to("nowhere")
    assert Folder(app).files == ("inside.rb", "same.rb")


def test_ignore_files_rule_where_git_does_not(tmp_path: Path) -> None:
    for name in ("a.rb", "log/x.log", "spec/a_spec.rb", "node_modules/b/index.js", "doc/keep.rb", "doc/drop.rb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    (tmp_path / ".slugignore").write_text("/spec\n")
    (tmp_path / ".dockerignore").write_text("# not these\ndoc/*\n!doc/keep.rb\n")
    files = Folder(tmp_path).files
    assert "a.rb" in files
    assert not [name for name in files if name.startswith(("log/", "spec/", "node_modules/"))]


def test_ignore_patterns() -> None:
    ignored = Ignored(["/log/*", "*.pem", "**/cache", "docs/**", "!docs/index.md", "", "# x"])
    assert [ignored.matches(path) for path in ("log/a", "a/b.pem", "a/cache/c", "docs/x", "docs/index.md", "logs")] == [
        *(True, True, True, True, False, False)
    ]


def test_what_is_no_text_or_too_large_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.rb").write_bytes(b"\0ENV['DYNO']")
    (tmp_path / "b.rb").write_bytes(b"ENV['DYNO']\n" * 60_000)
    (tmp_path / "c.rb").write_bytes(b"\xff\xfe ENV['DYNO']\n")
    assert [entry["path"] for entry in find(tmp_path, "env-dyno")] == ["c.rb"]


@pytest.mark.parametrize("tracked", [True, False])
def test_a_name_that_is_not_utf_8_is_left_out(tracked: bool, tmp_path: Path) -> None:
    for name in (b"a.rb", b"\xff.rb", "ä '$\n.rb".encode()):
        (tmp_path / os.fsdecode(name)).write_text("ENV['DYNO']\n")
    if tracked:
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", ".")
        git(tmp_path, "remote", "add", "origin", "https://github.com/example/crane")
        git(tmp_path, "commit", "-q", "-m", "first")
        (tmp_path / os.fsdecode(b"\xfe.pem")).write_text("canary\n")
    found = inspect(str(tmp_path), OnHeroku())["findings"]
    assert json.dumps(found, ensure_ascii=False).encode()
    assert [entry["path"] for entry in found if entry["id"] == "env-dyno"] == ["a.rb", "ä '$\n.rb"]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is not a folder"):
        Folder(tmp_path / "none")


def test_a_finding_links_to_its_line(checkout: Path) -> None:
    (checkout / "config.ru").write_text("run 1\nputs ENV['DYNO']\n")
    git(checkout, "commit", "-qam", "second")
    found = inspect(str(checkout), OnHeroku())["findings"]
    commit = git(checkout, "rev-parse", "HEAD").strip()
    urls = [entry["url"] for entry in found if entry["id"] == "env-dyno"]
    assert urls == [f"https://github.com/example/crane/blob/{commit}/config.ru#L2"]


@pytest.mark.parametrize("tracked", [True, False])
def test_of_too_many_files_those_at_the_top_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracked: bool
) -> None:
    monkeypatch.setattr("ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder.MOST", 3)
    (tmp_path / "aaa").mkdir()
    for name in ("aaa/1.rb", "aaa/2.rb", "aaa/3.rb", "Procfile", "fly.toml", "package.json"):
        (tmp_path / name).write_text("{}")
    if tracked:
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", ".")
    assert Folder(tmp_path).files == ("Procfile", "fly.toml", "package.json")
