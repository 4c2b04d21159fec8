# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Where each statement is in a TOML text. tomlkit has already parsed the text, so it is known to be valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Union

with suppress(ImportError):  # text.py says so
    import tomlkit

Path = tuple[Union[str, int], ...]

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = {
    '"""': re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''.*?'{3,5}", re.DOTALL),
    '"': re.compile(r'"(?:\\.|[^"\\])*"'),
    "'": re.compile(r"'[^']*'"),
}


@dataclass(frozen=True)
class Statement:
    """A table's header, an array element's header, or a key with its value; all numbers are offsets into the text."""

    kind: str
    """C(table), C(element) or C(pair)."""
    path: Path
    """From the root, with an index for each array element."""
    section: int
    """The index of the header that it belongs to among the statements: a header's own, or -1 for none."""
    start: int
    """Where its first line starts."""
    end: int
    """Where the line after its last line starts."""
    keys: tuple[tuple[int, int], ...]
    """Start and end of each part of its key, as written."""
    value: tuple[int, int] = (0, 0)

    def within(self, path: Path) -> bool:
        """Return whether it is at or below O(path)."""
        return self.path[: len(path)] == path


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a TOML text; between them are only comments and blank lines."""
    position = 0
    index = section = -1
    header: Path = ()
    elements: dict[Path, int] = {}  # arrays of tables written with headers, and their number of elements so far
    while position < len(text):
        start = position
        position = _skip(text, position)
        if position == len(text) or text[position] in "\r\n#":
            position = line_end(text, position)
            continue
        index += 1
        if text[position] == "[":
            array = text.startswith("[[", position)
            names, keys, position = _key_path(text, position + (2 if array else 1))
            position = line_end(text, position)
            header = (*_resolved(names[:-1], elements), names[-1])
            if array:
                elements[header] = elements.get(header, 0) + 1
                header = (*header, elements[header] - 1)
            section = index
            yield Statement("element" if array else "table", header, index, start, position, keys)
        else:
            names, keys, position = _key_path(text, position)
            position = _skip(text, position + 1)  # past the =
            value = (position, _value_end(text, position))
            position = line_end(text, value[1])
            yield Statement("pair", (*header, *names), section, start, position, keys, value)


def line_end(text: str, position: int) -> int:
    """Return the offset after the end of the line that O(position) is in, including its line break."""
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def _resolved(names: tuple[str, ...], elements: Mapping[Path, int]) -> Path:
    """Return the path of O(names), through the last element of each array of tables on the way."""
    path: Path = ()
    for name in names:
        path = (*path, name)
        if path in elements:
            path = (*path, elements[path] - 1)
    return path


def _key_path(text: str, position: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...], int]:
    """Return a dotted key's parts, their extents, and the offset of what follows (= or ])."""
    names, keys = [], []
    while True:
        start = _skip(text, position)
        position = _string_end(text, start) if text[start] in "\"'" else _past(BARE_KEY, text, start)
        names.append(_key_name(text[start:position]))
        keys.append((start, position))
        position = _skip(text, position)
        if not text.startswith(".", position):
            return tuple(names), tuple(keys), position
        position += 1


@cache
def _key_name(written: str) -> str:
    return str(tomlkit.value(written)) if written[0] in "\"'" else written


def _value_end(text: str, position: int) -> int:
    if text[position] in "\"'":
        return _string_end(text, position)
    if text[position] not in "[{":
        rest = re.compile(r"[^#\r\n]*").match(text, position)
        return position + len(rest.group().rstrip(" \t")) if rest else position
    depth = 0
    while True:
        character = text[position]
        if character in "\"'":
            position = _string_end(text, position)
            continue
        if character == "#":
            position = line_end(text, position)
            continue
        depth += (character in "[{") - (character in "]}")
        position += 1
        if depth == 0:
            return position


def _string_end(text: str, position: int) -> int:
    quote = text[position : position + 3]
    return _past(_STRINGS.get(quote, _STRINGS[quote[0]]), text, position)


def _past(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    if found is None:
        raise ValueError("tomlkit accepted text that is not valid TOML")
    return found.end()


def _skip(text: str, position: int) -> int:
    return len(text) - len(text[position:].lstrip(" \t"))
