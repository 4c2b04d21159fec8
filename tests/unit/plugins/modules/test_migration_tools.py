# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.tools import Wanted, look
from ansible_collections.flyover.heroku_to_fly.plugins.modules import migration_tools


def program(folder: Path, name: str, says: str, rc: int = 0) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {rc}\n")
    path.chmod(0o755)


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    for name in ("pg_dump", "pg_restore"):
        program(tmp_path, name, f"{name} (PostgreSQL) 15.9 (Debian 15.9-0+deb12u1)")
    program(tmp_path, "flyctl", "flyctl v0.4.1 linux/amd64")
    return tmp_path


def loader(**versions: str) -> Any:
    def load(name: str) -> Any:
        if name not in versions:
            raise ImportError(name)
        return SimpleNamespace(__version__=versions[name])

    return load


def test_all_is_there(run_module: Any, clients: Path) -> None:
    result = run_module(
        migration_tools, {"flyctl": str(clients / "flyctl"), "pg_bin_dir": str(clients), "needs": ["fly", "postgres"]}
    )
    assert result["flyctl"] == "flyctl v0.4.1 linux/amd64"
    assert result["postgres_clients"] == [{"folder": str(clients), "major": 15}]
    assert result["findings"] == []
    assert (result["changed"], result["check_mode"]) == (False, False)


def test_check_mode_is_told(run_module: Any) -> None:
    assert run_module(migration_tools, {"needs": []}, check_mode=True)["check_mode"] is True


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (16, 17, "pg_dump and pg_restore of version 16 to 17 are needed in {0}, because Heroku's database has 16"),
        (16, 16, "pg_dump and pg_restore of version 16 are needed in {0}, because Heroku's database has 16"),
        (16, 0, "pg_dump and pg_restore of version 16 or newer are needed in {0}, because Heroku's database has 16"),
        (0, 14, "pg_dump and pg_restore of version 14 or older are needed in {0}"),
    ],
)
def test_client_programs_of_another_version(clients: Path, source: int, target: int, said: str) -> None:
    wanted = Wanted(["postgres"], pg_bin_dir=str(clients), source_major=source, target_major=target)
    (finding,) = look(wanted, loader(psycopg2="2.9.10"))["findings"]
    assert finding["id"] == "tools-for-postgres"
    assert (finding["level"], finding["urgency"], finding["needed_for"]) == ("block", "before", "postgres")
    assert f"{said.format(clients)}; found: 15 in {clients}" in finding["text"]
    assert "migrate_pg_bin_dir" in finding["remedy"]


def test_each_lack_belongs_to_what_needs_it_and_names_the_interpreter(tmp_path: Path) -> None:
    wanted = Wanted(["source", "fly", "postgres", "redis"], flyctl=str(tmp_path / "fly"), pg_bin_dir=str(tmp_path))
    found = {f["needed_for"]: f for f in look(wanted, loader(tomlkit="0.13.2", psycopg2="2.8.6 (dt dec)"))["findings"]}
    assert sorted(found) == ["fly", "postgres", "redis"]
    assert f"{tmp_path}/fly does not run" in found["fly"]["text"]
    assert "psycopg2 2.8.6 is too old, 2.9 is needed; pg_dump and pg_restore are needed" in found["postgres"]["text"]
    assert found["redis"]["remedy"] == f"Run {sys.executable} -m pip install 'redis>=5.0'."
    assert all(sys.executable in finding["text"] for finding in found.values())


def test_without_tomlkit_everything_is_told_at_once(tmp_path: Path) -> None:
    wanted = Wanted(["source", "fly", "postgres", "redis"], flyctl=str(tmp_path / "fly"), pg_bin_dir=str(tmp_path))
    with pytest.raises(StateError) as raised:
        look(wanted, loader())
    for word in ("tomlkit", "psycopg2", "redis", "pg_dump", "flyctl", sys.executable):
        assert word in str(raised.value)


def test_programs_that_fail_or_say_nothing_are_missing(tmp_path: Path) -> None:
    program(tmp_path, "flyctl", "no", rc=1)
    for name in ("pg_dump", "pg_restore"):
        program(tmp_path, name, "")
    found = look(Wanted(["fly", "postgres"], str(tmp_path / "flyctl"), str(tmp_path)), loader(psycopg2="2.9"))
    assert [finding["needed_for"] for finding in found["findings"]] == ["fly", "postgres"]
    assert "found: none" in found["findings"][1]["text"]
