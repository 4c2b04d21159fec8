# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_transfer updating a copy, from a real PostgreSQL as at Heroku to a newer one as at Fly."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import compare as comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.movement import Movement
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire import session
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import (
    Database,
    content,
    in_another_process,
    wait_for,
)

# What an app does between two runs, and the tables whose rows must travel for it.
_CHANGES = {
    "an update": ("update users set last_name = 'changed' where id = 3", {"users": "by key"}),
    "inserts": (
        "insert into users (email, first_name) select 'new' || i || '@b', 'N' from generate_series(1, 30) i",
        {"users": "by key"},
    ),
    "deletes": (
        "delete from posts where id % 50 = 0 and id not in (select parent_id from posts where parent_id > 0)",
        {"posts": "by key"},
    ),
    "all deleted": ("truncate notes", {"notes": "by key"}),
    "a cascade": (
        "update posts set parent_id = null; delete from users where id between 40 and 60",
        {"users": "by key", "posts": "by key"},
    ),
    "a child that leaves before its parent goes": (
        "update posts set user_id = 1, title = 'Moved ' || id where user_id = 77; delete from users where id = 77",
        {"users": "by key", "posts": "by key"},
    ),
    "a unique value that goes to another row": (
        "update users set email = 'tmp@x' where id = 8; update users set email = 'User8@example.com' where id = 9;"
        "update users set email = 'User9@example.com' where id = 8",
        {"users": "by key"},
    ),
    "a unique value that comes back with a new key": (
        "update posts set parent_id = null; delete from users where id = 5;"
        "insert into users (email, first_name) values ('USER5@example.com', 'Again')",
        {"users": "by key", "posts": "by key"},
    ),
    "a row that goes to another partition": (
        "update events set at = '2023-05-05' where id = (select min(id) from events_2024)",
        None,
    ),
    "a key that changes": ("update notes set id = id + 1000", {"notes": "by key"}),
    "rows without a key": (
        "insert into empty values (1), (1), (null); insert into nothing default values",
        {"empty": "whole", "nothing": "whole"},
    ),
    "inheritance": ("update vehicles set wheels = 7; insert into cars values (900, 3, 5)", None),
    "a circle of references": (
        "update hens set egg_id = null; delete from eggs; insert into eggs select 100 + id, id from hens;"
        "update hens set egg_id = 100 + id",
        {"hens": "by key", "eggs": "by key"},
    ),
    "a comment on a large object": ("comment on large object 70002 is null", {}),
    "a sequence": ("select nextval('never_called')", {}),
    "a large object written": ("select lo_put(70002, 0, 'X')", {}),
    "a large object gone, another made": ("select lo_unlink(70002); select lo_from_bytea(80001, 'new')", {}),
    "a rewritten table": ("vacuum full posts", {}),
    "a rewritten table with an update": (
        "vacuum full posts;; update posts set title = 'long' where id = 2",
        {"posts": "by key"},
    ),
    "nothing, rolled back": ("begin; delete from posts; rollback", {}),
}
_NOTHING = ("a rewritten table", "nothing, rolled back")
WRITES = [
    "update users set last_name = md5(id::text) where id % {n} = 1",
    "update posts set parent_id = null; delete from users where id % 97 = {n}",
    "update posts set parent_id = null; delete from posts where id % 31 = {n}",
    "insert into users (email, first_name) select random() || '@{n}', 'N' from generate_series(1, 9)",
    "insert into posts (user_id, title) select min(id), 'Post by chance ' || random() from users",
    "update events set at = at + {n} * 30 where id % 7 = {n} % 7",
    "delete from events where id % 5 = {n} % 5",
    "update notes set id = id + {n} * 100",
    "update eggs set hen_id = (select min(id) from hens)",
    "insert into vehicles select coalesce(max(id), 0) + 1, {n} from only vehicles",
    'update "Odd ""Table"".name" set "a b" = \'n{n}\'',
    "insert into empty values ({n})",
    "truncate cars",
]


def test_rows_that_are_gone_are_not_each_looked_for_in_a_table_without_index(
    transfer: Any, source: Database, target: Database
) -> None:
    source.app(
        """
        create table owners (id serial primary key);
        create table pets (id serial primary key, owner int references owners on delete cascade, like_pet int
          references pets);
        insert into owners select from generate_series(1, 2000);
        insert into pets (owner, like_pet) select i, i from generate_series(1, 2000) i;
        """
    )
    transfer()
    source.app(
        """
        truncate owners, pets;
        insert into owners select from generate_series(1, 2000);
        insert into pets (owner, like_pet) select i, i from generate_series(2001, 4000) i;
        """
    )

    def reads() -> int:
        return int(target.rows("select seq_scan from pg_stat_user_tables where relname = 'pets'")[0][0])

    before = reads()
    assert transfer(mode="delta")["verdict"] == "updated"
    assert reads() - before < 100
    assert content(target) == content(source)


def test_rows_that_are_not_where_they_were_are_found(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may rewrite a table meanwhile, so that its rows keep their transactions but not their places."""
    source.app("update users set last_name = 'Moved' where id = 3")
    monkeypatch.setattr(changes, "located", lambda *given: [(scan, "false") for scan in changes.scans(*given)])

    assert transfer(mode="delta")["verdict"] == "updated"
    assert content(target) == content(source)


@pytest.mark.parametrize("change", _CHANGES)
def test_updates(copied: None, transfer: Any, source: Database, target: Database, change: str) -> None:
    statement, tables = _CHANGES[change]
    before = target.rows("select oid from pg_class where relname = 'users'")
    for part in statement.split(";;"):
        source.app(part)
    # The target's are filled from what it holds.
    source.app("refresh materialized view counts; refresh materialized view sums")

    expected = "unchanged" if change in _NOTHING else "updated"
    predicted = transfer(check_mode=True)
    assert predicted["verdict"] == ("unchanged" if change in _NOTHING else "would_update"), predicted
    result = transfer(mode="delta")

    assert (result["changed"], result["verdict"]) == (change not in _NOTHING, expected), result
    assert content(target) == content(source)
    if tables is not None:
        moved = {
            row["name"].replace("public.", ""): row["how"] for row in result["tables"] if row["how"] != "unchanged"
        }
        assert moved == tables
    assert target.rows("select oid from pg_class where relname = 'users'") == before
    assert not target.rows("select relname from pg_class where relname like 'staged%'")
    assert transfer()["verdict"] == "unchanged"
    # Everything that was put aside is back; comparing everything finds nothing to do either.
    assert transfer(mode="warm")["verdict"] == "unchanged"


@pytest.mark.parametrize(
    "written",
    [
        "update users set last_name = 'on Fly' where id = 3",
        "update posts set parent_id = null; delete from users where id = 3",
        "insert into users (email, first_name) values ('only@fly', 'F')",
        "update posts set parent_id = null; delete from users where id = 3;"
        "insert into users (email, first_name) values ('only@fly', 'F')",
        "update eggs set hen_id = null",
    ],
)
def test_what_the_target_wrote_is_taken_back(
    copied: None, transfer: Any, source: Database, target: Database, written: str
) -> None:
    target.app(written)
    source.app("update users set last_name = 'on Heroku' where id = 4")
    result = transfer(mode="delta")

    assert result["verdict"] == "updated"
    assert {"name": "public.users", "how": "by key" if "eggs" in written else "whole"}.items() <= next(
        row for row in result["tables"] if row["name"] == "public.users"
    ).items()
    assert content(target) == content(source)
    assert transfer()["verdict"] == "unchanged"
    assert transfer(mode="warm")["verdict"] == "unchanged"


def test_a_transaction_that_was_open_when_the_copy_was_made(transfer: Any, source: Database, target: Database) -> None:
    # Rows of its savepoints have their own ids, which look as if they had ended before the snapshot.
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("begin; insert into notes values (11); savepoint one; insert into notes values (12)")
        cursor.execute("release one; savepoint two; update notes set body = 'x' where id = 1")
        source.app("insert into notes values (13)")
        transfer()
        cursor.execute("commit")
    assert transfer(mode="delta")["verdict"] == "updated"
    assert content(target) == content(source)
    assert target.rows("select count(*) from notes") == [(4,)]
    assert transfer()["verdict"] == "unchanged"


def test_an_app_that_goes_on_writing(transfer: Any, source: Database, target: Database) -> None:
    stop = threading.Event()

    def write() -> None:
        with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("insert into billing.invoices (during, account) values ('[5000,5001)', nextval('down'))")
                cursor.execute(
                    "delete from billing.invoices where during = '[5000,5001)'; select nextval('posts_id_seq')"
                )

    app = threading.Thread(target=write)
    app.start()
    try:
        assert transfer()["verdict"] == "copied"
        assert transfer(mode="warm")["verdict"] == "updated"
    finally:
        stop.set()
        app.join()
    assert transfer(mode="delta")["verdict"] == "updated"
    assert content(target) == content(source)


def test_a_difference_leaves_the_copy_as_it_was(
    copied: None, transfer: Any, source: Database, target: Database, spoilt: Callable[[], None]
) -> None:
    before = content(target)
    source.app("update users set last_name = 'new' where id = 4")
    spoilt()
    result = transfer(mode="delta")

    assert "the copy differs from the source: table public.users" in result["msg"]
    assert content(target) == before
    assert not target.rows("select relname from pg_class where relname like 'staged%'")

    target.rows("drop event trigger spoil")
    assert transfer(mode="delta")["verdict"] == "updated"


def test_where_the_delta_fails_everything_is_copied(
    copied: None, transfer: Any, source: Database, target: Database
) -> None:
    source.app("insert into users (email, first_name) values ('x@y', 'X')")
    target.rows(
        """
        create schema _heroku;
        create function _heroku.refuse() returns event_trigger language plpgsql security definer as $$
        begin
          if (select state from _flyover.transfer) = 'complete' then raise exception 'not now'; end if;
        end $$;
        create event trigger refuse on ddl_command_start when tag in ('REFRESH MATERIALIZED VIEW')
          execute function _heroku.refuse();
        """
    )
    assert "SQLSTATE P0001" in transfer(mode="delta")["msg"]
    result = transfer()

    assert result["verdict"] == "copied"
    assert "could not be updated (refreshing materialized view public.counts failed" in result["reason"]
    assert transfer()["verdict"] == "unchanged"


def test_a_lock_on_the_target_is_waited_for(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.app("update users set last_name = 'new' where id = 4")
    monkeypatch.setattr(session, "_SETTINGS", session._SETTINGS.replace("'10s'", "'500ms'"))
    with target.server.connect(target.name) as connection, connection.cursor() as cursor:
        cursor.execute("begin; lock table users in access exclusive mode")
        # The scan waits too; by then nothing has been written.
        assert "55P03" in transfer(mode="delta")["msg"]
        cursor.execute("rollback; begin; lock table users in row exclusive mode")
        release = threading.Timer(0.8, lambda: cursor.execute("rollback"))
        release.start()
        result = transfer(mode="delta")
        release.join()

    assert result["verdict"] == "updated"
    assert content(target) == content(source)


def test_a_difference_after_the_update_makes_the_next_run_begin_anew(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.app("update users set last_name = 'new' where id = 4")
    compare = comparison.compare_content

    def spoil_first(*arguments: Any) -> None:
        target.rows("update posts set title = 'spoilt' where id = 7")
        compare(*arguments)

    monkeypatch.setattr(comparison, "compare_content", spoil_first)
    assert "the copy differs from the source: table public.posts" in transfer(mode="warm")["msg"]
    monkeypatch.undo()
    result = transfer()
    assert result["verdict"] == "copied"
    assert "an earlier run gave up: after an update, the copy differs" in result["reason"]
    assert content(target) == content(source)


def test_delta_needs_a_copy(transfer: Any, target: Database) -> None:
    before = target.fingerprint()

    assert "can't be updated: the target holds no complete copy" in transfer(mode="delta")["msg"]
    assert target.fingerprint() == before


def test_full_copies_everything_that_moved(transfer: Any, source: Database, target: Database) -> None:
    transfer(mode="full")
    assert transfer(mode="full")["verdict"] == "unchanged"
    source.app("delete from notes")
    assert transfer(mode="full", check_mode=True)["verdict"] == "would_copy"
    result = transfer(mode="full")

    assert (result["verdict"], result["reason"]) == (
        "copied",
        "source or target changed since the copy, and mode is full",
    )
    assert content(target) == content(source)


def test_so_much_moved_that_copying_takes_less_time(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.app("delete from notes")
    assert transfer(check_mode=True)["verdict"] == "would_update"
    monkeypatch.setattr(Movement, "dear", property(lambda movement: movement.any))
    assert transfer(check_mode=True)["verdict"] == "would_copy"
    assert transfer(mode="delta", check_mode=True)["verdict"] == "would_update"
    result = transfer()

    assert (result["verdict"], result["reason"].split(" that ")[0]) == ("copied", "so much has changed since the copy")
    assert content(target) == content(source)
    assert transfer()["verdict"] == "unchanged"


@pytest.mark.parametrize(
    ("large", "how", "dear"),
    [
        ((100, 10), changes.BY_KEY, False),
        ((100, 20), changes.BY_KEY, True),
        ((80, 0), changes.BY_KEY, True),  # deleted
        ((100, 0), changes.WHOLE, True),
        ((100, 0), changes.UNCHANGED, False),
    ],
)
def test_what_is_dear(large: tuple[int, int], how: str, dear: bool) -> None:
    def moved(size: int, rows: int, marked: int, how: str) -> changes.Change:
        table = Table(1, "t", ("a",), ("a",), size, True)
        return changes.Change(table, None, changes.Scan(rows, marked, ""), changes.Scan(100, 0, ""), how)

    small = moved(1 << 20, 100, 100, changes.BY_KEY)
    assert Movement([small]).dear is False
    assert Movement([small, moved(1 << 30, *large, how)]).dear is dear


def test_what_is_compared_once_is_known(transfer: Any, source: Database, target: Database) -> None:
    transfer(verify="counts")
    assert "verify" in transfer(verify="checksums")["seconds"]
    before = target.fingerprint()
    result = transfer(verify="checksums")

    assert (result["verdict"], "verify" in result["seconds"]) == ("unchanged", False)
    assert result["verified"]["level"] == "checksums"
    assert target.fingerprint() == before


def test_a_lock_on_the_target_is_no_reason_to_copy_everything(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.app("update users set last_name = 'new' where id = 4")
    monkeypatch.setattr(session, "_SETTINGS", session._SETTINGS.replace("'10s'", "'300ms'"))
    before = content(target)
    with target.server.connect(target.name) as connection, connection.cursor() as cursor:
        cursor.execute("begin; lock table users in share mode")
        assert "55P03" in transfer()["msg"]
    assert content(target) == before


def test_after_a_failover_everything_is_compared(
    copied: None, transfer: Any, source: Database, target: Database
) -> None:
    forget = "update _flyover.transfer set document = jsonb_set(document, '{servers,source,timeline}', '\"00000009\"')"
    target.rows(forget)
    result = transfer()

    assert (result["verdict"], "compare" in result["seconds"]) == ("unchanged", True)
    # From then on the new history is the one that counts.
    source.app("delete from notes")
    assert transfer(mode="delta")["verdict"] == "updated"
    target.rows(forget)
    source.app("insert into notes values (77)")
    assert "a server failed over" in transfer(mode="delta")["msg"]
    assert transfer()["verdict"] == "copied"
    assert content(target) == content(source)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_column_that_was_made_again(
    copied: None, transfer: Any, source: Database, target: Database, side: str
) -> None:
    # That makes no new row versions.
    {"source": source, "target": target}[side].app("alter table notes drop body; alter table notes add body text")
    result = transfer(mode="delta")
    assert {row["name"]: row["how"] for row in result["tables"] if row["how"] != "unchanged"} == {
        "public.notes": "whole"
    }
    assert content(target) == content(source)
    assert transfer()["verdict"] == "unchanged"


def test_killed_in_its_midst_the_copy_stays_what_it_was(
    copied: None, transfer: Any, source: Database, target: Database, tmp_path: Path
) -> None:
    before = content(target)
    source.app("update users set last_name = 'new' where id = 4; insert into gated values (99)")
    with target.server.connect(target.name) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(4242)")
        process = in_another_process(source, target, tmp_path / "progress")
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        process.kill()
        process.wait()
        cursor.execute("select pg_advisory_unlock(4242)")
    wait_for(target, "select not exists (select from pg_stat_activity where application_name = 'flyover pg_transfer')")

    assert content(target) == before
    assert transfer(mode="delta")["verdict"] == "updated"
    assert content(target) == content(source)


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 12))])
def test_any_mixture_of_writes(copied: None, transfer: Any, source: Database, target: Database, seed: int) -> None:
    chance = random.Random(seed)
    for _round in range(3):
        for write in chance.choices(WRITES, k=6):
            source.app(write.format(n=chance.randrange(2, 30)))
        if chance.random() < 0.5:
            target.app(chance.choice(WRITES).format(n=chance.randrange(2, 30)))
        source.app("refresh materialized view counts; refresh materialized view sums")
        assert transfer(mode="delta")["verdict"] == "updated"
        assert content(target) == content(source)
    assert transfer(mode="warm")["verdict"] == "unchanged"
