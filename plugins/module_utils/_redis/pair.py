# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One database of the source and the one that it is copied to: comparing, copying, removing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import pieces, record
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.columns import Columns, Sweep, ahead
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.digest import LIST, length_of_list, number
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import BIG, KEYS_AT_ONCE, Eyes, Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes, Selection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.record import Copied
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.whole import Room, tail
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.write import Writer


@dataclass
class Target:
    """What a target holds: foreign keys, those of them that are in the way, and copied keys that the source lost."""

    foreign: Prefixes = field(default_factory=Prefixes)
    conflicting: Prefixes = field(default_factory=Prefixes)
    gone: int = 0
    empty: bool = True


@dataclass
class Count:
    """What one look over the source found."""

    keys: int = 0
    to_write: int = 0


class Pair:
    """A database of the source and its copy."""

    def __init__(self, source: Connection, target: Connection, owner: str, selection: Selection, replace: bool) -> None:
        self.source, self.target = Eyes(source), Eyes(target)
        self._owner, self.selection, self._replace = owner, selection, replace
        self.record = record.load(target, owner)
        self._closely = False
        self._digests: dict[tuple[Eyes, bytes], str] = {}
        self.room = Room(source, target)
        self._ends: dict[tuple[Eyes, bytes], bytes] = {}
        self.fields_lost = Prefixes()

    def look_at_target(self) -> Target:
        """Look over the target's keys."""
        found = Target()
        for names in self.target.names(Selection()):
            found.empty = False
            known = [key for key in names if self.record.has(key)]
            foreign = [] if len(known) == len(names) else [key for key in names if not self.record.has(key)]
            for key in foreign:
                found.foreign.add(key)
            chosen = [key for key in foreign if key in self.selection]
            for key in self._differing(chosen):
                found.conflicting.add(key)
            found.gone += len(self._gone([*known, *chosen] if self._replace else known))
        return found

    def compare(self, at_most: int | None = None) -> Count:
        """Compare all keys; return early once O(at_most) are found to differ."""
        count = Count()
        for source, target in self._sweep():
            differing = source.differing(target)
            count.keys += len(source.keys) - len(source.gone) - len(differing)
            on_source, on_target = self._both([source.keys[at] for at in sorted(differing)])
            count.keys += len(on_source)
            for key, seen in on_source.items():
                count.to_write += not self._equal(key, seen, on_target.get(key))
            if at_most is not None and count.to_write >= at_most:
                break
        return count

    def copy(self, check: Callable[[], None], empty: bool) -> tuple[Count, record.Builder]:
        """Write what differs; return what was found, and the record of what is ours now. O(empty): so is the target."""
        count, builder = Count(), record.Builder()
        writer = Writer(self.source, self.target, self.record, self.room, self._replace, check)
        self.fields_lost = writer.fields.lost
        if empty:
            self._copy_new(self.source.names(self.selection), writer, count, builder)
            return count, builder
        for source, target in self._sweep("l"):
            check()
            differing = source.differing(target)
            count.keys += len(source.keys) - len(source.gone) - len(differing)
            builder.add_all(entry for entry in source.entries(differing) if self.record.has_name(entry[0]))
            new = differing & target.gone
            self._copy_differing([source.keys[at] for at in sorted(differing - new)], writer, count, builder)
            if new:
                self._copy_new([[source.keys[at] for at in sorted(new)]], writer, count, builder)
        return count, builder

    def _sweep(self, wishes: str = "") -> Iterator[tuple[Columns, Columns]]:
        """Yield what both sides have of all keys, a group at a time; both work on the next group meanwhile."""
        begun = (
            (Sweep(self.source, names, wishes + how), Sweep(self.target, names, how))
            for names in self.source.names(self.selection)
            for how in ("c" if self._closely else "m",)
        )
        for source, target in ahead(begun):
            yield source.columns(), target.columns()

    def _copy_new(self, groups: Iterable[list[bytes]], writer: Writer, count: Count, builder: record.Builder) -> None:
        """Write keys that the target did not have."""
        for columns, failed in writer.write_new(groups):
            others = failed | columns.left
            written = len(columns.keys) - len(columns.gone) - len(others)
            count.keys += written
            count.to_write += written
            builder.add_all(columns.entries(others))
            self._copy_differing([columns.keys[at] for at in sorted(others)], writer, count, builder)

    def _copy_differing(self, names: list[bytes], writer: Writer, count: Count, builder: record.Builder) -> None:
        """Write those of O(names) that differ, after a closer look."""
        for key, seen in self._written(names, writer, count):
            builder.add(key, *self.remembered(key, seen))

    def remove_gone(self, check: Callable[[], None]) -> int:
        """Remove keys that we copied and that the source no longer has; return how many."""
        removed = 0
        for names in self.target.names(self.selection):
            gone = self._gone([key for key in names if self._replace or self.record.has(key)])
            check()
            if gone:
                removed += self.target.connection.call("DEL", *gone)
        return removed

    def save(self, builder: record.Builder) -> None:
        """Write down what is ours now."""
        record.save(self.target.connection, self._owner, builder)
        self.record = record.load(self.target.connection, self._owner)

    def _written(self, names: list[bytes], writer: Writer, count: Count) -> Iterator[tuple[bytes, Seen]]:
        """Write what differs of O(names), and yield those that are ours."""
        on_source, on_target = self._both(names)
        count.keys += len(on_source)
        late = {}
        differing = []
        for key, seen in on_source.items():
            target = on_target.get(key)
            if self._equal(key, seen, target):
                if self.record.has(key):
                    yield key, seen
                continue
            count.to_write += 1
            if target is not None and not self._replace and not self.record.has(key):
                continue  # another client has created it since we looked
            if target is not None and self.same(key, seen, target):
                late[key] = seen
            else:
                differing.append(key)
        if late:
            writer.expire(late)
            yield from ((key, seen) for key, seen in late.items() if self.record.has(key))
        for part in self.source.looks(differing):
            yield from writer.write(part).items()

    def _both(self, names: list[bytes]) -> tuple[dict[bytes, Seen], dict[bytes, Seen]]:
        """Return what keys hold on both sides, looked at closely unless the ends of the payloads are equal."""
        self._digests.clear()
        self._ends.clear()
        on_source = self.source.look(names)
        on_target = self.target.look(list(on_source), self._closely)
        unclear = [key for key, seen in on_target.items() if _unclear(on_source[key], seen)]
        for key, seen in self.source.look(unclear, closely=True).items():
            on_source[key] = seen._replace(tail=on_source[key].tail)  # the record keeps that
        if not self._closely:
            on_target.update(self.target.look(unclear, closely=True))
            both = [(on_source[key], on_target[key]) for key in unclear if key in on_target and key in on_source]
            equal = sum(source.digest == target.digest for source, target in both)
            # Another version, or a server without DUMP: the ends always differ.
            self._closely = equal > KEYS_AT_ONCE // 2
        return on_source, on_target

    def _gone(self, keys: list[bytes]) -> list[bytes]:
        """Return those of O(keys) that the source does not have."""
        existing = set(self.source.present(keys)) if keys else set()
        return [key for key in keys if key not in existing]

    def _differing(self, keys: list[bytes]) -> list[bytes]:
        """Return those of O(keys) that the source has too, with another content."""
        on_source, on_target = self._both(keys)
        both = [(key, seen, on_target[key]) for key, seen in on_source.items() if key in on_target]
        return [key for key, source, target in both if not self._equal(key, source, target)]

    def _equal(self, key: bytes, source: Seen, target: Seen | None) -> bool:
        return target is not None and source.expires_with(target) and self.same(key, source, target)

    def same(self, key: bytes, source: Seen, target: Seen) -> bool:
        """Return whether a key holds the same on both sides."""
        if source.kind != target.kind:
            return False
        end = self._end(self.source, key, source)
        if end and end == self._end(self.target, key, target):
            return True
        return self.digest(self.source, key, source) == self.digest(self.target, key, target)

    def remembered(self, key: bytes, seen: Seen) -> Copied:
        """Return what the record keeps of a value: the checksum of its payload, or its digest and length."""
        end = self._end(self.source, key, seen)
        if end and (seen.kind != LIST or seen.size >= BIG):
            return Copied(int.from_bytes(end[-8:], "big"), 0)
        digest = self.digest(self.source, key, seen)
        return Copied(number(digest), length_of_list(seen.kind, digest))

    def _end(self, eyes: Eyes, key: bytes, seen: Seen) -> bytes:
        """Return the end of a key's payload; for a big key, only if the servers have room for the whole payload."""
        if seen.tail or not seen.is_big or self._closely:
            return seen.tail
        if (eyes, key) not in self._ends:
            self._ends[eyes, key] = tail(eyes, key) if self.room.has(seen.size) else b""
        return self._ends[eyes, key]

    def digest(self, eyes: Eyes, key: bytes, seen: Seen) -> str:
        """Return the digest of a key, after a close look, or in pieces if it is big."""
        if seen.digest:
            return seen.digest
        if (eyes, key) not in self._digests:
            close = eyes.look([key], closely=True).get(key) if seen.tail else None
            digest = close.digest if close else ""
            self._digests[eyes, key] = digest or pieces.digest(eyes, key, seen.kind, seen.size)
        return self._digests[eyes, key]


def _unclear(source: Seen, target: Seen) -> bool:
    """Return whether two small keys have to be looked at closely to be compared."""
    if source.kind != target.kind or source.is_big or (source.digest and target.digest):
        return False
    return not (source.tail and source.tail == target.tail)
