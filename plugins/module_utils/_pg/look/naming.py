# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Names as SQL that every major version reads and writes alike: newer servers quote words that are new to them."""

from __future__ import annotations

import re

# What PostgreSQL 16 and 17 began to quote. An older server prints these bare, which a newer one may not understand.
_WORDS = (
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "merge_action",
    "system_user",
)
_QUOTED_WORD = re.compile(rf'"({"|".join(_WORDS)})"')
_SQLS_OWN = re.compile(r"\bpg_catalog\.json\b")
_ARRAY = "'{" + ",".join(_WORDS) + "}'"


def quoted(name: str) -> str:
    """Return SQL that quotes O(name), an expression of type name or text, if any major version needs that."""
    text = f"{name}::text"
    return f"""case when {text} = any ({_ARRAY}) then '"' || {text} || '"' else quote_ident({text}) end"""


def dotted(schema: str, name: str) -> str:
    """Return SQL for a name with its schema."""
    return f"({quoted(schema)} || '.' || {quoted(name)})"


def relation(oid: str) -> str:
    """Return SQL for the name of the relation O(oid), an expression."""
    return (
        f"(select {dotted('its.nspname', 'it.relname')} from pg_class it "
        f"join pg_namespace its on its.oid = it.relnamespace where it.oid = {oid})"
    )


def plain(text: str) -> str:
    """Return O(text), which holds names but no data, without the quotes that only some major versions write.

    Since PostgreSQL 16 the type json is written as SQL's own, without a schema.
    """
    return _SQLS_OWN.sub("json", _QUOTED_WORD.sub(r"\1", text))


_ARGUMENT = re.compile(rf"([(,]\s*(?:(?:IN|OUT|INOUT|VARIADIC) )?)({'|'.join(_WORDS)}) (?!DEFAULT\b|IS\b)(?=\S)")
_SIGNATURE = re.compile(
    r"(?:CREATE (?:OR REPLACE )?|COMMENT ON )(?:FUNCTION|PROCEDURE|AGGREGATE) .*?(?=\n\s*(?:LANGUAGE|AS) |\) IS '|\Z)",
    re.DOTALL,
)


def arguments_quoted(sql: str) -> str:
    """Return O(sql) with quotes around arguments of functions that are named by such a word: nowhere else does a newer
    server refuse it bare.
    """
    signature = _SIGNATURE.match(sql)
    if not signature:
        return sql
    return _ARGUMENT.sub(r'\1"\2" ', signature[0]) + sql[signature.end() :]
