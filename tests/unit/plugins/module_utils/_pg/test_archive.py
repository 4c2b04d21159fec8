# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Splitting pg_restore's output, whatever bodies and names contain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import adapt, archive

_LIST = """
215; 1259 16394 TABLE APP TABLE DATA owner
216; 1255 16400 FUNCTION public f() owner
217; 0 0 COMMENT public FUNCTION f() owner
"""
_BODY = """CREATE FUNCTION public.f() RETURNS integer AS $$
-- Started on a Monday
--
-- TOC entry 999 (class 1259 OID 1)
-- Name: users; Type: TABLE; Schema: public; Owner: bob
--
-- Completed on Tuesday
$$;
"""


def _output(body: str) -> str:
    return (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\n-- Started on 2026-01-01\n\n"
        "--\n-- TOC entry 215 (class 1259 OID 16394)\n"
        "-- Name: TABLE DATA; Type: TABLE; Schema: APP; Owner: -\n--\n\nCREATE TABLE x ();\n\n\n"
        "--\n-- TOC entry 216 (class 1255 OID 16400)\n-- Dependencies: 215\n"
        f"-- Name: f(); Type: FUNCTION; Schema: public; Owner: -\n--\n\n{body}\n"
        "-- Completed on 2026-01-01\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n"
    )


def test_a_name_in_capitals_is_no_part_of_the_kind() -> None:
    table, function, comment = archive.contents(_LIST)
    assert (table.kind, table.catalog, table.oid, table.rest) == ("TABLE", 1259, 16394, "APP TABLE DATA owner")
    assert (function.kind, comment.kind) == ("FUNCTION", "COMMENT")


def test_a_body_that_looks_like_the_archive_is_kept_whole() -> None:
    lines = {line.id: line for line in archive.contents(_LIST)}
    table, function = archive.split(_output(_BODY), lines)
    assert (table.name, table.sql) == ("APP.TABLE DATA", "CREATE TABLE x ();\n")
    assert (function.sql, function.needs) == (_BODY, {215})


def test_names_that_begin_as_others_end() -> None:
    left_out = {2200: "public"}
    for rest, kind, oid, expected in (
        ("- public owner", "SCHEMA", 2200, False),
        ("- _flyover app owner", "SCHEMA", 7, True),
        ("- SCHEMA public owner", "COMMENT", 0, False),
        ("- SCHEMA public stuff owner", "COMMENT", 0, True),
        ("- EXTENSION citext", "COMMENT", 0, False),
        ("x EXTENSION TABLE t owner", "COMMENT", 0, True),
        ("_heroku things t owner", "TABLE", 7, True),
        ("public users _flyover_log owner", "TRIGGER", 7, False),
        ("public a _flyover_log b t owner", "TRIGGER", 7, True),
    ):
        line = archive.Line(1, kind, 0, oid, rest, "")
        assert archive.wanted(line, left_out) == expected, rest


def test_a_name_with_a_separator_of_lines() -> None:
    (line,) = archive.contents("215; 1259 16394 TABLE public a\u2028b owner\n")
    assert line.rest == "public a\u2028b owner"


class _Target:
    """Refuses what is not on a path."""

    version = 170000
    app_path = "pg_catalog, public"

    def __init__(self, path: str = "") -> None:
        self.path, self.ran = path, [""]

    @contextmanager
    def as_app(self) -> Iterator[None]:
        before, self.path = self.path, self.app_path
        yield
        self.path = before

    @contextmanager
    def transaction(self, doing: str = "") -> Iterator[None]:
        yield

    def run(self, sql: str, values: object = None, doing: str = "", rows: bool = True) -> None:
        if "needs" in sql and f"needs {self.path}\n" != sql:
            raise StateError("target", f"{doing} failed", "Correct that.", sqlstate="42883")
        self.ran.append(sql)


def _entry(sql: str) -> archive.Entry:
    return archive.Entry(1, "TABLE", 7, "public.t", frozenset(), sql)


def test_a_table_that_finds_a_function_only_as_the_app_does() -> None:
    target = _Target()
    archive.run_entries(target, [_entry("needs pg_catalog, public\n")], again_as_app=True)  # type: ignore[arg-type]
    assert "needs pg_catalog, public\n" in target.ran
    assert target.path == ""


@pytest.mark.parametrize("again_as_app", [True, False])
def test_what_the_target_cannot_take_is_to_be_changed_on_the_source(again_as_app: bool) -> None:
    with pytest.raises(StateError, match="change or drop it there") as failed:
        archive.run_entries(_Target(), [_entry("needs more\n")], again_as_app=again_as_app)  # type: ignore[arg-type]
    assert failed.value.facts["sqlstate"] == "42883"


def test_a_function_that_gets_a_path_is_noted_first() -> None:
    happened: list[object] = []
    source = SimpleNamespace(rows=lambda *_asked: [("public.f(text)",)])
    target = SimpleNamespace(version=170000, app_path="public", run=lambda sql, doing: happened.append(sql))
    given = adapt.Adaptation(source, target, None, lambda names: happened.append(list(names)))  # type: ignore[arg-type]
    assert given.cures(7, StateError("t", "c", "r", sqlstate="42883"))
    assert happened == [["public.f(text)"], "alter routine public.f(text) set search_path = public"]
