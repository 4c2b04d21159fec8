# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others do to the source after a run has taken its snapshot, and the snapshot does not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import transfer as transferring
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database
from ansible_collections.flyover.heroku_to_fly.tests.services.test_pg_change_log import equal

_RELOAD = """
begin;
create temporary table kept on commit drop as select * from notes;
truncate notes;
insert into notes select * from kept;
commit
"""


@pytest.fixture
def after_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any], int], None]:
    """Return what has something happen in the first runs, between their snapshots and their first look at rows."""
    find_tools = transferring.find_tools

    def plan(happens: Callable[[], Any], times: int) -> None:
        left = iter(range(times))

        def found(*arguments: Any) -> Any:
            if next(left, None) is not None:
                happens()
            return find_tools(*arguments)

        monkeypatch.setattr(transferring, "find_tools", found)

    return plan


@pytest.mark.parametrize("change", [_RELOAD, "alter table notes alter body type varchar using lower(body)"])
def test_a_table_written_anew_is_not_taken_for_empty(
    transfer: Any, source: Database, target: Database, after_the_snapshot: Any, change: str
) -> None:
    after_the_snapshot(lambda: source.app(change), 1)
    result = transfer()

    assert (result.get("verdict"), result.get("msg")) == ("copied", None)
    assert target.app("select count(*) from notes") == source.app("select count(*) from notes") != [(0,)]
    assert equal(transfer, source, target)


def test_nor_is_it_emptied_on_the_target(
    transfer: Any, source: Database, target: Database, copied: None, after_the_snapshot: Any
) -> None:
    after_the_snapshot(lambda: source.app(_RELOAD), 1)
    assert transfer(mode="delta").get("msg") is None
    assert target.app("select count(*) from notes") != [(0,)]
    assert equal(transfer, source, target)


def test_an_audit_looks_again_too(
    transfer: Any, source: Database, target: Database, copied: None, after_the_snapshot: Any
) -> None:
    after_the_snapshot(lambda: source.app(_RELOAD), 1)
    result = transfer(check_mode=True)

    assert (result["verdict"], [one for one in result["findings"] if one["level"] == "block"]) == ("would_update", [])


def test_a_table_that_is_dropped_meanwhile_is_no_error(
    transfer: Any, source: Database, target: Database, copied: None, after_the_snapshot: Any
) -> None:
    after_the_snapshot(lambda: source.app("drop table notes"), 1)
    result = transfer()

    assert (result.get("verdict"), result.get("msg")) == ("copied", None)
    assert equal(transfer, source, target)


def test_who_never_stops_is_named(
    transfer: Any, source: Database, target: Database, copied: None, after_the_snapshot: Any
) -> None:
    after_the_snapshot(lambda: source.app(_RELOAD), 9)
    message = transfer(mode="delta")["msg"]

    assert "emptied, rewritten or dropped: public.notes" in message
    assert "Run again when no TRUNCATE, ALTER TABLE" in message
    assert target.app("select count(*) from notes") == source.app("select count(*) from notes")
