# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide's app without fly.toml and Dockerfile: fly launch generates the latter, and reaches nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomllib

from .conftest import CHECKOUT, Sandbox, tree

GUIDE = CHECKOUT / "tests" / "sandbox" / "scenarios" / "guide"
GENERATE = """\
echo "FROM ruby:3.4-slim
WORKDIR /rails
EXPOSE 3000" > Dockerfile
printf '#!/bin/bash -e\\nexec "${@}"\\n' > bin/docker-entrypoint
chmod 755 bin/docker-entrypoint
test -z "$FLY_API_TOKEN"
"""
LAUNCH = ("-e", "migrate_build=launch")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("launch")
    shutil.copytree(GUIDE, folder / "guide")
    for name in ("fly.toml", "Dockerfile"):
        (folder / "guide" / "app" / name).unlink()
    (folder / "guide" / "app" / "Aptfile").write_text("libvips42\n")
    (folder / "programs").mkdir()
    for name, text in {"bundle": "echo \"gem '$2'\" >> Gemfile", "ruby": GENERATE}.items():
        (folder / "programs" / name).write_text(f"#!/bin/sh -e\n{text}\n")
        (folder / "programs" / name).chmod(0o755)
    box = Sandbox(folder / "box").up("--scenario", str(folder / "guide" / "scenario.yml"))
    box.environment["PATH"] += f":{folder / 'programs'}"
    yield box
    box.down()


@pytest.mark.slow
def test_generated_dockerfile_is_all_that_comes_of_a_launch(bare: Sandbox) -> None:
    source = Path(bare.environment["MIGRATE_SOURCE_DIR"])
    before = tree(source)
    foreseen = bare.play("migrate", "--check", "--diff", *LAUNCH).succeeded()
    assert bare.writes() == []
    assert tree(source) == before
    for line in ("+++ after: " + str(source / "Dockerfile"), "+  PORT = 'unknown'", "generated-dockerfile"):
        assert line.replace("'", '"') in foreseen.output.replace("'", '"')

    bare.play("migrate", *LAUNCH).succeeded()
    after = tree(source)
    new = {name: after.pop(name) for name in ("Dockerfile", "bin/docker-entrypoint", "fly.toml")}
    assert after == before
    toml = tomllib.loads(new["fly.toml"].decode())
    assert toml["build"] == {"dockerfile": "Dockerfile"}
    assert (toml["env"]["PORT"], toml["http_service"]["internal_port"]) == ("3000", 3000)
    assert list(bare.state()["fly"]["apps"]) == ["paper-crane"]
    assert bare.fly["secrets"]["SECRET_KEY_BASE"] == bare.heroku["config"]["SECRET_KEY_BASE"]
    assert [machine["group"] for machine in bare.fly["machines"] if machine["state"] == "started"] == ["web", "web"]

    written, files = len(bare.writes()), tree(source)
    assert bare.play("migrate", *LAUNCH).succeeded().changed == 0
    assert bare.writes()[written:] == []
    assert tree(source) == files
