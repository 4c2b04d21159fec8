# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A source as a whole: its jobs in all databases, its memory and what it evicts, and who else is connected to it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import jobs
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import Eyes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes, Selection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import CLIENT_NAME, Address, connected
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection, Refused

NEVER_EVICTS = "noeviction"


@dataclass(frozen=True)
class Memory:
    """What INFO reports; 0 or nothing if the server does not say."""

    used: int = 0
    most: int = 0
    policy: str = ""

    @property
    def evicts(self) -> bool:
        """Whether keys are dropped when memory is short."""
        return self.policy not in ("", NEVER_EVICTS)


def memory(connection: Connection) -> Memory:
    """Read memory and eviction; CONFIG is refused by platforms, INFO is not."""
    facts = info(connection, "memory")
    policy = facts.get("maxmemory_policy", "")
    return Memory(_integer(facts.get("used_memory")), _integer(facts.get("maxmemory")), policy)


def info(connection: Connection, section: str) -> dict[str, str]:
    """Return a section of INFO, nothing if it is refused."""
    answer = connection.pipe([["INFO", section]])[0]
    if isinstance(answer, Refused):
        return {}
    lines = (line.partition(":") for line in answer.decode("utf-8", "replace").splitlines())
    return {name: value.strip() for name, _colon, value in lines if value}


def find_jobs(addresses: Iterable[Address], prefixes: Prefixes | None = None) -> jobs.Jobs:
    """Scan the names in some databases of a server; return the jobs there, and count all names in O(prefixes)."""
    total = jobs.Jobs()
    for address in addresses:
        with connected(address) as connection:
            keys = jobs.Keys()
            eyes = Eyes(connection)
            for names in eyes.names_with(jobs.WORDS) if prefixes is None else eyes.names(Selection()):
                keys.add(names)
                if prefixes is not None:
                    prefixes.add_all(names)
            total.add(jobs.read(connection, keys))
    return total


def other_clients(address: Address) -> list[dict[str, str]]:
    """Return who else is connected, if the server reports it."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(address))
        answer = connection.pipe([["CLIENT", "LIST"]])[0]
    if isinstance(answer, Refused):
        return []
    clients = [
        dict(part.split("=", 1) for part in line.split(" ") if "=" in part)
        for line in answer.decode("utf-8", "replace").splitlines()
    ]
    # Replicas and the platform's own monitoring do not write.
    return [
        client
        for client in clients
        if client.get("name") != CLIENT_NAME
        and not set(client.get("flags", "")) & set("SMO")
        and client.get("cmd", "").partition("|")[0] not in ("ping", "info", "psync", "replconf")
    ]


def _integer(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
