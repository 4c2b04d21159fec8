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
# In quotes there is data, another name, or a function's body, in which nothing may be replaced.
_IN_QUOTES = r"""'[^']*'|"[^"]*"|(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)"""
_QUOTED_WORD = re.compile(rf"""'[^']*'|"(?P<word>{"|".join(_WORDS)})"|"[^"]*"|\bpg_catalog\.(?P<type>json)\b""")
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
    """Return O(text), in which all data is quoted, without the quotes of names that only some major versions write.

    Since PostgreSQL 16 the type json is written as SQL's own, without a schema.
    """
    return _QUOTED_WORD.sub(lambda found: found["word"] or found["type"] or found[0], text)


# What a newer server refuses bare, or takes for something else: the name of a function's argument, and system_user
# anywhere, which every server writes in capitals where it means SQL's own.
_ARGUMENT = re.compile(
    rf"{_IN_QUOTES}|(?P<before>[(,]\s*(?:(?:IN|OUT|INOUT|VARIADIC) )?)(?P<word>{'|'.join(_WORDS)}) "
    r"(?!DEFAULT\b|IS\b)(?=\S)",
    re.DOTALL,
)
_RESERVED = re.compile(rf"{_IN_QUOTES}|(?<![\w.$])(?P<word>system_user)(?![\w$])", re.DOTALL)
_SIGNATURE = re.compile(
    r"(?:CREATE (?:OR REPLACE )?|COMMENT ON )(?:FUNCTION|PROCEDURE|AGGREGATE) "
    r"""(?:'[^']*'|"[^"]*"|[^'"])*?(?=\n\s*(?:LANGUAGE|AS) |\) IS '|\Z)"""
)


def words_quoted(sql: str) -> str:
    """Return O(sql), which a server printed, with quotes around names that a newer server refuses bare or takes for
    words of its own. Functions' bodies that are text are their author's.
    """
    signature = _SIGNATURE.match(sql)
    if signature:
        arguments = _ARGUMENT.sub(
            lambda found: f'{found["before"]}"{found["word"]}" ' if found["word"] else found[0], signature[0]
        )
        sql = arguments + sql[signature.end() :]
    return _RESERVED.sub(lambda found: f'"{found["word"]}"' if found["word"] else found[0], sql)
