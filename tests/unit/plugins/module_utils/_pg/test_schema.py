# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Differences between two schemas, and who judges what is printed differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import attributes, schema
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import Grant
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import plain, words_quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.schema import Definition, Pair, Part


def _table(text: str, sql: str | None = None, name: str = "public.t") -> Definition:
    return Definition("table", name, text, (Part("expression", "public.t", sql),), "pg_class", 1)


def _nothing(pairs: Sequence[Pair]) -> Iterable[bool]:
    assert not pairs
    return []


def test_equal_text_needs_no_judge() -> None:
    assert schema.differences([_table("r", "a")], [_table("r", "a")], _nothing) == []


def test_other_text_is_a_difference_whatever_the_parts() -> None:
    assert [one.difference for one in schema.differences([_table("r", "a")], [_table("v", "b")], _nothing)] == [
        "differs"
    ]


def test_the_judge_decides_about_parts() -> None:
    one, other = [_table("r", "a in (1)")], [_table("r", "a = any (1)")]
    assert schema.differences(one, other, lambda pairs: [True for _pair in pairs]) == []
    assert [found.difference for found in schema.differences(one, other, lambda pairs: [False])] == ["differs"]


def test_what_is_on_one_side_only_is_named() -> None:
    found = schema.differences([_table("r")], [_table("r", name="public.u")], _nothing)
    assert [(one.name, one.difference) for one in found] == [
        ("public.t", "missing on the target"),
        ("public.u", "only on the target"),
    ]


def test_a_pair_is_known_by_all_that_it_is() -> None:
    pairs = [Pair(_table("r", "a"), _table("r", sql)) for sql in ("b", "c")]
    assert pairs[0].digest != pairs[1].digest
    assert pairs[0].digest == Pair(_table("r", "a")._replace(oid=7), _table("r", "b")).digest


def test_quotes_of_some_majors_do_not_count() -> None:
    assert plain('public."json"."a b"') == 'public.json."a b"'
    assert plain("f(pg_catalog.json,pg_catalog.jsonb)") == "f(json,pg_catalog.jsonb)"


def test_quotes_in_data_count() -> None:
    assert plain("""e '"json"','it''s "json"' "a 'json" "json" 'pg_catalog.json'""") == (
        """e '"json"','it''s "json"' "a 'json" json 'pg_catalog.json'"""
    )


@pytest.mark.parametrize(
    ("sql", "quoted"),
    [
        (
            "CREATE FUNCTION f(json json, INOUT system_user text DEFAULT ''::text) RETURNS TABLE(json json)\n"
            "    LANGUAGE sql\n    AS $$ select (json json) $$;",
            'CREATE FUNCTION f("json" json, INOUT "system_user" text DEFAULT \'\'::text) RETURNS TABLE("json" json)'
            "\n    LANGUAGE sql\n    AS $$ select (json json) $$;",
        ),
        (
            "COMMENT ON FUNCTION f(json json) IS '(json json)';",
            "COMMENT ON FUNCTION f(\"json\" json) IS '(json json)';",
        ),
        ("CREATE FUNCTION f(json DEFAULT '{}'::json, json) RETURNS json\n    LANGUAGE sql", None),
        ("CREATE TABLE t (json json );", None),
        (
            "CREATE FUNCTION f(a text DEFAULT '(json it''s, system_user x'::text, \"(json x\" int, json json)"
            "\n    LANGUAGE sql",
            "CREATE FUNCTION f(a text DEFAULT '(json it''s, system_user x'::text, \"(json x\" int, \"json\" json)"
            "\n    LANGUAGE sql",
        ),
        (
            "CREATE FUNCTION f(a text DEFAULT '\n LANGUAGE '::text, json json)\n    LANGUAGE sql",
            "CREATE FUNCTION f(a text DEFAULT '\n LANGUAGE '::text, \"json\" json)\n    LANGUAGE sql",
        ),
    ],
)
def test_arguments_that_newer_servers_refuse_bare(sql: str, quoted: str | None) -> None:
    assert words_quoted(sql) == (quoted or sql)


@pytest.mark.parametrize(
    ("sql", "quoted"),
    [
        (
            "((system_user <> 'system_user'::text) AND system_user)",
            '(("system_user" <> \'system_user\'::text) AND "system_user")',
        ),
        (
            "CREATE UNIQUE INDEX i ON t USING btree (system_user, lower(system_user))",
            'CREATE UNIQUE INDEX i ON t USING btree ("system_user", lower("system_user"))',
        ),
        ("CREATE FUNCTION f() RETURNS text\n LANGUAGE sql\nAS $_$ select system_user, $1 $_$", None),
        ("(($1$2 = $1) AND system_user)", '(($1$2 = $1) AND "system_user")'),
        ("SELECT t.system_user, my_system_user, system_users, SYSTEM_USER FROM t", None),
        ("\"system_user\" IS NULL OR \"my system_user\" = 'it''s system_user'", None),
    ],
)
def test_a_column_is_not_taken_for_sql_s_own_user(sql: str, quoted: str | None) -> None:
    assert words_quoted(sql) == (quoted or sql)


def test_privileges_go_the_source_s_way_and_a_provider_s_stay() -> None:
    function = Grant("on routine public.pay()", "", "PUBLIC", "EXECUTE", False, False)
    reader = Grant("on table public.t", "id", "reader", "SELECT", False, True)
    nobody = Grant("on table public.t", "", "gone", "SELECT", False, True)
    provider = Grant("on table public.t", "", "fly", "SELECT", False, True)
    default = Grant("default in schema public on tables", "", "reader", "SELECT", False, True)
    own = Grant("on table public.t", "", "app", "SELECT", False, True)
    roles = ["app", "reader", "fly"]
    wanted, homeless = attributes.statements({function, reader, nobody, default, own}, {provider}, roles, "app")
    assert sorted(wanted.values()) == [
        "alter default privileges in schema public grant SELECT on tables to reader",
        "grant SELECT (id) on table public.t to reader",
        "revoke EXECUTE on routine public.pay() from public",
    ]
    assert homeless == ["SELECT on table public.t to gone"]


def test_what_the_source_takes_back_is_taken_back() -> None:
    everybody = Grant("on table public.t", "", "PUBLIC", "SELECT", False, True)
    may_grant = Grant("on table public.t", "", "reader", "SELECT", True, True)
    rehearsal = Grant("on table public.t", "", "reader", "UPDATE", False, True)
    now = {may_grant._replace(grantable=False)}
    wanted, _homeless = attributes.statements(
        now,
        {everybody, may_grant, rehearsal},
        ["app", "reader"],
        "app",
        attributes.to_others({everybody, may_grant}),
    )
    assert sorted(wanted.values()) == [
        "revoke SELECT on table public.t from public",
        "revoke SELECT on table public.t from reader;\ngrant SELECT on table public.t to reader",
    ]


def test_default_privileges_are_set_back_but_for_a_provider_s() -> None:
    given = Grant("default on tables", "", "helper", "SELECT", False, True)
    taken = Grant("default in schema public on functions", "", "PUBLIC", "EXECUTE", False, False)
    provider = Grant("default on tables", "", "fly", "SELECT", False, True)
    table = Grant("on table public.t", "", "helper", "SELECT", False, True)
    assert attributes.defaults_undone({given, taken, provider, table}, {given, table}) == [
        "alter default privileges in schema public grant EXECUTE on functions to public",
        "alter default privileges revoke SELECT on tables from helper",
    ]


def test_what_stays_behind_is_one_finding_a_kind() -> None:
    findings = Findings()
    findings.leave("grant", [f"on t{number}" for number in range(12)], "the target does not have the role")
    (one,) = findings.all
    assert (one["id"], one["level"]) == ("not-moved-grant", "warn")
    assert "and 2 more" in one["text"]
