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
    plan = run_module(migration_report, {"seen": options["seen"], "show": "plan"})
    assert (plan["changed"], plan["plan"]["counts"]["create"]) == (False, 6)
    assert plan["changes"] == [
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


def test_an_audit_tells_what_became_different_since_the_last_run_or_else_the_last_audit(
    run_module: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    run, audit = str(tmp_path / "run" / "a--b.report"), str(tmp_path / "audits" / "a--b.audit")
    asked = {"show": "plan", "path": audit, "former": [f"{run}.json", f"{audit}.json"]}
    first = run_module(migration_report, {**options, **asked})
    assert (first["compared"], first["drift"]) == (False, [])
    assert {path.name.partition(".")[2] for path in map(Path, first["files"].values())} == {
        "audit.json", "audit.md", "audit.html", "audit.sarif", "audit.junit.xml"
    }  # fmt: skip
    for path in map(Path, first["files"].values()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    options["seen"]["heroku"]["config_names"]["PAYMENT_KEY"] = {"class": "transfer", "reason": "set by the user"}
    second = run_module(migration_report, {**options, **asked})
    text = "config var PAYMENT_KEY was added on Heroku (transfer)"
    assert second["drift"] == [{"id": "config-var-added", "name": "PAYMENT_KEY", "text": text}]
    assert f"  ! {text}" in second["lines"]
    for kind, path in second["files"].items():
        assert "PAYMENT_KEY was added" in Path(path).read_text(), kind
    # A run's report comes first, and what is not a report is skipped.
    assert run_module(migration_report, {**options, "path": run})["changed"] is True
    assert run_module(migration_report, {**options, **asked})["drift"] == []
    Path(f"{run}.json").write_text("{")
    Path(f"{audit}.json").write_text('{"schema": 0}')
    assert run_module(migration_report, {**options, **asked})["compared"] is False
