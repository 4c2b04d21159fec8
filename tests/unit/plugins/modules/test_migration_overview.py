# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.report import show_plan
from ansible_collections.flyover.heroku_to_fly.plugins.modules import migration_overview, migration_report

_AUDIT = json.loads((Path(__file__).resolve().parents[1] / "module_utils" / "_migration" / "audit.json").read_text())


def results(run_module: Any, folder: Path) -> dict[str, Any]:
    blocked = {**_AUDIT, "findings": [{"id": "kafka", "level": "block", "text": "No.", "remedy": "Move it."}]}
    report = run_module(migration_report, {"seen": _AUDIT, "path": str(folder / "red.report")})
    return {"red-crane": report, "blue-crane": show_plan(Seen(blocked)), "grey-crane": {}, "black-crane": None}


def test_those_that_need_a_person_come_first(run_module: Any, tmp_path: Path) -> None:
    found = run_module(migration_overview, {"results": results(run_module, tmp_path)})
    assert found["lines"] == [
        "4 apps: 2 failed, 2 not started; 1 with findings that block",
        "  host         state        blocks  warnings  changes",
        "  black-crane  failed",
        "  grey-crane   failed",
        "  blue-crane   not started  1       0         10",
        "  red-crane    not started  0       2         0",
    ]
    assert found["changed"] is False


def test_page_links_to_the_reports_and_is_written_once(run_module: Any, tmp_path: Path) -> None:
    options = {"results": results(run_module, tmp_path), "dest": str(tmp_path / "index.html")}
    assert run_module(migration_overview, options, check_mode=True)["changed"] is True
    assert not (tmp_path / "index.html").exists()
    assert run_module(migration_overview, options)["changed"] is True
    page = (tmp_path / "index.html").read_text()
    assert '<a href="red.report.html">red-crane</a>' in page
    assert "4 apps: 2 failed, 2 not started" in page
    assert run_module(migration_overview, options)["changed"] is False
