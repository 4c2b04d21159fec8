# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Copy and verify the keys of a Redis: only what differs is written, so a second run writes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import databases, findings, late, marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import source as source_
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.jobs import PATTERNS
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.marker import (
    COMPLETE,
    COPYING,
    SEALED,
    Lock,
    locked,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes, Selection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.pair import Count, Pair, Target
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import Address, connected
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection

UNKNOWN = "unknown"
ROUNDS = 3  # of copying what still differs


@dataclass(frozen=True)
class Wanted:
    """How to copy."""

    name: str = "default"
    match: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()
    replace: bool = False
    replace_sealed: bool = False
    source_may_change: bool = False
    acknowledged: Sequence[str] = ()

    jobs_only: bool = False

    @property
    def selection(self) -> Selection:
        """The keys to copy."""
        return Selection(self.match, self.exclude, PATTERNS if self.jobs_only else None)


@dataclass
class Transfer:
    """One run from a source to a target."""

    source: Address
    target: Address
    wanted: Wanted
    pairs: list[Pair] = field(default_factory=list)
    looked: list[Target] = field(default_factory=list)
    findings: list[dict[str, str]] = field(default_factory=list)
    jobs: dict[str, Any] = field(default_factory=dict)

    def run(self, check_mode: bool) -> dict[str, Any]:
        """Copy what differs and compare again; return the module's result."""
        started = time.monotonic()
        with ExitStack() as stack:
            source = stack.enter_context(connected(self.source))
            target = stack.enter_context(connected(self.target))
            if self._sealed(target):
                return sealed_result(int(target.call("DBSIZE")))
            plan = databases.plan(source, self.source, self.target)
            self._say(plan.findings())
            self._look_at_source(source, target, plan)
            # A target that holds another app's copy is shared, whatever was asked.
            others = marker.read(target, self.target).others(self.wanted.name)
            replace = self.wanted.replace and not others
            for addresses in plan.pairs:
                first, second = (stack.enter_context(connected(address)) for address in addresses)
                self.pairs.append(Pair(first, second, self.wanted.name, self.wanted.selection, replace))
            self._look_at_target(others)
            if check_mode:
                return self._predicted(target)
            self._refuse_what_blocks()
            equal = self._equal_keys(target)
            if equal is not None:
                return {"changed": False, "verdict": "unchanged", "sealed": False, **self._counts(equal, 0, 0)}
            with locked(target, self.target) as lock:
                if self._sealed(target):
                    return sealed_result(int(target.call("DBSIZE")))
                result = self._copied(target, lock)
            return {**result, "seconds": round(time.monotonic() - started, 3)}

    def _sealed(self, target: Connection) -> bool:
        return marker.read(target, self.target).state(self.wanted.name) == SEALED and not self.wanted.replace_sealed

    def _look_at_target(self, others: list[str]) -> None:
        self.looked = [pair.look_at_target() for pair in self.pairs]
        foreign, conflicting = self._together("foreign"), self._together("conflicting")
        replace = self.wanted.replace and not others
        self._say(findings.foreign_keys(str(self.target), foreign, conflicting, replace, others))

    def _look_at_source(self, source: Connection, target: Connection, plan: databases.Plan) -> None:
        found = source_.find_jobs(plan.sources(self.source))
        self.jobs = found.as_result()
        self._say(findings.jobs_found(found, not self.wanted.source_may_change))
        keys = sum(plan.keys.values())
        self._say(findings.eviction(source_.memory(source), source_.memory(target), found, keys))
        if not self.wanted.source_may_change:
            self._say(findings.clients(source_.other_clients(self.source)))

    def _say(self, said: list[dict[str, str]]) -> None:
        self.findings += findings.acknowledged(said, self.wanted.acknowledged)

    def _together(self, what: str) -> Prefixes:
        total = Prefixes()
        for looked in self.looked:
            total.update(getattr(looked, what))
        return total

    def _refuse_what_blocks(self) -> None:
        blocking = [finding for finding in self.findings if finding["level"] == findings.BLOCK]
        if blocking:
            raise StateError(
                f"{self.target} as a copy of {self.source}",
                " ".join(finding["text"] for finding in blocking).rstrip("."),
                " ".join(finding["remedy"] for finding in blocking),
                **self._counts(0, 0, 0),
            )

    def _predicted(self, target: Connection) -> dict[str, Any]:
        found = [pair.compare() for pair in self.pairs]
        to_write, gone = sum(count.to_write for count in found), sum(looked.gone for looked in self.looked)
        complete = marker.read(target, self.target).state(self.wanted.name) == COMPLETE
        return {
            "changed": bool(to_write or gone) or not complete,
            "verdict": "would_copy" if to_write or gone else "unchanged",
            "sealed": False,
            **self._counts(sum(count.keys for count in found), to_write, gone),
        }

    def _equal_keys(self, target: Connection) -> int | None:
        """Return how many keys are equal if a complete copy is there and nothing differs; otherwise None, at once."""
        if marker.read(target, self.target).state(self.wanted.name) != COMPLETE:
            return None
        keys = 0
        for looked, pair in zip(self.looked, self.pairs):
            count = Count() if looked.gone else pair.compare(at_most=1)
            if looked.gone or count.to_write:
                return None
            keys += count.keys
        return keys

    def _copied(self, target: Connection, lock: Lock) -> dict[str, Any]:
        state = marker.read(target, self.target)
        state.write(target, self.wanted.name, COPYING)
        written = removed = 0
        found: list[Count] = []
        for round_ in range(ROUNDS):
            for pair, looked in zip(self.pairs, self.looked):
                count, builder = pair.copy(lock.check, looked.empty and round_ == 0)
                removed += pair.remove_gone(lock.check) if round_ == 0 and not looked.empty else 0
                pair.save(builder)
                written += count.to_write if round_ == 0 else 0
                if round_ == 0:
                    self._say(findings.fields_lost(pair.fields_lost))
            found = [pair.compare() for pair in self.pairs]
            if not any(count.to_write for count in found):
                break
        keys, differing = sum(count.keys for count in found), sum(count.to_write for count in found)
        if differing and not self.wanted.source_may_change:
            raise StateError(
                f"{self.target} as a copy of {self.source}",
                f"{differing} of {keys} keys differ after {ROUNDS} rounds of copying",
                "Stop whatever still writes to either server, then run again.",
            )
        if differing:
            self._say(findings.still_in_use(differing))
        lock.check()
        state.write(target, self.wanted.name, COMPLETE)
        return {
            "changed": True,
            "verdict": "copied" if written or removed else "unchanged",
            "sealed": False,
            "verified": {"compared": keys, "differing": differing},
            **self._counts(keys, written, removed),
        }

    def _counts(self, keys: int, written: int, removed: int) -> dict[str, Any]:
        foreign = self._together("foreign")
        return {
            "counts": {"source": keys, "copied": written, "deleted": removed, "foreign": foreign.keys},
            "foreign": foreign.as_result(),
            "jobs": self.jobs,
            "findings": self.findings,
        }


def transfer(source: Address, target: Address, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Copy what differs and compare again; return the module's result.

    Raises StateError for what blocks (keys on the target that must not be replaced, databases that it does not
    have), and if the servers differ in the end.
    """
    if (source.host, source.port, source.database) == (target.host, target.port, target.database):
        raise StateError(str(target), "source and target are the same database", "Correct one of the URLs.")
    return Transfer(source, target, wanted).run(check_mode)


def survey(source: Address, wanted: Wanted) -> dict[str, Any]:
    """Return the result for a source alone, as in check mode before there is a target."""
    with connected(source) as connection:
        plan = databases.plan(connection, source, None)
        memory = source_.memory(connection)
    prefixes = Prefixes()
    found = source_.find_jobs(plan.sources(source), prefixes)
    keys = sum(plan.keys.values())
    said = [
        *plan.findings(),
        *findings.jobs_found(found, frozen=False),
        *findings.eviction(memory, source_.Memory(policy=source_.NEVER_EVICTS), found, keys),
    ]
    return {
        "changed": True, "verdict": UNKNOWN, "sealed": False, "counts": {"source": keys}, "jobs": found.as_result(),
        "prefixes": prefixes.most(), "findings": findings.acknowledged(said, wanted.acknowledged),
    }  # fmt: skip


def catch_up(source: Address, target: Address, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Look at the source once more after the seal, and copy what came late; return the module's result."""
    found = late.Late()
    with ExitStack() as stack:
        first, second = (stack.enter_context(connected(address)) for address in (source, target))
        if marker.read(second, target).state(wanted.name) != SEALED:
            raise StateError(str(target), "it is not sealed", "Seal it first; before that, copy with state present.")
        lock = None if check_mode else stack.enter_context(locked(second, target))
        for addresses in databases.plan(first, source, target).pairs:
            first, second = (stack.enter_context(connected(address)) for address in addresses)
            pair = Pair(first, second, wanted.name, wanted.selection, replace=False)
            late.catch_up(pair, found, lock.check if lock else _nothing, check_mode)
    said = findings.late_keys(found.brought, found.left, check_mode)
    return {
        "changed": bool(found.brought.keys), "sealed": True,
        "verdict": "caught_up" if found.brought.keys else "unchanged",
        "counts": found.as_counts(), "findings": findings.acknowledged(said, wanted.acknowledged),
    }  # fmt: skip


def _nothing() -> None:
    """Check no lock: nothing is written."""


def unknown() -> dict[str, Any]:
    """Return the result if there is nothing to look at yet."""
    return {"changed": True, "verdict": UNKNOWN, "sealed": False, "counts": {}, "findings": []}


def seal(target: Address, name: str, check_mode: bool) -> dict[str, Any]:
    """Say that the target is the system of record from now on; return the module's result."""
    with connected(target) as connection:
        state = _sealable(connection, target, name)
        if state == COMPLETE and not check_mode:
            with locked(connection, target):
                if _sealable(connection, target, name) == COMPLETE:
                    marker.read(connection, target).write(connection, name, SEALED)
    return {"changed": state == COMPLETE, "verdict": "unchanged", "sealed": True, "counts": {}, "findings": []}


def sealed_result(keys: int) -> dict[str, Any]:
    """Return the result for a target that is sealed: nothing is written."""
    return {"changed": False, "verdict": "unchanged", "sealed": True, "counts": {"target": keys}, "findings": []}


def _sealable(connection: Connection, target: Address, name: str) -> str:
    state = marker.read(connection, target).state(name)
    if state not in (COMPLETE, SEALED):
        raise StateError(
            str(target), "it holds no complete copy that could be sealed", "Copy it first, with state present."
        )
    return state
