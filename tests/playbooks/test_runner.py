# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built archive in what AWX is made of: ansible-runner's pipe to a worker, and an execution environment's needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import APP, CHECKOUT, Sandbox

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with ansible-runner and ansible-builder, in an environment of their own."""
    folder = tmp_path_factory.mktemp("programs")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "ansible-runner==2.4.3", "ansible-builder==3.2.0"], check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project as a team has it: a playbook, and the collection next to it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "audit.yml").write_text("- ansible.builtin.import_playbook: flyover.heroku_to_fly.audit\n")
    galaxy = [str(BIN / "ansible-galaxy"), "collection"]
    subprocess.run([*galaxy, "build", "--output-path", str(folder), str(CHECKOUT)], check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    collections = folder / "collections"
    # Without its own path, ansible-galaxy takes the checkout for the installed collection, and installs nothing.
    subprocess.run(
        [*galaxy, "install", str(archive), "--collections-path", str(collections), "--force"],
        check=True,
        capture_output=True,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections)},
    )
    archive.unlink()
    return folder


def test_execution_environment_learns_what_the_collection_needs(programs: Path, project: Path) -> None:
    done = subprocess.run(
        [str(programs / "ansible-builder"), "introspect", str(project / "collections")],
        check=True,
        capture_output=True,
        text=True,
    )
    needs = yaml.safe_load(done.stdout)
    python = [line.partition("#")[0].strip() for line in needs["python"]]
    assert python == (CHECKOUT / "meta" / "ee-requirements.txt").read_text().split()
    assert any(line.startswith("postgresql-client [platform:dpkg]") for line in needs["system"])


def test_audit_through_the_pipe_of_a_remote_worker(
    programs: Path, project: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "sent" / "env").mkdir(parents=True)
    (tmp_path / "sent" / "project").symlink_to(project)
    stand_in, _colon, _rest = sandbox.environment["PATH"].partition(os.pathsep)
    variables = {name: value for name, value in sandbox.environment.items() if name != "PATH"}
    (tmp_path / "sent" / "env" / "envvars").write_text(json.dumps(variables))
    runner = f"'{programs}/ansible-runner'"
    pipe = f"{runner} transmit sent -p audit.yml | {runner} worker --private-data-dir work | {runner} process received"
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", pipe],
        cwd=tmp_path,
        env={**own, "PATH": os.pathsep.join([stand_in, str(BIN), os.environ["PATH"]]), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    received = tmp_path / "received" / "artifacts"
    assert (received / "rc").read_text() == "0"
    shown = (received / "stdout").read_text()
    assert f"{APP} (Heroku) to {APP} (Fly.io, personal, iad)" in shown.splitlines()
    assert "Next: ansible-playbook flyover.heroku_to_fly.migrate" in shown.splitlines()
    assert sandbox.writes() == []
    events = "".join(path.read_text() for path in (received / "job_events").iterdir())
    assert "playbook_on_stats" in events
    tokens = [sandbox.environment["HEROKU_API_KEY"], *sandbox.environment["FLY_API_TOKEN"].split(",")]
    assert [token for token in tokens if token in events] == []
