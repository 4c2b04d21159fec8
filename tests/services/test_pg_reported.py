# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Problems that people found in their databases after leaving Heroku, found before."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import collation, obstacles
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings
from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_transfer
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database


def audit(run_module: Any, source: Database, **options: Any) -> dict[str, Any]:
    result: dict[str, Any] = run_module(pg_transfer, {"source": source.url, **options}, check_mode=True)
    return result


def test_extensions_that_nothing_uses_do_not_block(run_module: Any, source: Database) -> None:
    """earthdistance needs cube, and both have operators and constraints of their own: no use by the app."""
    source.rows("create extension earthdistance cascade")
    needed = {one["name"]: one["needed"] for one in audit(run_module, source)["plan"]["extensions"]}
    assert (needed["cube"], needed["earthdistance"]) == (False, False)
    source.rows("create table places (id int, at cube); alter table places owner to current_user")
    needed = {one["name"]: one["needed"] for one in audit(run_module, source)["plan"]["extensions"]}
    assert (needed["cube"], needed["earthdistance"]) == (True, False)


def test_another_order_of_text_is_told_with_what_is_at_stake(
    run_module: Any, source: Database, target: Database
) -> None:
    server, name = source.server, f"{source.name}_c"
    server.rows(
        "postgres", f"create database {name} template template0 lc_collate 'C' lc_ctype 'C' owner {server.role}"
    )
    try:
        ordered = Database(server, name)
        ordered.rows(f"alter schema public owner to {server.role}")
        ordered.app("create table items (rank text unique, note text)")
        found = audit(run_module, ordered, target=target.url)["findings"]
        (finding,) = [one for one in found if one["id"] == "database-collation"]
        assert finding["level"] == "warn"
        assert "source's collation is C and the target's" in finding["text"]
        assert "public.items.rank" in finding["text"] and "note" not in finding["text"]
    finally:
        server.rows("postgres", f"drop database {name} with (force)")


@pytest.mark.parametrize(("name", "told"), [("en_US.UTF-8", True), ("C.UTF-8", False), ("C.utf8", False), ("C", False)])
def test_another_order_of_text_is_told_before_there_is_a_target(
    monkeypatch: pytest.MonkeyPatch, name: str, told: bool
) -> None:
    monkeypatch.setattr(obstacles, "ordered_text", lambda _session: ["public.items.rank"])
    findings = Findings()
    collation.foresee(None, {"collation": name}, findings)  # type: ignore[arg-type]
    assert [("public.items.rank" in one["text"]) for one in findings.all] == ([True] if told else [])


def test_a_collation_that_the_target_may_lack_is_told(run_module: Any, source: Database, target: Database) -> None:
    locale = "C.utf8"
    source.app(f"create collation public.ours (locale = '{locale}')")
    found = audit(run_module, source, target=target.url)["findings"]
    assert not any("collation public.ours" in one["text"] for one in found)


def test_an_icu_collation_is_refused_where_the_target_is_built_without(
    run_module: Any, source: Database, target: Database
) -> None:
    try:
        source.app("create collation public.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    except psycopg2.errors.FeatureNotSupported:
        pytest.skip("the source is built without ICU")
    try:
        target.app("create collation public.tried (provider = icu, locale = 'und'); drop collation public.tried")
        has_icu = True
    except psycopg2.errors.FeatureNotSupported:
        has_icu = False
    found = [one for one in audit(run_module, source, target=target.url)["findings"] if "public.folded" in one["text"]]
    assert [one["level"] for one in found] == ([] if has_icu else ["block"])


def test_open_connections_are_counted(run_module: Any, source: Database) -> None:
    with source.server.connect(source.name, source.server.role):
        assert audit(run_module, source)["plan"]["source"]["connected"] == 1
