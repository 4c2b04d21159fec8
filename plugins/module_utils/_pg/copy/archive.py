# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The source's schema as pg_dump writes it, without what must not or cannot travel."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.kinds import KINDS, LEFT_BEHIND
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import words_quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import HIDDEN_SCHEMAS, LOG_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.tools import Tools
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

_COMMENT_LEFT_BEHIND = ("EVENT TRIGGER", "PUBLICATION", "SUBSCRIPTION", "SERVER", "FOREIGN", "DATABASE", "EXTENSION")
"""What pg_dump lists without a schema."""

# "215; 1259 16394 TABLE public users owner"; names may be in capitals like kinds.
_LINE = re.compile(
    rf"(?P<id>\d+); (?P<catalog>\d+) (?P<oid>\d+) (?P<kind>{'|'.join(KINDS)}|[A-Z][A-Z ]*[A-Z]) (?P<rest>\S.*)"
)
_HEADER = re.compile(
    r"^--\n-- TOC entry (?P<id>\d+) \(class (?P<catalog>\d+) OID (?P<oid>\d+)\)\n"
    r"(?:-- Dependencies: (?P<needs>[\d ]+)\n)?"
    r"-- Name: (?P<name>.*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>.*); Owner: .*\n"
    r"(?:-- Data Pos: \d+\n)?--\n",
    re.MULTILINE,
)
UNKNOWN_NAMES = ("3F", "42")
"""Errors about names that are not found, or not in that form."""
_CHANGE_IT = "The target's PostgreSQL does not take it as it is on the source: change or drop it there, then run again."

# What follows the last entry: the time, and a command for psql that newer clients write.
_END = re.compile(
    r"(\n-- Completed on [^\n]*)?\s*(--\n-- PostgreSQL database dump complete\n--\n\s*(\\unrestrict [^\n]*\s*)?)?\Z"
)
_LOOK_AT_ROWS = ("CHECK CONSTRAINT", "CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "TABLE ATTACH")
# Kinds of entries that stay behind with the object that they are about.
_GOES_WITH = ("COMMENT", "TABLE ATTACH", "SEQUENCE OWNED BY", "DEFAULT", "TRIGGER", "CHECK CONSTRAINT")


class Line(NamedTuple):
    """One line of an archive's table of contents."""

    id: int
    kind: str
    catalog: int
    oid: int
    rest: str
    """Schema (or a dash), name and owner, separated by spaces; names may contain spaces too."""
    text: str


@dataclass(frozen=True)
class Entry:
    """One object of the archive, with the SQL that makes it."""

    id: int
    kind: str
    oid: int
    """The object's oid on the source."""
    name: str
    needs: frozenset[int]
    """Ids of the entries that come first."""
    sql: str

    @property
    def label(self) -> str:
        """What to call the object in an error."""
        return f"{self.kind.lower()} {self.name}"


def contents(text: str) -> list[Line]:
    """Return the lines of C(pg_restore --list)."""
    found = []
    # Not splitlines(): names may hold what else it takes for a line's end.
    for line in text.split("\n"):
        parts = _LINE.fullmatch(line)
        if parts:
            oids = int(parts["catalog"]), int(parts["oid"])
            found.append(Line(int(parts["id"]), parts["kind"], *oids, parts["rest"], line))
    return found


def wanted(line: Line, left_out: Mapping[int, str]) -> bool:
    """Return whether an entry is to be made; O(left_out) are schemas and extensions, by their oids on the source.

    What lies in hidden schemas is not in the archive. Names may hold spaces, and begin as others' kinds or schemas do.
    """
    if line.kind in LEFT_BEHIND:
        return False
    if line.kind in ("SCHEMA", "EXTENSION"):
        return line.oid not in left_out
    if line.kind == "COMMENT":
        # On what is there already, the comment is its owner's.
        existing = "|".join(re.escape(name) for name in left_out.values())
        return not re.fullmatch(rf"- (?:(?:{'|'.join(_COMMENT_LEFT_BEHIND)}) .*|SCHEMA (?:{existing}) \S+)", line.rest)
    # The change log's triggers stand on the app's tables.
    return not (line.kind == "TRIGGER" and re.fullmatch(rf".* {LOG_SCHEMA} \S+", line.rest))


class Archive:
    """A schema-only archive of the source, taken under a snapshot."""

    def __init__(
        self,
        tools: Tools,
        source: Address,
        thing: str,
        folder: str,
        snapshot: str,
        left_out: Mapping[int, str],
        left_behind: Collection[tuple[int, int]] = (),
    ) -> None:
        """Dump O(source) into O(folder).

        There are no entries for the schemas and extensions O(left_out), by oid, nor for objects O(left_behind), by
        their catalog's oid and their own.
        """
        self._tools = tools
        self._thing = thing
        self._file = os.path.join(folder, "schema.dump")
        self._list = os.path.join(folder, "schema.list")
        arguments = ["--format=custom", "--compress=0", "--schema-only", "--no-owner", "--no-privileges"]
        arguments += ["--no-security-labels", "--no-publications", "--no-subscriptions", "--lock-wait-timeout=30000"]
        arguments += [f"--exclude-schema={schema}" for schema in HIDDEN_SCHEMAS]
        tools.dump(source, [*arguments, f"--snapshot={snapshot}", f"--file={self._file}"], thing)
        lines = contents(tools.restore(["--list", self._file], thing))
        gone = {line.id for line in lines if line.kind in LEFT_BEHIND or (line.catalog, line.oid) in left_behind}
        self._kept = [line for line in lines if line.id not in gone and wanted(line, left_out)]
        self._gone = gone
        with open(self._list, "w", encoding="utf-8") as stream:
            stream.writelines(f"{line.text}\n" for line in self._kept)

    def entries(self, section: str) -> list[Entry]:
        """Return the entries of V(pre-data) or V(post-data), in an order in which they can be made."""
        text = self._tools.restore(
            [
                "--verbose",
                f"--section={section}",
                "--no-owner",
                "--no-privileges",
                "--no-tablespaces",
                f"--use-list={self._list}",
                "--file=-",
                self._file,
            ],
            self._thing,
        )
        return [
            entry
            for entry in split(text, {line.id: line for line in self._kept})
            if not (entry.kind in _GOES_WITH and entry.needs & self._gone)
        ]


def split(text: str, lines: Mapping[int, Line]) -> Iterable[Entry]:
    """Split the output of C(pg_restore --verbose) at the comments that it writes before each entry.

    A comment about none of O(lines), or about one that came before, is part of a function's body or the like.
    """
    headers = []
    left = dict(lines)
    for header in _HEADER.finditer(text):
        line = left.get(int(header["id"]))
        if line and (line.kind, line.catalog, line.oid) == (
            header["kind"],
            int(header["catalog"]),
            int(header["oid"]),
        ):
            headers.append(header)
            del left[line.id]
    end = _END.search(text)
    for header, following in zip(headers, [*headers[1:], None]):
        sql = text[header.end() : following.start() if following else end.start() if end else None]
        yield Entry(
            id=int(header["id"]),
            kind=header["kind"],
            oid=int(header["oid"]),
            name=f"{header['schema']}.{header['name']}" if header["schema"] != "-" else header["name"],
            needs=frozenset(int(number) for number in (header["needs"] or "").split()),
            sql=words_quoted(sql.strip()) + "\n",
        )


def digest(entries: Iterable[Entry]) -> str:
    """Return what is the same for archives of the same schema."""
    return hashlib.sha256(repr([(entry.id, entry.sql) for entry in entries]).encode()).hexdigest()


# As at the top of pg_restore's output: entries are written for these settings.
SCRIPT_SETTINGS = """
set check_function_bodies = false;
set standard_conforming_strings = on;
set default_tablespace = '';
set default_table_access_method = heap;
select set_config('search_path', '', false);
"""


def run_entries(
    session: Session,
    entries: Sequence[Entry],
    cures: Callable[[int, StateError], bool] = lambda _oid, _error: False,
    again_as_app: bool = False,
) -> None:
    """Make O(entries) on the target, many per round trip; raises StateError, which names the entry.

    O(cures) may do something about an error of the object with that oid on the source, and say that it did. With
    O(again_as_app) what does not find a name is made under the app's search_path: the server looks into the functions
    that an expression calls already when it is written down.
    """
    for start in range(0, len(entries), 100):
        chunk = entries[start : start + 100]
        try:
            make(session, chunk, "making the schema")
        except StateError:
            for entry in chunk:  # one by one, to name the one that fails
                _make_one(session, entry, cures, again_as_app)


def _make_one(session: Session, entry: Entry, cures: Callable[[int, StateError], bool], again_as_app: bool) -> None:
    doing = f"making {entry.label}"
    try:
        return make(session, [entry], doing)
    except StateError as error:
        failed = error
    state = str(failed.facts.get("sqlstate", ""))
    if state == "42501" or not state.startswith(UNKNOWN_NAMES):
        raise failed
    try:
        if again_as_app:
            with session.as_app():
                return make(session, [entry], doing)
        if cures(entry.oid, failed):
            return make(session, [entry], doing)
    except StateError as error:
        failed = error
    raise StateError(failed.thing, failed.cause, _CHANGE_IT, **failed.facts)


def make(session: Session, entries: Sequence[Entry], doing: str) -> None:
    """Make O(entries) on the target, and note that, in one transaction."""
    with session.transaction(doing=doing):
        rows = any(entry.kind in _LOOK_AT_ROWS for entry in entries)
        session.run("\n".join(entry.sql for entry in entries), doing=doing, rows=rows)
        marker.record_entries(session, [entry.id for entry in entries])
