# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images: what the stand-in for flyctl builds and refuses, and how an image of buildpacks starts a command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.fly import cnb

from .conftest import Box

LAUNCHER = ["/cnb/lifecycle/launcher", "--"]
PROCFILE = "web: echo $GREETING from the web\nworker: echo a worker\n"


def said(image: Path, entrypoint: list[str], *command: str) -> str:
    done = subprocess.run(
        cnb.argv(image, entrypoint, list(command)),
        env={"PATH": os.defpath, "GREETING": "hello"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("procfile", "entrypoint", "command", "output"),
    [
        (PROCFILE, [], [], "hello from the web"),
        # Its ENTRYPOINT is the web's 'bash -c', so that only the first word is a command.
        (PROCFILE, [], ["echo", "lost"], ""),
        (PROCFILE, [], ["echo 1 word"], "1 word"),
        (PROCFILE, ["/cnb/process/worker"], [], "a worker"),
        (PROCFILE, LAUNCHER, ["echo", "$GREETING", "a  b"], "$GREETING a  b"),
        (PROCFILE, LAUNCHER, ["sh", "-c", "exec echo $GREETING"], "hello"),
        (PROCFILE, LAUNCHER[:1], ["echo", "$GREETING"], "hello"),
        (PROCFILE, LAUNCHER[:1], [], cnb.NO_COMMAND),
        ("one: echo the only one\n", [], [], "the only one"),
        ("", [], ["echo a script"], "a script"),
        ("", [], [], cnb.NO_COMMAND),
        (PROCFILE, ["/bin/echo"], ["mine"], "mine"),
    ],
)
def test_launcher(tmp_path: Path, procfile: str, entrypoint: list[str], command: list[str], output: str) -> None:
    (tmp_path / "Procfile").write_text(procfile)
    assert said(tmp_path, entrypoint, *command) == output


@pytest.fixture(scope="module")
def app(box: Box) -> str:
    assert box.fly("POST", "/v1/apps", {"name": "builds", "org_slug": "acme"}).status == 201
    return "builds"


def deploy(box: Box, app: str, folder: Path, toml: str, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "fly.toml").write_text(f'app = "{app}"\n{toml}')
    for name, text in files.items():
        (folder / name).write_text(text)
    return subprocess.run(
        ["flyctl", "deploy", "--remote-only", "--yes", "--ha=false"],
        cwd=folder,
        env={**os.environ, **box.environment, "FLY_APP": app},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("build", "part"),
    [
        ("", "app does not have a Dockerfile or buildpacks configured"),
        ('[build]\nbuildpacks = ["heroku/ruby"]\n', "app does not have a Dockerfile or buildpacks configured"),
        ('[build]\ndockerfile = "Dockerfile.fly"\n', "Dockerfile.fly' not found"),
    ],
)
def test_nothing_to_build_from_is_refused(box: Box, app: str, tmp_path: Path, build: str, part: str) -> None:
    done = deploy(box, app, tmp_path, build, Procfile=PROCFILE)
    assert done.returncode == 1
    assert part in done.stderr


@pytest.mark.parametrize(
    ("toml", "files", "output"),
    [
        ("", {"dockerfile": 'FROM scratch\nCMD ["tail", "-f", "dockerfile"]\n'}, "FROM scratch"),
        (
            '[build]\nbuilder = "heroku/builder:24"\n',
            {"Procfile": "web: echo of $FLY_APP_NAME; exec sleep 600\n"},
            "of builds",
        ),
        (
            '[experimental]\nentrypoint = ["/cnb/lifecycle/launcher", "--"]\n[build]\nbuilder = "heroku/builder:24"\n'
            '[processes]\nweb = "tail -f words"\n',
            {"Procfile": "web: echo of the Procfile\n", "words": "three words\n"},
            "three words",
        ),
    ],
)
def test_machine_runs_what_its_image_starts(
    box: Box, app: str, tmp_path: Path, toml: str, files: dict[str, Any], output: str
) -> None:
    done = deploy(box, app, tmp_path, toml, **files)
    assert done.returncode == 0, done.stderr
    logs = box.fly("GET", f"/api/v1/apps/{app}/logs").body["data"]
    assert output in "".join(entry["attributes"]["message"] for entry in logs)
