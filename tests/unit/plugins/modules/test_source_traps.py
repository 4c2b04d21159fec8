# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every trap in an app is found at its line, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_source_info
from ansible_collections.flyover.heroku_to_fly.tests.unit import traps

HEROKU = {
    "hosts": ["paper-crane.herokuapp.com"],
    "formation": [{"type": "web", "quantity": 2}, {"type": "worker", "quantity": 1}, {"type": "clock", "quantity": 1}],
}


def test_every_trap_at_its_line_and_nothing_else(run_module: Any, tmp_path: Path) -> None:
    wanted = traps.write(tmp_path / "app")
    result = run_module(heroku_source_info, {"source_dir": str(tmp_path / "app"), **HEROKU})
    found = {(entry["id"], entry["path"], entry.get("line", 0)) for entry in result["findings"]}
    assert found == wanted
    assert len(result["findings"]) == len(wanted) == 48
    assert result["postgres_pooled"] is False
    assert "canary" not in str(result)
