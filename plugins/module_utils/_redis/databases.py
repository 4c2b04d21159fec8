# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The numbered databases of a source, and which of them the target has."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import findings
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import Eyes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes, Selection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import Address, connected
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection, Refused

MOST_LOOKED_AT = 10000  # keys, for their prefixes


@dataclass
class Plan:
    """Which database goes where; those in O(left) do not exist on the target, or were not asked for."""

    keys: dict[int, int]
    pairs: list[tuple[Address, Address]] = field(default_factory=list)
    left: dict[int, Prefixes] = field(default_factory=dict)
    asked: bool = True

    def findings(self) -> list[dict[str, str]]:
        """Return the findings about databases that are left behind."""
        return findings.databases(self.left, self.asked)

    def sources(self, source: Address) -> list[Address]:
        """Return the databases of the source that have keys and are not left behind."""
        return [source.other(number) for number, count in self.keys.items() if count and number not in self.left]


def plan(connection: Connection, source: Address, target: Address | None) -> Plan:
    """Decide by the source's own statistics. A URL that names a database other than 0 asks only for that one."""
    keys = _keys(connection, source)
    found = Plan(keys, asked=not source.chosen)
    for number, count in keys.items():
        if number == source.database:
            if target is not None:
                found.pairs.append((source, target))
        elif count and (source.chosen or (target is not None and not _has(target, number))):
            found.left[number] = _prefixes(source.other(number))
        elif count and target is not None:
            found.pairs.append((source.other(number), target.other(number)))
    return found


def _keys(connection: Connection, source: Address) -> dict[int, int]:
    keys = {source.database: int(connection.call("DBSIZE"))}
    answer = connection.pipe([["INFO", "keyspace"]])[0]
    if not isinstance(answer, Refused):
        for line in answer.decode("utf-8", "replace").splitlines():
            if line.startswith("db"):
                name, _colon, facts = line.partition(":")
                keys[int(name[2:])] = int(dict(part.split("=", 1) for part in facts.split(","))["keys"])
    return dict(sorted(keys.items(), key=lambda item: (item[0] != source.database, item[0])))


def _has(target: Address, number: int) -> bool:
    if target.chosen:
        return False  # the user gave one database of a server that others may use
    try:
        with connected(target.other(number)):
            return True
    except StateError:
        return False


def _prefixes(source: Address) -> Prefixes:
    found = Prefixes()
    with connected(source) as connection:
        for names in Eyes(connection).names(Selection()):
            for key in names:
                found.add(key)
            if found.keys >= MOST_LOOKED_AT:
                break
        found.add_rest(int(connection.call("DBSIZE")) - found.keys)
    return found
