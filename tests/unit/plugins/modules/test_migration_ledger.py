# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import migration_ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.json"


def test_reading_creates_nothing(run_module: Any, path: Path) -> None:
    result = run_module(migration_ledger, {"path": str(path)})
    assert (result["changed"], result["ledger"]) == (False, {})
    assert not path.parent.exists()


def test_once_is_kept_and_record_is_merged(run_module: Any, path: Path) -> None:
    first = {"path": str(path), "once": {"freeze": {"web": 2}}, "record": {"database": {"rows": 1}}}
    assert run_module(migration_ledger, first)["changed"] is True
    second = {"path": str(path), "once": {"freeze": {"web": 0}}, "record": {"database": {"seconds": 3}}}
    result = run_module(migration_ledger, second, diff=True)
    assert result["ledger"] == {"freeze": {"web": 2}, "database": {"rows": 1, "seconds": 3}}
    assert '"seconds": 3' in result["diff"]["after"]
    assert run_module(migration_ledger, second)["changed"] is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_check_mode_predicts_and_writes_nothing(run_module: Any, path: Path) -> None:
    result = run_module(migration_ledger, {"path": str(path), "record": {"a": 1}}, check_mode=True)
    assert (result["changed"], result["ledger"]) == (True, {"a": 1})
    assert not path.exists()


def test_forget_drops_sections_and_keeps_fingerprints(run_module: Any, path: Path) -> None:
    run_module(migration_ledger, {"path": str(path), "record": {"freeze": {}, "cutover": {}}})
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "secrets": {"app": {}}}))
    result = run_module(migration_ledger, {"path": str(path), "forget": ["freeze", "gone"]})
    assert result["ledger"] == {"cutover": {}}
    assert json.loads(path.read_text())["secrets"] == {"app": {}}
    assert json.loads(path.read_text())["key"] == content["key"]


@pytest.mark.parametrize("content", ["not json", "[]", '{"format": 99}'])
def test_file_that_is_no_ledger_is_named_and_left_alone(run_module: Any, path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    result = run_module(migration_ledger, {"path": str(path), "record": {"a": 1}})
    assert result["failed"]
    assert str(path) in result["msg"]
    assert path.read_text() == content


def test_private_section_is_refused(run_module: Any, path: Path) -> None:
    assert "secrets" in run_module(migration_ledger, {"path": str(path), "record": {"secrets": {}}})["msg"]
