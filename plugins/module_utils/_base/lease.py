# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The lease of a migration: one run at a time may write. It lies beside the ledger, and is changed under its lock."""

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
"""Who a run is: what of it is shown (SHOWN but the times), and what proves whether it lives (PROOF)."""

SHOWN = ("host", "user", "pid", "started", "command", "renewed")
PROOF = ("inventory_host", "process", "boot", "namespace", "machine")
# Seconds after which the lease of a run that cannot be looked at counts as left behind. A run renews it with each
# write to the ledger and, from its long tasks, all the time.
STALE = 3600
# Seconds in which it need not be written again.
FRESH = 30
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Lease:
    """The file. Whoever changes it holds the ledger's lock."""

    def __init__(self, ledger: str) -> None:
        """O(ledger) is the ledger's path."""
        self._ledger = ledger
        self._path = Path(f"{ledger}.lease")

    def exists(self) -> bool:
        """Return whether there is a lease, of whomever, dead or alive."""
        return self._path.exists()

    def holder(self) -> dict[str, Any] | None:
        """Return the run that holds the lease, unless it is dead; raises InputError for a file that cannot be read."""
        held = self._load()
        return None if held is None or _is_dead(held) else held

    def acquire(self, run: Run, take_over: bool) -> dict[str, Any]:
        """Give the lease to O(run), and return it; raises StateError, which names the holder, where another has it.

        With O(take_over) also from a run of which nobody can see whether it lives, but never from one that does.
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
        """Raise StateError where another run than O(run) holds the lease."""
        held = self.holder()
        if held is not None and not (run and _is(held, run)):
            raise self._held(held, run or {})

    def renew(self, run: Run | None) -> None:
        """Say that O(run) lives, where it holds the lease."""
        held = self._load()
        if held is not None and run and _is(held, run) and _age(held) >= FRESH:
            self._write({**held, "renewed": _now()})

    def release(self, run: Run) -> None:
        """Take the lease from O(run), where it holds it."""
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
            raise self._unreadable("something is missing in it")
        return content

    def _write(self, lease: Mapping[str, Any]) -> None:
        replace_file(self._path, json.dumps(lease, indent=1, sort_keys=True) + "\n", f"lease {self._path}")

    def _unreadable(self, why: str) -> InputError:
        return InputError(
            f"lease {self._path}",
            f"it cannot be read ({why}), so nobody knows whether another run is at work",
            "See that there is none, then remove the file, or set take_over (in the role migrate_take_over=true).",
        )

    def _held(self, held: Run, run: Run) -> StateError:
        if _is_of_process(held, run):
            remedy = f"Leave {held['inventory_host']} or {run['inventory_host']} out: both mean the same app."
        elif _is_seen_to_live(held):
            remedy = f"Wait until it has ended, or end it (kill {held['pid']} on {held['host']}). Then run again."
        else:
            until = (_time(held["renewed"]) + timedelta(seconds=STALE)).strftime(_TIME)
            remedy = (
                "Wait until it has ended. If you know that it is dead, set take_over (in the role "
                f"migrate_take_over=true); unless it is heard of before, its lease ends at {until}."
            )
        return StateError(
            f"ledger {self._ledger}",
            f"another run is at work on it: {held['user']} on {held['host']}, process {held['pid']}, for the host "
            f"{held['inventory_host']} of its inventory, since {held['started']}: {held['command']}",
            f"Nothing was changed. {remedy}",
            lease=shown(held),
        )


def shown(lease: Run | None) -> dict[str, Any] | None:
    """Return what a user sees of a lease."""
    return None if lease is None else {name: lease[name] for name in SHOWN}


def _is_of_process(held: Run, run: Run) -> bool:
    return all(held[name] == run.get(name) for name in ("host", "pid", "process", "boot", "namespace"))


def _is(held: Run, run: Run) -> bool:
    """Return whether the lease is that of O(run). Two hosts of one inventory may mean the same app by mistake."""
    return _is_of_process(held, run) and held["inventory_host"] == run["inventory_host"]


def _is_here(held: Run) -> bool:
    """Return whether process ids mean the same to the holder and to this process."""
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
