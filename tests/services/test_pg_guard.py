# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of the target that nobody else can write to while they are updated, so that they are not read once more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import movement, updating
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database, wait_for
from ansible_collections.flyover.heroku_to_fly.tests.services.test_pg_change_log import equal, how

_CHANGE = """
update posts set parent_id = null; delete from users where id between 40 and 60;
update users set last_name = 'changed' where id < 9; insert into users (email, first_name) values ('new@x', 'N')
"""


@pytest.fixture(autouse=True)
def _all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "_GUARDED", 0)


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the tables that are read once more after they were written: this process reads nothing before."""
    found: set[str] = set()
    scans = changes.scans

    def noted(session: Any, tables: Any) -> Any:
        found.update(table.name for table, _mark in tables)
        return scans(session, tables)

    monkeypatch.setattr(changes, "scans", noted)
    return found


def test_what_was_written_is_proven_without_reading_the_table(
    copied: None, transfer: Any, source: Database, target: Database, again: set[str]
) -> None:
    source.app(_CHANGE)

    assert how(transfer(mode="delta")) == {"users": "by key", "posts": "by key"}
    assert not again
    assert equal(transfer, source, target)


def test_a_table_that_a_cascade_can_reach_but_did_not_is_not_read(
    copied: None, transfer: Any, source: Database, target: Database, again: set[str]
) -> None:
    source.app("update posts set parent_id = null, user_id = 1 where user_id = 77")
    assert transfer(mode="delta")["verdict"] == "updated"
    source.app("delete from users where id = 77")

    assert how(transfer(mode="delta")) == {"users": "by key"}
    assert not again
    assert equal(transfer, source, target)


def test_others_wait_until_the_update_is_committed(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.app("update users set last_name = 'on Heroku' where id = 4")
    look, others = movement.survey, []

    def survey(*arguments: Any) -> Any:
        movement = look(*arguments)
        others.append(threading.Thread(target=target.app, args=["update users set last_name = 'on Fly' where id = 5"]))
        others[0].start()
        wait_for(target, "select exists (select from pg_stat_activity where wait_event_type = 'Lock')")
        return movement

    monkeypatch.setattr(movement, "survey", survey)
    assert transfer(mode="delta")["verdict"] == "updated"
    monkeypatch.undo()
    others[0].join()

    assert target.rows("select last_name from users where id in (4, 5) order by id") == [("on Heroku",), ("on Fly",)]
    assert how(transfer(mode="delta")) == {"users": "whole"}
    assert equal(transfer, source, target)


def test_a_table_that_others_use_is_read_once_more(
    copied: None, transfer: Any, source: Database, target: Database, again: set[str]
) -> None:
    source.app(_CHANGE)
    with target.server.connect(target.name) as connection, connection.cursor() as cursor:
        cursor.execute("begin; lock table users in row share mode; lock table posts in row exclusive mode")
        release = threading.Timer(1, lambda: cursor.execute("rollback"))
        release.start()
        result = transfer(mode="delta")
        release.join()

    assert (how(result), again) == ({"users": "by key", "posts": "by key"}, {"public.posts"})
    assert equal(transfer, source, target)


def test_where_the_server_does_not_count_tables_are_read_once_more(
    copied: None, transfer: Any, source: Database, target: Database, again: set[str]
) -> None:
    target.rows(f'alter database "{target.name}" set track_counts = off')
    source.app(_CHANGE)

    assert transfer(mode="delta")["verdict"] == "updated"
    assert {"public.users", "public.posts"} <= again
    assert equal(transfer, source, target)


def test_another_row_that_the_update_wrote_is_found(
    copied: None, transfer: Any, source: Database, target: Database, spoilt: Callable[[], None], again: set[str]
) -> None:
    source.app("update users set last_name = 'new' where id = 4")
    spoilt()

    assert "the copy differs from the source: table public.users" in transfer(mode="delta")["msg"]
    assert "public.users" in again


def test_a_unique_value_that_goes_to_another_row_ends_the_guard(
    copied: None, transfer: Any, source: Database, target: Database, again: set[str]
) -> None:
    source.app(
        "update users set email = 'tmp@x' where id = 8; update users set email = 'User8@example.com' where id = 9;"
        "update users set email = 'User9@example.com' where id = 8; update posts set parent_id = null;"
        "delete from users where id = 77"
    )
    assert transfer(mode="delta")["verdict"] == "updated"
    assert equal(transfer, source, target)


def test_so_much_that_a_scan_is_faster(
    copied: None, transfer: Any, source: Database, target: Database, again: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_VERY_FEW", 1)
    source.app("update users set last_name = 'changed' where id % 2 = 0")

    assert transfer(mode="delta")["verdict"] == "updated"
    assert again == {"public.users"}
    assert equal(transfer, source, target)


@pytest.mark.parametrize(
    ("type_", "keys", "deleted"),
    [
        (
            "bigint",
            "values (-9223372036854775808), (9223372036854775807), (-1), (0)",
            "id in (-1, 9223372036854775807)",
        ),
        ("bigint", "select i * 1000003 from generate_series(-2000, 2000) i", "id % 7 = 0"),
        ("int", "values (-2147483648), (2147483647), (-2), (-1), (1), (64)", "id = -2147483648 or id = 64"),
        ("smallint", "select generate_series(-300, 300)", "id between -5 and 100 or id = 299"),
        ("numeric", "values (1.0), (2.00), (3), (-1), (1e30)", "id in (2, 1e30)"),
        ("text", "select md5(i::text) from generate_series(1, 3000) i", "id like 'a%'"),
    ],
)
def test_keys_that_are_gone(
    transfer: Any, source: Database, target: Database, type_: str, keys: str, deleted: str
) -> None:
    source.app(f"create table b (id {type_} primary key, number int); insert into b select k, 1 from ({keys}) k(k)")
    transfer()
    source.app(f"delete from b where {deleted}; update b set number = 2 where id = (select min(id) from b)")

    assert how(transfer(mode="delta")) == {"b": "by key"}
    assert equal(transfer, source, target)


def test_a_key_that_is_written_differently_while_another_is_gone(
    transfer: Any, source: Database, target: Database
) -> None:
    """The row that is replaced and the one that is gone may share a bucket, which then holds as many as before."""
    source.app("create table b (id numeric primary key); insert into b select i from generate_series(1, 400) i")
    transfer()
    source.app("delete from b where id % 3 = 0; update b set id = id::text::numeric(9, 2) where id % 3 = 1")

    assert how(transfer(mode="delta")) == {"b": "by key"}
    assert equal(transfer, source, target)


def test_many_rows_that_are_gone_from_many_places(transfer: Any, source: Database, target: Database) -> None:
    """The planner takes the keys that are left for one: a nested loop over them would take a minute."""
    source.app(
        "create table b (id int primary key, n int); insert into b select i, i from generate_series(1, 300000) i"
    )
    transfer()
    source.app("delete from b where hashint4(id) % 100 = 0; update b set n = 0 where hashint4(id) % 100 = 1")
    result = transfer(mode="delta")

    assert how(result) == {"b": "by key"}
    assert result["seconds"]["stage"] < 20 * result["seconds"]["survey"]
    assert source.rows("select count(*), sum(n) from b") == target.rows("select count(*), sum(n) from b")
