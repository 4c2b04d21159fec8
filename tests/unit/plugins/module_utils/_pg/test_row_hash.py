# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each column goes into the hash of a row."""

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.row_hash import Column, expression, hashes

_C = 'collate pg_catalog."C"'


@pytest.mark.parametrize(
    ("column", "form"),
    [
        (Column("a", "int8"), "a"),
        (Column("a", "uuid", domain=True), "a::pg_catalog.uuid"),
        (Column("a", "char"), "a"),
        (Column("a", "char", domain=True), 'a::pg_catalog."char"'),
        (Column("a", "numeric"), "pg_catalog.numeric_send(a)"),
        (Column("a", "bpchar"), "pg_catalog.bpcharsend(a)"),
        (Column("a", "float8"), f"a, case when a = '0'::pg_catalog.float8 then a::pg_catalog.text {_C} end"),
        (Column("a", "varchar"), f"(a::pg_catalog.text) {_C}"),
        (Column("a", "", is_enum=True), f"(a::pg_catalog.text) {_C}"),
        (Column("a", "", like_text=True), f"(a::pg_catalog.text) {_C}"),
        (Column("a", "", element="int4"), "pg_catalog.array_send(a)"),
        # What a server sends with its own oids, or hashes by another equality, is hashed as text.
        (Column("a", "", element="float8"), f"(row(a)::pg_catalog.text) {_C}"),
        (Column("a", "", element="?"), f"(row(a)::pg_catalog.text) {_C}"),
        (Column("a", "", element="int4", domain=True), f"(row(a)::pg_catalog.text) {_C}"),
        (Column("a", "numrange"), f"(row(a)::pg_catalog.text) {_C}"),
        (Column("a", "regclass"), f"(row(a)::pg_catalog.text) {_C}"),
        (Column("a", ""), f"(row(a)::pg_catalog.text) {_C}"),
    ],
)
def test_the_form_of_a_column(column: Column, form: str) -> None:
    inner = f"pg_catalog.hash_record_extended(row({form}), 0)"
    assert expression([column], True) == f"pg_catalog.hashfloat8extended({inner}::pg_catalog.float8, 0)"


def test_what_has_no_form_of_its_own_goes_together() -> None:
    columns = [Column("p", "point"), Column("a", "int4"), Column("h", "")]
    assert f"row(a, (row(p, h)::pg_catalog.text) {_C})" in expression(columns, True)
    assert "row((row()::pg_catalog.text)" in expression([], True)


def test_text_that_is_not_utf8_is_converted() -> None:
    assert "pg_catalog.convert_to(a::pg_catalog.text, 'UTF8')" in expression([Column("a", "text")], False)
    assert "convert_to(row(a)::pg_catalog.text, 'UTF8')" in expression([Column("a", "point")], False)


def test_more_columns_than_a_row_can_have() -> None:
    many = [Column(f"c{number}", "float8") for number in range(1000)]
    assert expression(many, True).count("case when") == 0
    assert "row(c0, c1, " in expression(many, True)


def test_what_a_server_computes_is_hashed_apart() -> None:
    found = hashes([Column("a", "int4"), Column("g", "int4", generated=True)], True)
    assert ("row(a)" in found.written, "row(g)" in found.generated) == (True, True)
    assert hashes([Column("a", "int4")], True).generated == ""
