# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import lease, process
from ansible_collections.flyover.heroku_to_fly.plugins.modules import migration_ledger

ELSEWHERE = {
    "host": "deploy-1",
    "user": "ana",
    "pid": 4711,
    "command": "ansible-playbook migrate.yml -e …",
    "inventory_host": "paper-crane",
    "process": "12345",
    "boot": "another start",
    "namespace": "pid:[1]",
    "machine": "another machine",
}
HERE = {
    **ELSEWHERE,
    "host": os.uname().nodename,
    "user": "ben",
    "pid": os.getpid(),
    "process": process.began(os.getpid()),
    "boot": process.boot(),
    "namespace": process.namespace(),
    "machine": process.machine(),
}
OTHER_HOST = {**HERE, "inventory_host": "paper-boat"}


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


def test_full_disk_leaves_the_ledger_as_it_was(run_module: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_module(migration_ledger, {"path": str(path), "record": {"freeze": {"formation": {"web": 2}}}})
    before, files = path.read_bytes(), sorted(path.parent.iterdir())

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        result = run_module(migration_ledger, {"path": str(path), "record": {"cutover": {}}})
    assert "it cannot be written (No space left on device)" in result["msg"]
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, files)
    assert run_module(migration_ledger, {"path": str(path), "record": {"cutover": {}}})["changed"] is True


def test_private_section_is_refused(run_module: Any, path: Path) -> None:
    assert "secrets" in run_module(migration_ledger, {"path": str(path), "record": {"secrets": {}}})["msg"]


@pytest.fixture
def ask(run_module: Any, path: Path) -> Any:
    """Return a function that asks for the lease on behalf of a run."""

    def ask(run: dict[str, Any], wish: str | None = "acquire", check_mode: bool = False, **options: Any) -> Any:
        given = {"path": str(path), "run": run, **({"lease": wish} if wish else {}), **options}
        return run_module(migration_ledger, given, check_mode=check_mode)

    return ask


def test_lease_is_taken_kept_and_given_back(ask: Any, path: Path) -> None:
    taken = ask(HERE)
    assert taken["changed"] is False
    assert set(taken["lease"]) == {"host", "user", "pid", "started", "command", "renewed"}
    assert taken["lease"]["pid"] == HERE["pid"]
    assert stat.S_IMODE(Path(f"{path}.lease").stat().st_mode) == 0o600
    assert ask(HERE)["lease"]["started"] == taken["lease"]["started"]
    seen, renewed = ask(HERE, None)["lease"], ask(HERE)["lease"]
    assert {**seen, "renewed": ""} == {**renewed, "renewed": ""}
    assert ask(HERE, "release", record={"a": 1})["lease"] is None
    assert (ask(HERE, "release")["lease"], ask(HERE, None)["ledger"]) == (None, {"a": 1})


def test_second_run_is_told_who_has_it_and_changes_nothing(ask: Any, path: Path) -> None:
    ask(HERE, record={"a": 1})
    for options in ({"wish": "acquire"}, {"wish": None, "record": {"a": 2}}, {"wish": None, "forget": ["a"]}):
        refused = ask(ELSEWHERE, **options)
        assert refused["failed"]
        for part in (str(path), "ben", HERE["host"], str(HERE["pid"]), HERE["command"], f"kill {HERE['pid']}"):
            assert part in refused["msg"]
        assert refused["lease"]["user"] == "ben"
    assert ask(ELSEWHERE, "release")["lease"]["user"] == "ben"
    assert ask(ELSEWHERE, None)["ledger"] == {"a": 1}


def test_check_mode_says_who_has_it_and_takes_nothing(ask: Any, path: Path) -> None:
    assert ask(HERE, check_mode=True)["lease"] is None
    assert not path.parent.exists()
    ask(HERE)
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    for wish in ("acquire", "release", None):
        assert ask(ELSEWHERE, wish, check_mode=True, take_over=True, record={"a": 1})["lease"]["user"] == "ben"
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_two_hosts_of_one_inventory_do_not_work_on_the_same_app(ask: Any) -> None:
    ask(HERE)
    refused = ask(OTHER_HOST)
    assert "Leave out paper-crane or paper-boat" in refused["msg"]


@pytest.mark.parametrize("how", ["ended", "number given out again", "machine started again"])
def test_lease_of_a_run_that_has_ended_here_is_free(ask: Any, how: str) -> None:
    ended = {
        "ended": {"pid": 2**22 + 1},
        "number given out again": {"process": "1"},
        "machine started again": {"boot": "the one before", "machine": "m"},
    }[how]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "machine", lambda: "m")  # a container has none
        ask({**HERE, **ended})
        assert ask(ELSEWHERE, None)["lease"] is None
        assert ask(ELSEWHERE)["lease"]["user"] == "ana"


def test_lease_of_a_run_elsewhere_ends_an_hour_after_it_was_heard_of(
    ask: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(ELSEWHERE)
    _set_back(path, lease.STALE - 60)
    refused = ask(HERE)
    assert "its lease expires at" in refused["msg"]
    assert "migrate_take_over=true" in refused["msg"]
    assert ask(ELSEWHERE, None, record={"a": 1})["lease"]["user"] == "ana"  # heard from
    _set_back(path, lease.STALE - 60)
    assert ask(HERE)["failed"]
    _set_back(path, 61)
    assert ask(HERE)["lease"]["user"] == "ben"


def _set_back(path: Path, seconds: int) -> None:
    file = Path(f"{path}.lease")
    content = json.loads(file.read_text())
    renewed = lease._time(content["renewed"]) - lease.timedelta(seconds=seconds)
    file.write_text(json.dumps({**content, "renewed": renewed.strftime(lease._TIME)}))


def test_taking_over_is_for_runs_that_nobody_sees_to_live(ask: Any) -> None:
    ask(ELSEWHERE)
    assert ask(HERE, take_over=True)["lease"]["user"] == "ben"
    assert "kill" in ask(ELSEWHERE, take_over=True)["msg"]
    assert ask(ELSEWHERE, None, record={"a": 1})["failed"]  # it was taken over, and must not go on


@pytest.mark.parametrize("content", ["not json", "[]", "{}", '{"host": "a"}'])
def test_lease_that_cannot_be_read_is_named(ask: Any, path: Path, content: str) -> None:
    path.parent.mkdir()
    file = Path(f"{path}.lease")
    file.write_text(content)
    for refused in (ask(HERE), ask(HERE, None), ask(HERE, None, record={"a": 1})):
        assert str(file) in refused["msg"]
        assert "remove the file" in refused["msg"]
    assert file.read_text() == content
    assert ask(HERE, take_over=True)["lease"]["user"] == "ben"


def test_ledger_that_cannot_be_read_gets_no_lease(ask: Any, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("not json")
    assert "it cannot be used" in ask(HERE)["msg"]
    assert not Path(f"{path}.lease").exists()


def test_folder_that_cannot_be_made_is_named(ask: Any, path: Path) -> None:
    path.parent.write_text("a file")
    refused = ask(HERE, record={"a": 1})
    assert str(path) in refused["msg"]
    assert "bug in the collection" not in refused["msg"]


def test_lease_needs_somebody_to_have_it(run_module: Any, path: Path) -> None:
    assert "action plugin" in run_module(migration_ledger, {"path": str(path), "lease": "acquire"})["msg"]


def test_ledger_of_another_user_is_not_to_be_moved_away(ask: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_text("{}")
    read = Path.read_text

    def refuse(file: Path, **options: Any) -> str:
        if file == path:
            raise PermissionError(13, "Permission denied", str(file))
        return read(file, **options)

    monkeypatch.setattr(Path, "read_text", refuse)
    refused = ask(HERE)["msg"]
    assert "it cannot be read (Permission denied). Run as the user who owns it" in refused
    assert "move it away" not in refused
    assert not Path(f"{path}.lease").exists()
