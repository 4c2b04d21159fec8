# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The ledger of one migration: a small JSON file that survives any crash and holds no secrets' values."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import locked, replace_file
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.lease import Lease, Run, shown

FORMAT = 1
# What is never returned: the key of the fingerprints, and the fingerprints.
PRIVATE = ("format", "key", "secrets")


class Ledger:
    """The ledger file. Reading needs no lock; a change is made under one and replaces the file atomically."""

    def __init__(self, path: str) -> None:
        """Take a path that need not exist, nor its folder."""
        self._path = Path(path)

    def load(self) -> dict[str, Any]:
        """Return the content, {} if there is no file; raises InputError if the file is not a ledger."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InputError(
                f"ledger {self._path}",
                f"it cannot be read ({os.strerror(error.errno or 0)})",
                "Run as the user who owns it, or make it readable: it may say what has to be put back.",
            ) from None
        except ValueError as error:
            raise self._unusable(type(error).__name__) from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self._unusable("it has an unknown format")
        return content

    def public(self) -> dict[str, Any]:
        """Return the content without its key and fingerprints."""
        return _without(self.load(), PRIVATE)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from changing the ledger or its lease."""
        return locked(Path(f"{self._path}.lock"), f"ledger {self._path}")

    @contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """Yield the content for the caller to change, then write it if it has changed."""
        with self.locked():
            before = self.load()
            content = deepcopy(before) or {"format": FORMAT, "key": os.urandom(32).hex()}
            yield content
            if content != before:
                text = json.dumps(content, indent=1, sort_keys=True) + "\n"
                replace_file(self._path, text, f"ledger {self._path}")

    def _unusable(self, why: str) -> InputError:
        return InputError(
            f"ledger {self._path}",
            f"it cannot be used ({why})",
            "Restore a copy or move it away: without a ledger, more is written again, but nothing is lost.",
        )


def fingerprint(content: Mapping[str, Any], *parts: str) -> str:
    """Return a keyed fingerprint, which reveals nothing about O(parts) to anyone without the ledger's key."""
    message = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
    return hmac.new(bytes.fromhex(content["key"]), message, hashlib.sha256).hexdigest()


def keep(
    path: str,
    record: Mapping[str, Any],
    once: Mapping[str, Any],
    forget: Sequence[str],
    check_mode: bool,
    run: Run | None = None,
) -> dict[str, Any]:
    """Merge O(record), add what is missing of O(once), drop O(forget), and return the module's result.

    Raises InputError for a reserved name, StateError if a run other than O(run) has the lease.
    """
    for name in (*record, *once, *forget):
        if name in PRIVATE:
            raise InputError(f"ledger section {name!r}", "the name is reserved for the ledger", "Use another name.")
    ledger, lease = Ledger(path), Lease(path)
    before = ledger.public()
    wanted = _applied(before, record, once, forget)
    if wanted != before and not check_mode:
        with ledger.change() as content:
            lease.check(run)
            kept = {name: content[name] for name in PRIVATE if name in content}
            wanted = _applied(_without(content, PRIVATE), record, once, forget)
            content.clear()
            content.update(wanted)
            content.update(kept)
    return {
        "changed": wanted != before,
        "ledger": wanted,
        "diff": {"before": _text(before), "after": _text(wanted)},
    }


def visit(
    path: str, sections: Mapping[str, Any], wish: str | None, take_over: bool, check_mode: bool, run: Run | None
) -> dict[str, Any]:
    """Do what keep() does with O(sections); before it acquire, or after it release, the lease if O(wish) says so.

    Raises InputError if there is a wish but no run, and whatever keep() and Lease.acquire() raise.
    """
    if wish and not run:
        raise InputError(
            "option lease",
            "no run was given to hold it",
            "Call the module from a playbook: its action plugin sets the option run.",
        )
    ledger, lease = Ledger(path), Lease(path)
    ledger.load()
    if run and not check_mode and (wish == "acquire" or lease.exists()):
        with ledger.locked():
            if wish == "acquire":
                lease.acquire(run, take_over)
            else:
                lease.renew(run)
    result = keep(path, sections["record"], sections["once"], sections["forget"], check_mode, run)
    if run and not check_mode and wish == "release" and lease.exists():
        with ledger.locked():
            lease.release(run)
    return {**result, "lease": shown(lease.holder())}


def renew(path: str, run: Run) -> None:
    """Record that O(run) is alive, if it holds the lease."""
    with Ledger(path).locked():
        Lease(path).renew(run)


def _applied(
    before: Mapping[str, Any], record: Mapping[str, Any], once: Mapping[str, Any], forget: Sequence[str]
) -> dict[str, Any]:
    after = _merged(before, record)
    after.update({name: value for name, value in once.items() if name not in before})
    return _without(after, forget)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for name, value in other.items():
        present = merged.get(name)
        nested = isinstance(value, Mapping) and isinstance(present, Mapping)
        merged[name] = _merged(present or {}, value) if nested else value
    return merged


def _without(content: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in names}


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
