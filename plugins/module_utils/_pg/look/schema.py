# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A schema as rows from the catalogs, so that servers of different major versions can be compared without pg_dump.

This is the copy's independent witness: the copy itself goes by pg_dump's archive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import plain, words_quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.other_kinds import QUERIES as OTHERS
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.relation_kinds import QUERIES as RELATIONS
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

QUERIES = (*RELATIONS, *OTHERS)
"""What defines the objects of each kind; search_path is empty, so every name in a text is qualified."""

# Kinds that a provider may have put on the target before us, and that hold no rows.
_PROVIDERS_OWN = ("schema",)


class Part(NamedTuple):
    """A piece of SQL that each server prints in its own way."""

    how: str
    """What kind of SQL it is; see meaning.py."""
    scope: str
    """Where its names are looked up."""
    sql: str | None


class Definition(NamedTuple):
    """One object and what defines it."""

    kind: str
    name: str
    text: str
    parts: tuple[Part, ...]
    catalog: str
    oid: int


class Difference(NamedTuple):
    """One object that is not the same on both sides."""

    kind: str
    name: str
    difference: str


class Pair(NamedTuple):
    """An object whose parts source and target print differently."""

    source: Definition
    target: Definition

    @property
    def digest(self) -> str:
        """What stands for this pair once both are known to mean the same."""
        return hashlib.sha256(repr((self.source[:4], self.target[:4])).encode()).hexdigest()[:32]

    @property
    def questions(self) -> list[tuple[Part, Part]]:
        """The parts that are printed differently."""
        return [(one, other) for one, other in zip(self.source.parts, self.target.parts) if one.sql != other.sql]


Judge = Callable[[Sequence[Pair]], Iterable[bool]]


def definitions(session: Session, without: Collection[tuple[str, int]] = ()) -> list[Definition]:
    """Return every object that a copy moves, except those in O(without), by catalog and oid."""
    sql = " union all ".join(
        f"select '{kind}', '{catalog}', q.oid::bigint, q.name::text, q.definition::text, q.parts "
        f"from ({query}) q(oid, name, definition, parts)"
        for kind, catalog, query in QUERIES
    )
    found = [
        Definition(
            kind,
            plain(name),
            plain(text or "") if kind != "comment" else text,
            tuple(Part(how, plain(scope), words_quoted(part) if part else part) for how, scope, part in parts or []),
            catalog,
            oid,
        )
        for kind, catalog, oid, name, text, parts in session.rows(sql)
    ]
    left = set(without)
    left |= {("pg_description", oid) for _catalog, oid in without}
    return sorted(one for one in found if (one.catalog, one.oid) not in left)


def differences(source: Sequence[Definition], target: Sequence[Definition], judge: Judge) -> list[Difference]:
    """Return what is missing on the target, differs there, or is only there.

    O(judge) decides whether objects that are printed differently mean the same.
    """
    on_target = {(one.kind, one.name): one for one in target}
    on_source = {(one.kind, one.name): one for one in source}
    found = []
    undecided = []
    for key, one in on_source.items():
        other = on_target.get(key)
        if other is None:
            found.append(Difference(*key, "missing on the target"))
        elif one.text != other.text or [p.how for p in one.parts] != [p.how for p in other.parts]:
            found.append(Difference(*key, "differs"))
        elif Pair(one, other).questions:
            undecided.append(Pair(one, other))
    for pair, same in zip(undecided, judge(undecided)):
        if not same:
            found.append(Difference(pair.source.kind, pair.source.name, "differs"))
    found += [
        Difference(*key, "only on the target")
        for key in on_target
        if key not in on_source and key[0] not in _PROVIDERS_OWN
    ]
    return sorted(found)
