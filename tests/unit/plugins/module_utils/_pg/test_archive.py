# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking pg_restore's output apart, whatever stands in bodies and names."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import archive

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
