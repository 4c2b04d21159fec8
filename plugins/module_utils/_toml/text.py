# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""TOML text, edited in place: a change replaces only the characters that it affects.

tomlkit parses the text, reports errors, and edits inside arrays and inline tables. This module decides where a key or
table goes, because tomlkit appends tables at the end and keys below the comments of what follows, does not support a
BOM, and joins an array of tables that is spread over the file. Each edit is checked before it is accepted: parsed
again, the text must have its former values plus the change.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.scan import (
    Path,
    Statement,
    statements,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.values import (
    Written,
    ends_blank,
    get_at,
    header_names,
    parse_toml,
    pruned,
    put_at,
    rendered,
    same_meaning,
    tables_in,
    written_key,
)

try:
    import tomlkit
except ImportError:
    HAS_TOMLKIT = False
else:
    HAS_TOMLKIT = True

_BOM = "\ufeff"
_INDENT = "  "


class TomlText:
    """One TOML document while it is edited."""

    def __init__(self, text: str, name: str, order: Sequence[str] = ()) -> None:
        """Take O(text), its O(name) for errors, and the O(order) of top-level tables.

        Raises InputError, with line, column and excerpt, for text that is not TOML, and StateError without tomlkit.
        """
        if not HAS_TOMLKIT:
            raise StateError(
                "Python library tomlkit",
                missing_required_lib("tomlkit").split("\n")[0],
                "Install it for the Python that runs the module: pip install tomlkit",
            )
        self._bom = _BOM if text.startswith(_BOM) else ""
        self._name = name
        self._order = list(order)
        self._take(text[len(self._bom) :])
        self._newline = "\r\n" if re.match(r"[^\n]*\r\n", self._text) else "\n"
        pairs = [statement for statement in self._statements if statement.kind == "pair"]
        quotes = [self._text[pair.value[0]] for pair in pairs]
        self._literal = quotes.count("'") > quotes.count('"')
        outer = [
            pair for pair in pairs if pair.section >= 0 and len(header_names(self._statements[pair.section].path)) == 1
        ]
        indents = Counter(self._text[pair.start : pair.keys[0][0]] for pair in outer)
        self._indent = max(indents, key=lambda indent: (indents[indent], len(indent)), default=_INDENT)
        tight = [pair.keys[-1][1] + 1 == pair.value[0] for pair in pairs]
        self._equals = "=" if tight.count(True) > len(tight) / 2 else " = "

    @property
    def text(self) -> str:
        """The whole text in its current state."""
        return self._bom + self._text

    def get(self, path: Path) -> Any:
        """Return the value at O(path), or None."""
        return get_at(self._data, path)

    def set(self, path: Path, value: Any, after: Sequence[str] = ()) -> None:
        """Set O(path) to a string, number, boolean, list of strings, or a dict for a new top-level table.

        A new key goes below the last of its table, in the top level preferably below the last of O(after).
        """
        old = self.get(path)
        if old == value and isinstance(old, type(value)):
            return
        wanted = copy.deepcopy(self._data)
        put_at(wanted, path, value)
        exact, holder = self._pair(path), self._holder(path)
        if exact:
            self._replace(exact.value, self._rendered_over(exact, value))
        elif holder:
            self._replace(holder.value, self._inside(holder, path, value))
        elif isinstance(value, Mapping):
            self._add_table(path, value, "[{}]")
        else:
            self._add_pair(path, rendered(self._literal, value), after)
        self._check(wanted)

    def append(self, path: Path, element: Mapping[str, Any]) -> None:
        """Add O(element) to the array of tables at O(path), which need not exist."""
        wanted = copy.deepcopy(self._data)
        count = len(self.get(path) or [])
        if not count:
            put_at(wanted, path, [])
        get_at(wanted, path).append(copy.deepcopy(dict(element)))
        inline = self._pair(path)
        header = next((s for s in self._statements if s.path == (*path, count - 1)), None)
        if inline:
            self._replace(inline.value, self._inside(inline, (*path, count), element))
        elif header:
            end = max(s.end for s in self._statements if s.within(header.path))
            indent = re.match(r"[ \t]*", self._text[header.start :])
            self._insert_block(end, self._block(path, element, "[[{}]]", indent.group() if indent else ""))
        else:
            self._add_table(path, element, "[[{}]]")
        self._check(wanted)

    def rename(self, path: Path, key: str) -> None:
        """Rename the key at O(path) in place."""
        exact, holder = self._pair(path), self._holder(path)
        wanted = copy.deepcopy(self._data)
        parent = get_at(wanted, path[:-1])
        parent[key] = parent.pop(path[-1])
        if exact:
            self._replace(exact.keys[-1], written_key(key))
        elif holder and holder.path == path[:-1]:
            document, written = self._opened(holder)
            table = tomlkit.inline_table()
            for name, item in document["v"].items():
                table.append(key if name == path[-1] else name, item)
            document["v"] = table
            self._replace(holder.value, self._closed(document, written, written, table.as_string()))
        else:
            value = self.get(path)
            self.remove(path)
            self.set((*path[:-1], key), value)
            return
        self._check(wanted)

    def remove(self, path: Path, comment: bool = False) -> None:
        """Remove the key, table or array element at O(path); with O(comment) also the comment lines above it."""
        wanted = copy.deepcopy(self._data)
        del get_at(wanted, path[:-1])[path[-1]]
        holder = self._holder(path)
        if holder and self._pair(path) is None:
            self._replace(holder.value, self._inside(holder, path, None))
        else:
            extents = list(self._extents(path))
            if comment and extents:
                start, end = extents[0]
                first = next(s for s in self._statements if s.start == start)
                extents[0] = (self._commented(start) if first.kind == "pair" else self._above(first), end)
            for extent in reversed(extents):
                self._cut(*extent)
        self._check(wanted, ignore_empty=True)

    def make_array(self, path: Path) -> bool:
        """Turn the table with a header at O(path) into an array with one element; return False if it has no header."""
        inside = [s for s in self._statements if s.within(path)]
        if not inside or inside[0].kind != "table" or len({s.section for s in inside}) > 1:
            return False
        wanted = copy.deepcopy(self._data)
        put_at(wanted, path, [self.get(path)])
        closing = self._text.index("]", inside[0].keys[-1][1])
        self._replace((closing, closing), "]")
        opening = self._text.index("[", inside[0].start)
        self._replace((opening, opening), "[")
        self._check(wanted)
        return True

    def _take(self, text: str) -> None:
        self._text = text
        self._data = parse_toml(text, self._name)
        self._statements = list(statements(text))

    def _check(self, wanted: Mapping[str, Any], ignore_empty: bool = False) -> None:
        self._take(self._text)
        found: Mapping[str, Any] = self._data
        if ignore_empty:  # a removal also removes tables that were only implied, or leaves them empty
            found, wanted = pruned(found), pruned(wanted)
        if not same_meaning(found, wanted):
            raise StateError(
                self._name,
                "an edit would have changed more than it should",
                "Nothing was written. This is a bug in the collection: please report it with the file.",
            )

    # Finding.

    def _pair(self, path: Path) -> Statement | None:
        return next((s for s in self._statements if s.kind == "pair" and s.path == path), None)

    def _holder(self, path: Path) -> Statement | None:
        """Return the pair whose value, an array or inline table, contains O(path)."""
        return next((s for s in self._statements if s.kind == "pair" and path[: len(s.path)] == s.path != path), None)

    def _extents(self, path: Path) -> Iterator[tuple[int, int]]:
        """Yield the extents of the lines at O(path), in the text's order."""
        for index, statement in enumerate(self._statements):
            if not statement.within(path):
                continue
            if statement.kind != "pair":
                yield statement.start, max(s.end for s in self._statements if s.section == index)
            elif statement.section < 0 or not self._statements[statement.section].within(path):
                yield statement.start, statement.end

    def _above(self, header: Statement) -> int:
        """Return where the comment of O(header) starts: the lines directly above it, after a blank line."""
        start = header.start
        while start > 0:
            line_start = self._text.rfind("\n", 0, start - 1) + 1
            line = self._text[line_start:start].strip()
            if not line:
                return start
            if not line.startswith("#"):
                return header.start  # these comments belong to what is above them
            start = line_start
        return header.start  # the file's own heading

    def _commented(self, start: int) -> int:
        """Return where the comment lines directly above O(start) start; the file's own heading does not count."""
        top = start
        while top > 0:
            above = self._text.rfind("\n", 0, top - 1) + 1
            if not self._text[above:top].lstrip().startswith("#"):
                return top
            top = above
        return start

    # Changing the text. Until the next _take, the offsets of statements are valid up to the place of a change.

    def _replace(self, extent: tuple[int, int], text: str) -> None:
        self._text = self._text[: extent[0]] + text + self._text[extent[1] :]

    def _cut(self, start: int, end: int) -> None:
        before, after = self._text[:start], self._text[end:]
        if ends_blank(before):
            after = re.sub(r"\A([ \t]*\r?\n)+", "", after)
        if not after:
            before = re.sub(r"(\n)([ \t]*\r?\n)+\Z", r"\1", before)
        self._text = before + after

    def _add_pair(self, path: Path, value: str, after: Sequence[str]) -> None:
        parent, key = path[:-1], written_key(path[-1])
        index = next((i for i, s in enumerate(self._statements) if s.kind != "pair" and s.path == parent), -1)
        pairs = [s for s in self._statements if s.kind == "pair"]
        if index >= 0 or not parent:
            pairs = [s for s in pairs if s.section == index]
            pairs = [s for s in pairs if s.path[0] in after] or pairs
        else:  # the table may exist through dotted keys
            pairs = [s for s in pairs if s.within(parent) and len(s.path) - len(s.keys) < len(parent)]
            if pairs:
                parts = pairs[-1].keys[: len(parent) - len(pairs[-1].path)]
                key = f"{self._text[parts[0][0] : parts[-1][1]]}.{key}"
        if pairs:
            last = pairs[-1]
            equals = self._equals_below([pair for pair in pairs if pair.section == last.section], key)
            self._insert_line(last.end, f"{self._text[last.start : last.keys[0][0]]}{key}{equals}{value}")
        elif index >= 0:
            header = self._statements[index]
            outer = self._text[header.start : self._text.index("[", header.start)]
            self._insert_line(header.end, f"{outer}{self._indent}{key}{self._equals}{value}")
        elif not parent:
            first = next(iter(self._statements), None)
            line = f"{key}{self._equals}{value}{self._newline}"
            self._insert_block(self._above(first) if first else len(self._text), line)
        else:
            self._add_table(parent, {str(path[-1]): Written(value)}, "[{}]")

    def _equals_below(self, pairs: Sequence[Statement], key: str) -> str:
        """Return the C(=) for O(key) below O(pairs): in their common column if they have one, else like the last."""
        last = pairs[-1]
        if last.keys[-1][1] + 1 == last.value[0]:
            return "="
        columns = {self._text.index("=", pair.keys[-1][1]) - pair.keys[0][0] for pair in pairs}
        lengths = {pair.keys[-1][1] - pair.keys[0][0] for pair in pairs}
        padding = min(columns) - len(key) if len(columns) == 1 and len(lengths) > 1 else 1
        return " " * max(padding, 1) + "= "

    def _add_table(self, path: Path, table: Mapping[str, Any], header: str) -> None:
        """Add a table above its own inner tables, otherwise where the order puts it, otherwise at the end."""
        later = self._order[self._order.index(str(path[0])) + 1 :] if path[0] in self._order else []
        headers = [s for s in self._statements if s.kind != "pair"]
        follower = next((s for s in headers if s.within(path)), None)
        follower = follower or next((s for s in headers if s.path[0] in later), None)
        self._insert_block(self._above(follower) if follower else len(self._text), self._block(path, table, header))

    def _block(self, path: Path, table: Mapping[str, Any], header: str, indent: str = "") -> str:
        """Return the lines of a table: its header, its values, then the tables in it."""
        inner = indent + self._indent
        lines = [indent + header.format(".".join(map(written_key, header_names(path))))]
        values = {
            written_key(key): rendered(self._literal, value) for key, value in table.items() if not tables_in(value)
        }
        lines += [f"{inner}{key}{self._equals}{value}" for key, value in values.items()]
        text = "".join(line + self._newline for line in lines)
        for key, value in table.items():
            for element in tables_in(value):
                inner_header = "[{}]" if isinstance(value, Mapping) else "[[{}]]"
                text += self._newline + self._block((*path, key), element, inner_header, inner)
        return text

    def _insert_line(self, position: int, line: str) -> None:
        before, after = self._text[:position], self._text[position:]
        # A file without a line break at its end stays like that.
        self._text = before + line + self._newline + after if before.endswith("\n") else before + self._newline + line

    def _insert_block(self, position: int, block: str) -> None:
        """Insert O(block) with a blank line before and after it."""
        before, after = self._text[:position], self._text[position:]
        if before and not before.endswith("\n"):
            before += self._newline
        if not ends_blank(before):
            before += self._newline
        if after and not re.match(r"[ \t]*(\r?\n|\Z)", after):
            block += self._newline
        self._text = before + block + after

    # Writing values.

    def _rendered_over(self, pair: Statement, value: Any) -> str:
        """Replace a value with O(value); a list keeps the layout of the old one."""
        old = self.get(pair.path)
        if not isinstance(value, list) or not isinstance(old, list) or not old:
            return rendered(self._literal, value)
        document, written = self._opened(pair)
        array: Any = document["v"]
        fresh = [item for item in value if item not in old]
        for index in reversed(range(len(old))):
            if old[index] in value and old[index] not in old[:index]:
                continue
            if index < len(value) and value[index] in fresh:
                fresh.remove(value[index])
                array[index] = self._item(value[index])
            else:
                del array[index]
        for item in fresh:
            array.append(self._item(item))
        return self._closed(document, written) if document.unwrap()["v"] == value else rendered(self._literal, value)

    def _inside(self, holder: Statement, path: Path, value: Any) -> str:
        """Return the text of O(holder)'s value with O(value) at O(path) inside it; None removes."""
        document, written = self._opened(holder)
        container: Any = document["v"]
        for part in path[len(holder.path) : -1]:
            if isinstance(part, str) and part not in container:
                container[part] = tomlkit.inline_table()
            container = container[part]
        before = container.as_string()
        if value is None:
            del container[path[-1]]
        elif path[-1] == len(container):
            container.append(self._item(value))
        else:
            container[path[-1]] = self._item(value)
        return self._closed(document, written, before, container.as_string())

    def _item(self, value: Any) -> Any:
        return tomlkit.value(rendered(self._literal, value))

    def _opened(self, pair: Statement) -> tuple[Any, str]:
        written = self._text[slice(*pair.value)]
        return tomlkit.parse(f"v = {written}"), written

    def _closed(self, document: Any, written: str, before: str = "", after: str = "") -> str:
        """Return the text of what _opened() opened, with O(before), if given, replaced by O(after)."""
        text = str(document.as_string())[len("v = ") :]
        # tomlkit drops the space before the closing brace, and keeps that of a removed first key.
        if before.startswith("{ ") and before.endswith(" }") and text.count(after) == 1:
            text = text.replace(after, re.sub(r"\s*}\Z", " }", re.sub(r"\A{\s*", "{ ", after)))
        if written.startswith("{ ") and written.endswith(" }"):
            text = re.sub(r"\s*}\Z", " }", text)
        if self._newline == "\r\n":
            text = re.sub(r"(?<!\r)\n", "\r\n", text)
        return text
