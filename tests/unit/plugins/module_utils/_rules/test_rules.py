# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App, OnHeroku
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Folder
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.scan import scan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES

EXAMPLES = Path(__file__).parent / "examples"
# They are about git: test_folder.py has them.
OF_GIT = {"secret-files", "uncommitted", "other-commit"}


def examples() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(EXAMPLES.glob("*.yml")):
        found.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def places(folder: Path, rule: str, heroku: dict[str, Any]) -> list[str]:
    app = App(Folder(folder), OnHeroku(**heroku))
    found = scan(app, [entry for entry in RULES if entry.id == rule])
    assert not any("{" in entry["text"] for entry in found), found
    return [f"{entry.get('path', '')}:{entry.get('line', 0)}" for entry in found]


def test_every_rule_has_examples_and_an_id_of_its_own() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(examples()) | OF_GIT


@pytest.mark.parametrize("rule", sorted(examples()))
def test_finds_the_bad_and_leaves_the_good(rule: str, tmp_path: Path) -> None:
    example = examples()[rule]
    heroku = example.get("heroku", {})
    assert sorted(places(write(tmp_path / "bad", example["bad"]), rule, heroku)) == sorted(example["at"])
    good = example.get("good_heroku", heroku)
    assert places(write(tmp_path / "good", example["good"]), rule, good) == []


def test_a_comment_silences_its_line_and_the_next(tmp_path: Path) -> None:
    text = (
        "a = ENV['DYNO'] # flyover: ignore env-dyno\n"
        "# flyover: ignore env-build, env-dyno\n"
        "b = ENV['DYNO']\n"
        "c = ENV['DYNO'] # flyover: ignore env-build\n"
    )
    assert places(write(tmp_path, {"app/a.rb": text}), "env-dyno", {}) == ["app/a.rb:4"]


@pytest.mark.parametrize(
    ("build", "at"),
    [
        ("", "Dockerfile:1"),
        ("dockerfile = 'docker/Dockerfile.fly'", "docker/Dockerfile.fly:2"),
        ("builder = 'heroku/builder:24'", ""),
        ("image = 'example/crane:1'", ""),
        ("dockerfile = 'docker/Dockerfile.env'", ""),
    ],
)
def test_the_dockerfile_is_the_one_that_fly_builds(build: str, at: str, tmp_path: Path) -> None:
    files = {
        "Gemfile.lock": "GEM\n  specs:\n    railties (8.0.1)\n",
        "Dockerfile": "FROM ruby:3.4\n",
        "docker/Dockerfile.fly": "# ENV RAILS_ENV=production\nFROM ruby:3.4\n",
        "docker/Dockerfile.env": "FROM ruby:3.4\nENV LANG=C.UTF-8 \\\n    RAILS_ENV=production\n",
        "fly.toml": f"[build]\n{build}\n",
    }
    assert places(write(tmp_path, files), "production-env", {}) == ([at] if at else [])


@pytest.mark.parametrize("rule", ["sqlite", "active-storage-disk", "postgres-session"])
def test_deep_yaml_is_read_once(rule: str, tmp_path: Path) -> None:
    deep = "".join(f"{' ' * 40}key{number}: value\n" for number in range(40))
    files = {
        "config/database.yml": f"default: &default\n{deep}production:\n  <<: *default\n",
        "config/storage.yml": f"local:\n{deep}",
        "config/cable.yml": f"production:\n{deep}",
        "config/environments/production.rb": "  config.active_storage.service = :local\n",
    }
    assert len(places(write(tmp_path, files), rule, {})) == (rule == "active-storage-disk")
