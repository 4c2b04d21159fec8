# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit leaves its report, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree


def test_neither_platform_was_written_to(state: dict[str, Any], writes: list[dict[str, Any]]) -> None:
    assert writes == []
    assert state["fly"]["apps"] == {}
    assert state["heroku"]["apps"]["paper-crane"]["maintenance"] is False


def test_source_is_untouched_and_no_ledger_was_written(host: Any, box: Path) -> None:
    assert not host.file(str(box / "source" / "fly.toml")).contains("processes = .*web")
    assert host.file(str(box / "state")).listdir() == ["audits"]


def test_reports_are_complete_and_private(host: Any, box: Path) -> None:
    audits = host.file(str(box / "state" / "audits"))
    names = {f"paper-crane--paper-crane.audit.{kind}" for kind in ("html", "md", "json", "sarif", "junit.xml")}
    assert set(audits.listdir()) == names
    assert all(host.file(f"{audits.path}/{name}").mode == 0o600 for name in names)
    report = json.loads((box / "state/audits/paper-crane--paper-crane.audit.json").read_text())
    ids = {finding["id"] for finding in report["findings"]}
    sarif = json.loads((box / "state/audits/paper-crane--paper-crane.audit.sarif").read_text())
    assert {result["ruleId"] for result in sarif["runs"][0]["results"]} == ids
    junit = ElementTree.parse(box / "state/audits/paper-crane--paper-crane.audit.junit.xml").getroot()
    assert len(list(junit.iter("testcase"))) >= len(ids) > 0


def test_reports_hold_no_secret(host: Any, box: Path, state: dict[str, Any]) -> None:
    files = "".join(path.read_text() for path in (box / "state" / "audits").iterdir())
    secrets = [value for value in state["heroku"]["apps"]["paper-crane"]["config"].values() if len(value) > 20]
    assert secrets
    assert [value for value in secrets if value in files or json.dumps(value)[1:-1] in files] == []
