# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Fields of hashes that expire by themselves (Redis 7.4, Valkey 9). A payload carries that; values alone do not."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Connection, Refused


class Fields:
    """Gives the fields of copied hashes the expiry that they have on the source."""

    def __init__(self, source: Connection, target: Connection) -> None:
        self._source, self._target = source, target
        self._known = True
        self.lost = Prefixes()
        """Keys whose fields do not expire on the target, because it lacks the commands."""

    def carry(self, hashes: Sequence[tuple[bytes, bytes, Sequence[bytes]]]) -> None:
        """Set the expiry of fields; O(hashes) are each a key, its name on the target, and its fields."""
        if not self._known or not hashes:
            return
        asked = self._source.pipe(["HPEXPIRETIME", key, "FIELDS", len(names), *names] for key, _name, names in hashes)
        for (key, name, names), instants in zip(hashes, asked):
            if isinstance(instants, Refused):
                if instants.says("unknown command", "NOPERM"):
                    self._known = False
                    return
                if instants.has_moved:
                    continue
                raise instants
            self._set(key, name, [(field, at) for field, at in zip(names, instants or ()) if at >= 0])

    def _set(self, key: bytes, name: bytes, expiring: list[tuple[bytes, int]]) -> None:
        commands: list[Command] = [["HPEXPIREAT", name, at, "FIELDS", 1, field] for field, at in expiring]
        refused = [answer for answer in self._target.pipe(commands) if isinstance(answer, Refused)]
        if refused and not refused[0].says("unknown command"):
            raise refused[0]
        if refused:
            self.lost.add(key)
