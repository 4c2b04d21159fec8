# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import migration_report

_TESTS = Path(__file__).resolve().parents[3]
_AUDIT = _TESTS / "unit" / "plugins" / "module_utils" / "_migration" / "audit.json"


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    return {"seen": json.loads(_AUDIT.read_text()), "path": str(tmp_path / "state" / "a--b.report")}


def test_files_are_written_once_and_for_their_owner_alone(run_module: Any, options: dict[str, Any]) -> None:
    result = run_module(migration_report, options)
    assert result["changed"] is True
    assert sorted(Path(path).suffix for path in result["files"].values()) == [".html", ".json", ".md"]
    for path in map(Path, result["files"].values()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "paper-crane" in path.read_text()
    assert run_module(migration_report, options)["changed"] is False


def test_check_mode_and_a_plan_write_nothing(run_module: Any, options: dict[str, Any], tmp_path: Path) -> None:
    assert run_module(migration_report, options, check_mode=True)["changed"] is True
    plan = run_module(migration_report, {**options, "show": "plan"})
    assert (plan["changed"], plan["plan"]["counts"]["create"]) == (False, 6)
    assert plan["drift"] == [
        "Fly app",
        "Postgres cluster",
        "Redis database",
        "secrets",
        "fly.toml",
        "deploy",
        "certificates",
    ]
    assert list(tmp_path.iterdir()) == []


def test_json_is_as_its_schema_says(run_module: Any, options: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((_TESTS.parent / "docs" / "schema" / "report.json").read_text())
    report = json.loads(Path(run_module(migration_report, options)["files"]["json"]).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    assert set(report) == set(schema["properties"])
