# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The values in a TOML text, and helpers for paths, keys and the position of an error."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.scan import (
    BARE_KEY,
    Path,
)

try:
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError, UnexpectedEofError
except ImportError:
    pass  # text.py says so before anything here is called


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Return the values in O(text); raises InputError, with line, column and excerpt, if it is not TOML."""
    try:
        data: dict[str, Any] = tomlkit.parse(text).unwrap()
    except TOMLKitError as error:
        line, column = position(text, error)
        lines = text.split("\n")
        cause = re.sub(r"( at line \d+ col \d+)?\.?$", "", str(error))
        excerpt = lines[min(line, len(lines)) - 1].strip(" \t\r")
        raise InputError(
            f"{name}, line {line}, column {column}",
            f"this is not TOML: {cause}: {excerpt!r}",
            "Correct the file; nothing was written.",
            line=line,
            column=column,
        ) from None
    return data


def position(text: str, error: TOMLKitError) -> tuple[int, int]:
    """Return line and column, both counted from 1, of the error that tomlkit found.

    For what it notices only later (a duplicate key, an unclosed array) it has no position: that error is on the line
    after the longest part of the file, from its start, that is valid TOML.
    """
    late = error.__class__ is ParseError or isinstance(error, UnexpectedEofError) or r"\x00" in str(error)
    if isinstance(error, ParseError) and not late:
        return error.line, error.col + 1
    lines = text.splitlines(keepends=True)
    for count in range(len(lines) - 1, 0, -1):
        try:
            tomlkit.parse("".join(lines[:count])).unwrap()
        except TOMLKitError:
            continue
        return count + 1, 1
    return 1, 1


def header_names(path: Path) -> list[str]:
    """Return O(path) without the indices of array elements, as in headers."""
    return [part for part in path if isinstance(part, str)]


def written_key(name: str | int) -> str:
    return str(name) if BARE_KEY.fullmatch(str(name)) else str(tomlkit.string(str(name)).as_string())


def ends_blank(text: str) -> bool:
    """Return whether O(text) ends in a blank line or is empty."""
    return not text.strip() or bool(re.search(r"\n[ \t]*\r?\n\Z", text))


def tables_in(value: Any) -> list[Mapping[str, Any]]:
    """Return the tables in O(value), which may be a table or an array of tables."""
    if isinstance(value, Mapping):
        return [value]
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def get_at(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def put_at(data: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        data = data.setdefault(part, {}) if isinstance(part, str) else data[part]
    data[path[-1]] = copy.deepcopy(value)


def pruned(value: Any) -> Any:
    """Return O(value) without empty tables and arrays."""
    if isinstance(value, Mapping):
        inner = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in ({}, [])}
    if isinstance(value, list):
        return [item for item in map(pruned, value) if item not in ({}, [])]
    return value


def same_meaning(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_meaning(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_meaning, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


class Written(str):
    """A value in TOML notation."""


def rendered(prefers_literal: bool, value: Any) -> str:
    """Return O(value) as TOML; O(prefers_literal) says whether the file mostly has single quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, str):
        return _quoted(prefers_literal, value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{written_key(k)} = {rendered(prefers_literal, v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(rendered(prefers_literal, item) for item in value) + "]"
    return str(value)


def _quoted(prefers_literal: bool, value: str) -> str:
    """Return O(value) quoted like the rest of the file, and without backslashes if possible."""
    literal = "'" not in value and value.isprintable()
    if literal and (prefers_literal or '"' in value or "\\" in value):
        return f"'{value}'"
    return str(tomlkit.string(value).as_string())
