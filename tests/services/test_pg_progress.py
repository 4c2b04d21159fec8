# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook shows while pg_transfer runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import PASSWORD, Database, content, wait_for


@pytest.mark.parametrize("how", [{}, {"async": 120, "poll": 1}])
def test_a_playbook_shows_how_far_a_copy_is(
    source: Database, target: Database, tmp_path: Path, how: dict[str, Any]
) -> None:
    task = {"flyover.heroku_to_fly.pg_transfer": {"source": source.url, "target": target.url}, "no_log": True, **how}
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    home = {"ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_LOCAL_TEMP": str(tmp_path), "TMPDIR": str(tmp_path)}
    home |= {"ANSIBLE_ASYNC_DIR": str(tmp_path / "async"), "PYTHONUNBUFFERED": "1"}
    program = Path(sys.executable).with_name("ansible-playbook")
    output = tmp_path / "output"
    with target.server.connect(target.name) as connection, connection.cursor() as gate, output.open("wb") as said:
        gate.execute("select pg_advisory_lock(4242)")
        process = subprocess.Popen(
            [
                program,
                "-i",
                "localhost,",
                "-c",
                "local",
                "-e",
                f"ansible_python_interpreter={sys.executable}",
                playbook,
            ],
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **home, "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"]},
        )
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        for _attempt in range(100):
            if b"pg_transfer [localhost]: data, " in output.read_bytes():
                break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
    process.wait(60)
    text = output.read_text()
    assert process.returncode == 0, text
    assert "pg_transfer [localhost]: data, " in text
    assert ("pg_transfer [localhost]: copied: " in text) == (not how)
    assert PASSWORD not in text
    assert content(target) == content(source)
    left = [str(path) for path in tmp_path.rglob("progress*")]
    assert left == []
