# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Start and stop existing Machines, all at the same time, without a release or update."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    APIError,
    ConnectionFailed,
    InputError,
    NotFound,
    StateError,
    Unavailable,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.machines import (
    RESERVED_GROUPS,
    Machine,
    configuration,
    is_deployed,
    is_standby,
    metadata,
    process_group,
)

STARTED, STOPPED = "started", "stopped"
# No process is running in them, and none will start on its own.
_AT_REST = frozenset({STOPPED, "created", "suspended", "failed"})
_GONE = frozenset({"destroying", "destroyed"})
_AT_ONCE = 16
_LONGEST_WAIT = 60  # seconds that one request can wait
_POLL = 0.5  # seconds
_IN_THE_WAY = frozenset({409, 412})  # another client's lease; a state that does not allow the change


@dataclass(frozen=True)
class Step:
    """What one Machine should be, and what has to change for that."""

    machine: Machine
    wanted: str | None
    """STARTED, STOPPED, or None if only its metadata matter."""
    metadata: Mapping[str, str | None]

    @property
    def state(self) -> str:
        """The state it will have afterwards."""
        present = str(self.machine["state"])
        return self.wanted if self.wanted and (self.moves or present not in _AT_REST) else present

    @property
    def moves(self) -> bool:
        """Whether it has to be started or stopped."""
        if self.wanted == STARTED:
            return bool(self.machine["state"] != STARTED)
        return self.wanted == STOPPED and self.machine["state"] not in _AT_REST

    @property
    def cordon(self) -> str:
        """C(cordon) or C(uncordon) if needed, else "": without a cordon, a request would restart a stopped Machine."""
        cordoned = bool(self.machine.get("cordoned"))
        if self.wanted == STARTED:
            return "uncordon" if cordoned else ""
        return (
            "cordon" if self.wanted == STOPPED and configuration(self.machine).get("services") and not cordoned else ""
        )

    @property
    def labels(self) -> dict[str, str | None]:
        """The metadata that differ."""
        present = metadata(self.machine)
        return {key: value for key, value in self.metadata.items() if present.get(key) != value}

    @property
    def changes(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.moves or self.cordon or self.labels)

    def shown(self) -> dict[str, Any]:
        """Return the Machine as it will be afterwards."""
        kept = {**metadata(self.machine), **self.metadata}
        return {
            "id": self.machine["id"],
            "group": process_group(self.machine),
            "state": self.state,
            "metadata": {key: value for key, value in kept.items() if value is not None},
        }


def ensure_machines(
    fly: FlyAPI,
    app: str,
    wanted: Mapping[str, int | None],
    state: str | None,
    labels: Mapping[str, Any],
    wait_timeout: float,
    check_mode: bool,
    sleep: Callable[[float], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Bring each group in O(wanted) to its number of started Machines; if that is None, bring all of them to O(state).

    O(labels) are metadata for these Machines, or for all if O(wanted) is empty. Return the module's result. Raises
    StateError if there are too few Machines, or one takes longer than O(wait_timeout) seconds.
    """
    try:
        machines = fly.machines(app)
    except NotFound:
        if labels or any(number for number in wanted.values()) or state == STARTED:
            raise
        machines = []
    steps = plan(app, machines, wanted, state, {key: _text(value) for key, value in labels.items()})
    moving = [step for step in steps if step.changes]
    if moving and not check_mode:
        control = _Control(fly, app, wait_timeout, sleep or time.sleep, clock)
        with ThreadPoolExecutor(min(len(moving), _AT_ONCE)) as pool:
            # Try all of them, even if one fails.
            for result in [pool.submit(control.carry_out, step) for step in moving]:
                result.result()
    return {
        "changed": bool(moving),
        "machines": [step.shown() for step in steps],
        "diff": {
            "before": "".join(f"{step.machine['id']}: {step.machine['state']}\n" for step in moving),
            "after": "".join(f"{step.machine['id']}: {step.state}\n" for step in moving),
        },
    }


def plan(
    app: str,
    machines: Iterable[Machine],
    wanted: Mapping[str, int | None],
    state: str | None,
    labels: Mapping[str, str | None],
) -> list[Step]:
    """Return one step for each of the app's Machines, by group and id."""
    groups: dict[str, list[Machine]] = {}
    for machine in sorted(machines, key=lambda machine: (process_group(machine), str(machine["id"]))):
        group = process_group(machine)
        if is_deployed(machine) and machine["state"] not in _GONE and (group in wanted or group not in RESERVED_GROUPS):
            groups.setdefault(group, []).append(machine)
    states: dict[str, str] = {}
    for group, number in wanted.items():
        states.update(_states(app, group, groups.get(group, []), number, state))
    found = [machine for members in groups.values() for machine in members]
    if labels and not (found if not wanted else states):
        raise StateError(f"Fly app {app}", "it has no Machine to set metadata on", "Deploy first.")
    return [
        Step(machine, states.get(machine["id"]), labels if not wanted or machine["id"] in states else {})
        for machine in found
    ]


def _states(app: str, group: str, members: Sequence[Machine], number: int | None, state: str | None) -> dict[str, str]:
    """Return the wanted state of a group's Machines. A standby is never started, but is stopped with the others."""
    regular = [machine for machine in members if not is_standby(machine)]
    if number is None:
        number = len(regular) if state == STARTED else 0
        if state == STARTED and not regular:
            number = 1  # so that an empty group is an error
    if number > len(regular):
        raise StateError(
            f"process group {group} of Fly app {app}",
            f"it has {len(regular)} Machines, but {number} should run",
            "Deploy the group first; its Machines may be stopped.",
        )
    # Running Machines are chosen first.
    order = sorted(regular, key=lambda machine: machine["state"] != STARTED)
    chosen = {str(machine["id"]) for machine in order[:number]}
    return {str(machine["id"]): STARTED if machine["id"] in chosen else STOPPED for machine in members}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)


class _Control:
    """Carry out the steps, each in its own thread."""

    def __init__(
        self, fly: FlyAPI, app: str, wait_timeout: float, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._fly = fly
        self._app = app
        self._seconds = wait_timeout
        self._sleep = sleep
        self._clock = clock
        self._deadline = clock() + wait_timeout

    def carry_out(self, step: Step) -> None:
        """Make the Machine what it should be, and wait until it is."""
        for key, value in step.labels.items():
            if value is None:
                self._insist(step, "DELETE", f"/metadata/{key}")
            else:
                self._insist(step, "POST", f"/metadata/{key}", {"value": value})
        if step.cordon == "cordon":  # before it stops, so that no request restarts it
            self._insist(step, "POST", "/cordon")
        if step.moves and step.wanted:
            self._insist(step, "POST", "/start" if step.wanted == STARTED else "/stop", {})
            self._wait(step.machine, step.wanted)
        if step.cordon == "uncordon":
            self._insist(step, "POST", "/uncordon")

    def _insist(self, step: Step, method: str, path: str, body: Any = None) -> None:
        """Repeat a request until neither another client's lease nor a transitional state prevents it."""
        while True:
            try:
                self._fly.machine(self._app, step.machine["id"], method, path, body)
                return
            except APIError as error:
                if error.status not in _IN_THE_WAY:
                    raise
                if step.moves and path in ("/start", "/stop") and self._state(step.machine) == step.wanted:
                    return
                if self._clock() >= self._deadline:
                    raise self._late(step.machine, self._reason(step.machine, error)) from None
            self._sleep(_POLL)

    def _wait(self, machine: Machine, state: str) -> None:
        while True:
            left = self._deadline - self._clock()
            if left <= 0:
                raise self._late(machine, f"it is {self._state(machine)}, not {state}")
            seconds = max(1, min(math.ceil(left), _LONGEST_WAIT))
            query = {"state": state, "timeout": str(seconds)}
            if machine.get("instance_id"):
                query["instance_id"] = machine["instance_id"]
            try:
                # Without the client's own retries: taking long is not a failure here.
                self._fly.machine(
                    self._app, machine["id"], "GET", "/wait", query=query, repeatable=False, patience=float(seconds)
                )
                return
            except (Unavailable, ConnectionFailed):
                self._sleep(_POLL)

    def _state(self, machine: Machine) -> str:
        return str(self._fly.machine(self._app, machine["id"], "GET", "")["state"])

    def _reason(self, machine: Machine, error: APIError) -> str:
        lease = self._fly.lease(self._app, machine["id"])
        if not lease:
            return error.cause
        left = max(0, int(lease.get("expires_at") or 0) - int(time.time()))
        return f"{lease.get('owner') or 'someone else'} holds a lease on it for another {left} seconds"

    def _late(self, machine: Machine, why: str) -> StateError:
        ident = machine["id"]
        return StateError(
            f"Machine {ident} (process group {process_group(machine)}) of Fly app {self._app}",
            f"after {self._seconds:g} seconds {why}",
            f"Check 'fly machine status {ident} -a {self._app}' and 'fly logs -a {self._app}', then run again.",
        )


def wishes(counts: Mapping[str, Any] | None, groups: Sequence[str] | None) -> dict[str, int | None]:
    """Return the wanted groups with their numbers; raises InputError for an invalid number."""
    if counts is None:
        return dict.fromkeys(groups or [])
    numbers: dict[str, int | None] = {}
    for group, value in counts.items():
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InputError(f"option counts, group {group}", "this is not a number of Machines", "Give 0 or more.")
        numbers[group] = value
    return numbers
