# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide's app without fly.toml and Dockerfile: Heroku's buildpacks build it, and it moves as any other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import tomllib

from .conftest import CHECKOUT, Sandbox, tree

GUIDE = CHECKOUT / "tests" / "sandbox" / "scenarios" / "guide"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("bare")
    shutil.copytree(GUIDE, folder / "guide")
    for name in ("fly.toml", "Dockerfile"):
        (folder / "guide" / "app" / name).unlink()
    (folder / "guide" / "app" / "Aptfile").write_text("libvips42\n")
    box = Sandbox(folder / "box").up("--scenario", str(folder / "guide" / "scenario.yml"))
    yield box
    box.down()


def source(box: Sandbox) -> Path:
    return Path(box.environment["MIGRATE_SOURCE_DIR"])


def test_check_mode_shows_the_file_and_writes_nothing(bare: Sandbox) -> None:
    before = tree(source(bare))
    run = bare.play("migrate", "--check", "--diff").succeeded()
    assert bare.writes() == []
    assert tree(source(bare)) == before
    for line in ('+app = "paper-crane"', '+  builder = "heroku/builder:24"', "+[processes]", "+image: unknown"):
        assert line in run.output


def test_app_without_a_way_to_build_it_is_stopped_before_anything_is_created(bare: Sandbox) -> None:
    run = bare.play("migrate", "-e", "migrate_build=none")
    assert run.rc != 0
    for part in ("[no-build]", "there is no Dockerfile", "migrate_image"):
        assert part in run.output
    assert bare.writes() == []


def test_rehearsal_writes_the_file_builds_and_answers(bare: Sandbox) -> None:
    bare.play("migrate").succeeded()
    assert bare.writes("heroku") == []
    written = tomllib.loads((source(bare) / "fly.toml").read_text())
    assert (written["app"], written["primary_region"]) == ("paper-crane", "iad")
    assert written["build"] == {"builder": "heroku/builder:24"}
    assert written["experimental"] == {"entrypoint": ["/cnb/lifecycle/launcher", "--"]}
    assert written["http_service"]["checks"][0]["path"] == "/up"
    assert not (source(bare) / "Dockerfile").exists()
    web = [machine for machine in bare.fly["machines"] if machine["state"] == "started"]
    assert [machine["group"] for machine in web] == ["web", "web"]
    with urlopen(web[0]["url"], timeout=10) as answer:
        assert json.load(answer)["process_group"] == "web"


def test_second_run_changes_nothing(bare: Sandbox) -> None:
    before, files = len(bare.writes()), tree(source(bare))
    assert bare.play("migrate").succeeded().changed == 0
    assert bare.play("migrate", "--check", "--diff").succeeded().changed == 0
    assert bare.writes()[before:] == []
    assert tree(source(bare)) == files


def test_report_says_what_the_buildpacks_leave_out(bare: Sandbox) -> None:
    report = Path(bare.environment["MIGRATE_STATE_DIR"], "paper-crane--paper-crane.report.md").read_text()
    for part in ("aptfile", "built-by-buildpacks", "heroku/builder:24"):
        assert part in report


@pytest.mark.slow
def test_cut_over_starts_every_group_through_the_launcher(bare: Sandbox) -> None:
    bare.play("migrate", "-e", "migrate_cutover=true").succeeded()
    started = [machine["group"] for machine in bare.fly["machines"] if machine["state"] == "started"]
    assert sorted(started) == ["web", "web", "worker"]
