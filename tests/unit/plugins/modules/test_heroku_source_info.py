# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_source_info

APP = Path(__file__).parents[3] / "sandbox" / "scenarios" / "guide" / "app"


def test_the_guides_app(run_module: Any) -> None:
    result = run_module(heroku_source_info, {"source_dir": str(APP)}, check_mode=True)
    assert result["changed"] is False
    assert (result["language"], result["framework"]) == ("ruby", "rails")
    assert result["versions"] == {"rails": "8.0.1"}
    assert result["jobs"] == ["sidekiq"]
    assert result["ports"] == [8080]
    assert list(result["processes"]) == ["web", "worker", "release"]
    assert [(entry["id"], entry["level"]) for entry in result["findings"]] == [
        ("client-ip", "info"),
        ("redis-billed", "info"),
    ]
    assert result["findings"][1] | {"text": "", "remedy": ""} == {
        "id": "redis-billed",
        "level": "info",
        "urgency": "after",
        "path": "Gemfile",
        "line": 5,
        "text": "",
        "remedy": "",
    }


def test_what_heroku_runs_is_compared(run_module: Any, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: python3 web.py\n")
    formation = [{"type": "web", "quantity": 3, "size": "Standard-2X", "command": "python3 api.py --port $PORT"}]
    formation += [{"type": "mailer", "quantity": 2, "size": "Standard-1X", "command": "python3 worker.py --mail"}]
    options = {
        "source_dir": str(tmp_path),
        "config_names": {"PROCFILE": {"class": "transfer", "reason": "The app's own: copied unchanged."}},
        "formation": formation,
        "process_types": {entry["type"]: entry["command"] for entry in formation},
        "fly_processes": {"web": "python3 web.py"},
    }
    found = {entry["id"]: entry for entry in run_module(heroku_source_info, options)["findings"]}
    assert set(found) == {"process-nowhere", "process-command", "procfile-variable"}
    assert found["process-nowhere"]["level"] == "block"
    assert "2 of mailer (python3 worker.py --mail)" in found["process-nowhere"]["text"]
    assert found["process-command"]["line"] == 1


def test_no_folder(run_module: Any, tmp_path: Path) -> None:
    result = run_module(heroku_source_info, {"source_dir": str(tmp_path / "none")})
    assert result["failed"] is True
    assert "it is not a folder" in result["msg"]
