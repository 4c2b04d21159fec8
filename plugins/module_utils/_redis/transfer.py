# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Copying and verifying the keys of a Redis: only what differs is written, so that a second run writes nothing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.keys import (
    KEYS_AT_ONCE,
    Content,
    contents,
    copy,
    scan,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import Address, connected

# The target's own record: what it is a copy of, and whether the app lives there by now.
MARKER = b"_flyover:transfer"
COPYING, COMPLETE, SEALED = "copying", "complete", "sealed"
UNKNOWN = "unknown"
ROUNDS = 3  # of copying what still differs


@dataclass(frozen=True)
class Wanted:
    """How to copy."""

    match: str
    replace: bool
    replace_sealed: bool
    source_may_change: bool


@dataclass
class Comparison:
    """How the target differs."""

    source_keys: int
    missing: list[bytes]
    differing: list[bytes]
    extra: list[bytes]

    @property
    def to_copy(self) -> list[bytes]:
        """The keys to write."""
        return self.missing + self.differing

    @property
    def equal(self) -> bool:
        """Whether the target holds what the source holds."""
        return not (self.missing or self.differing or self.extra)


def survey(source: Address, match: str) -> dict[str, Any]:
    """Return the result for a source alone, as in check mode before there is a target."""
    with connected(source) as client:
        keys = sum(len(group) for group in scan(client, match, MARKER))
        warnings = _warnings(client, source)
    return {"changed": True, "verdict": UNKNOWN, "sealed": False, "counts": {"source": keys}, "warnings": warnings}


def transfer(source: Address, target: Address, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Copy what differs and compare again; return the module's result.

    Raises StateError for keys on the target that are not ours to replace, and when the servers differ in the end.
    """
    started = time.monotonic()
    if (source.host, source.port, source.database) == (target.host, target.port, target.database):
        raise StateError(str(target), "source and target are the same database", "Correct one of the URLs.")
    library = import_module("redis")
    with connected(source) as there, connected(target) as here:
        marker = _marker(here)
        if marker.get("state") == SEALED and not wanted.replace_sealed:
            return {
                "changed": False, "verdict": "unchanged", "sealed": True,
                "counts": {"target": int(here.dbsize()) - 1}, "warnings": [],
            }  # fmt: skip
        found = _compare(there, here, wanted.match, mirror=bool(marker))
        if found.differing and not (wanted.replace or marker):
            raise StateError(
                str(target),
                f"{len(found.differing)} of its keys hold something else than the source's, and were not copied by us",
                "Set replace to true to overwrite them, or give an empty Redis.",
            )
        result: dict[str, Any] = {
            "changed": not found.equal or marker.get("state") != COMPLETE,
            "verdict": "unchanged" if found.equal else "would_copy" if check_mode else "copied",
            "sealed": False,
            "counts": {"source": found.source_keys, "copied": len(found.to_copy), "deleted": len(found.extra)},
            "warnings": _warnings(there, source),
        }
        if check_mode or not result["changed"]:
            return result
        # Said first, so that a run that is killed leaves no keys that the next one takes for someone else's.
        _mark(here, COPYING)
        for _round in range(ROUNDS):
            for start in range(0, len(found.to_copy), KEYS_AT_ONCE):
                copy(there, here, found.to_copy[start : start + KEYS_AT_ONCE], library)
            for start in range(0, len(found.extra), KEYS_AT_ONCE):
                here.delete(*found.extra[start : start + KEYS_AT_ONCE])
            found = _compare(there, here, wanted.match, mirror=True)
            if found.equal:
                break
        differing = len(found.to_copy) + len(found.extra)
        if differing and not wanted.source_may_change:
            raise StateError(
                f"{target} as a copy of {source}",
                f"{differing} of {found.source_keys} keys differ after {ROUNDS} rounds of copying",
                "Stop whatever still writes to either server, then run again.",
            )
        if differing:
            result["warnings"].append(f"{differing} keys changed on the source while they were copied.")
        _mark(here, COMPLETE)
        result["verified"] = {"compared": found.source_keys, "differing": differing}
        result["seconds"] = round(time.monotonic() - started, 3)
        return result


def seal(target: Address, check_mode: bool) -> dict[str, Any]:
    """Say that the target is the system of record from now on; return the module's result."""
    with connected(target) as here:
        state = _marker(here).get("state")
        if state not in (COMPLETE, SEALED):
            raise StateError(
                str(target), "it holds no complete copy that could be sealed", "Copy it first, with state present."
            )
        if state == COMPLETE and not check_mode:
            _mark(here, SEALED)
    return {"changed": state == COMPLETE, "verdict": "unchanged", "sealed": True, "counts": {}, "warnings": []}


def _compare(there: Any, here: Any, match: str, mirror: bool) -> Comparison:
    """Compare key by key; with O(mirror) keys that only the target has count too."""
    missing: list[bytes] = []
    differing: list[bytes] = []
    seen: set[bytes] = set()
    for group in scan(there, match, MARKER):
        ours = contents(there, group)
        theirs: dict[bytes, Content] = contents(here, list(ours))
        seen.update(ours)
        for key, content in ours.items():
            if key not in theirs:
                missing.append(key)
            elif not content.equals(theirs[key]):
                differing.append(key)
    extra = [key for group in scan(here, match, MARKER) for key in group if key not in seen] if mirror else []
    return Comparison(len(seen), missing, differing, extra)


def _marker(client: Any) -> dict[str, Any]:
    try:
        return dict(json.loads(client.get(MARKER) or b"{}"))
    except ValueError:
        return {}


def _mark(client: Any, state: str) -> None:
    client.set(MARKER, json.dumps({"state": state}))


def _warnings(client: Any, source: Address) -> list[str]:
    others = {name: facts for name, facts in client.info("keyspace").items() if name != f"db{source.database}"}
    if not others:
        return []
    counts = ", ".join(f"{name} ({facts['keys']} keys)" for name, facts in sorted(others.items()))
    return [f"Only database {source.database} is copied; the server has others too: {counts}."]
