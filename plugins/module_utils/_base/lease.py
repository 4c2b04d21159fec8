# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The lease of a migration: only one run at a time may write. The file is next to the ledger and shares its lock."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import process
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import replace_file

Run = Mapping[str, Any]
"""A run's identity: what users see (SHOWN, except the times), and what proves whether it is alive (PROOF)."""

SHOWN = ("host", "user", "pid", "started", "command", "renewed")
PROOF = ("inventory_host", "process", "boot", "namespace", "machine")
# Seconds after which the lease of a run on another machine counts as abandoned. A run renews it with each write to
# the ledger, and continuously during its long tasks.
STALE = 3600
# Seconds after a renewal in which another one would be pointless.
FRESH = 30
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Lease:
    """The lease file. Hold the ledger's lock to change it."""

    def __init__(self, ledger: str) -> None:
        """Take the ledger's path."""
        self._ledger = ledger
        self._path = Path(f"{ledger}.lease")

    def exists(self) -> bool:
        """Return whether there is a lease, whoever holds it and whether or not they are still alive."""
        return self._path.exists()

    def holder(self) -> dict[str, Any] | None:
        """Return the run that holds the lease, unless it is dead; raises InputError if the file cannot be read."""
        held = self._load()
        return None if held is None or _is_dead(held) else held

    def acquire(self, run: Run, take_over: bool) -> dict[str, Any]:
        """Give the lease to O(run) and return it; raises StateError, which names the holder, if another run has it.

        O(take_over) also takes it from a run that may be dead, but never from one that is known to be alive.
        """
        try:
            held = self.holder()
        except InputError:
            if not take_over:
                raise
            held = None
        if held is not None and not _is(held, run) and not (take_over and not _is_seen_to_live(held)):
            raise self._held(held, run)
        started = held["started"] if held is not None and _is(held, run) else _now()
        lease = {**{name: run.get(name) for name in (*SHOWN, *PROOF)}, "started": started, "renewed": _now()}
        self._write(lease)
        return lease

    def check(self, run: Run | None) -> None:
        """Raise StateError if a run other than O(run) holds the lease."""
        held = self.holder()
        if held is not None and not (run and _is(held, run)):
            raise self._held(held, run or {})

    def renew(self, run: Run | None) -> None:
        """Record that O(run) is alive, if it holds the lease."""
        held = self._load()
        if held is not None and run and _is(held, run) and _age(held) >= FRESH:
            self._write({**held, "renewed": _now()})

    def release(self, run: Run) -> None:
        """Remove the lease if O(run) holds it."""
        held = self._load()
        if held is not None and _is(held, run):
            self._path.unlink()

    def _load(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(os.strerror(error.errno or 0)) from None
        except ValueError:
            raise self._unreadable("it is not JSON") from None
        if not isinstance(content, dict) or not {*SHOWN, *PROOF} <= set(content) or not _is_whole(content):
            raise self._unreadable("it is incomplete")
        return content

    def _write(self, lease: Mapping[str, Any]) -> None:
        replace_file(self._path, json.dumps(lease, indent=1, sort_keys=True) + "\n", f"lease {self._path}")

    def _unreadable(self, why: str) -> InputError:
        return InputError(
            f"lease {self._path}",
            f"it cannot be read ({why}), so another run may be in progress",
            "Make sure that there is none, then remove the file or set take_over (in the role migrate_take_over=true).",
        )

    def _held(self, held: Run, run: Run) -> StateError:
        if _is_of_process(held, run):
            remedy = f"Leave out {held['inventory_host']} or {run['inventory_host']}: both are the same app."
        elif _is_seen_to_live(held):
            remedy = f"Wait until it ends, or end it (kill {held['pid']} on {held['host']}). Then run again."
        else:
            until = (_time(held["renewed"]) + timedelta(seconds=STALE)).strftime(_TIME)
            remedy = (
                "Wait until it ends. If you know that it is dead, set take_over (in the role "
                f"migrate_take_over=true); unless the run renews it, its lease expires at {until}."
            )
        return StateError(
            f"ledger {self._ledger}",
            f"another run is using it: {held['user']} on {held['host']}, process {held['pid']}, for inventory "
            f"host {held['inventory_host']}, since {held['started']}: {held['command']}",
            f"Nothing was changed. {remedy}",
            lease=shown(held),
        )


def shown(lease: Run | None) -> dict[str, Any] | None:
    """Return the part of a lease that users see."""
    return None if lease is None else {name: lease[name] for name in SHOWN}


def _is_of_process(held: Run, run: Run) -> bool:
    return all(held[name] == run.get(name) for name in ("host", "pid", "process", "boot", "namespace"))


def _is(held: Run, run: Run) -> bool:
    """Return whether O(run) holds the lease. Two inventory hosts may be the same app by mistake."""
    return _is_of_process(held, run) and held["inventory_host"] == run["inventory_host"]


def _is_here(held: Run) -> bool:
    """Return whether the holder and this process share one set of process ids."""
    return bool(held["boot"]) and (held["boot"], held["namespace"]) == (process.boot(), process.namespace())


def _is_seen_to_live(held: Run) -> bool:
    return _is_here(held) and process.lives(held["pid"], held["process"])


def _is_dead(held: Run) -> bool:
    if _is_here(held):
        return not process.lives(held["pid"], held["process"])
    place = (os.uname().nodename, process.machine(), process.namespace())
    restarted = bool(held["machine"] and held["boot"]) and place == (held["host"], held["machine"], held["namespace"])
    return restarted or _age(held) > STALE


def _is_whole(content: Mapping[str, Any]) -> bool:
    try:
        _time(content["started"])
        _time(content["renewed"])
    except (TypeError, ValueError):
        return False
    return isinstance(content["pid"], int)


def _age(held: Run) -> float:
    return (_time(_now()) - _time(held["renewed"])).total_seconds()


def _time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)


def _now() -> str:
    return datetime.now(timezone.utc).strftime(_TIME)
