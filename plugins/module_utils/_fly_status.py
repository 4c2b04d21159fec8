# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a Fly app's Machines and releases say about its process groups and secrets, as Fly's own client computes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# Groups of flyctl's own short-lived Machines.
RESERVED_GROUPS = frozenset({"fly_app_release_command", "fly_app_console", "fly_app_test_machine_command"})
DEPLOYED, PARTIAL, STAGED, UNKNOWN = "Deployed", "Partial", "Staged", "Unknown"
# Above this flyctl shows no status: it would have to read too many releases.
MOST_MACHINES = 100

Machine = dict[str, Any]


def metadata(machine: Machine) -> dict[str, str]:
    """Return the Machine's metadata, {} where it has none."""
    return (machine.get("config") or {}).get("metadata") or {}


def process_group(machine: Machine) -> str:
    """Return the Machine's process group; one that no deploy made belongs to C(app)."""
    return metadata(machine).get("fly_process_group") or "app"


def is_standby(machine: Machine) -> bool:
    """Return whether this is a stopped stand-by of another Machine, which --ha makes for groups without services."""
    return bool((machine.get("config") or {}).get("standbys"))


def by_group(machines: Iterable[Machine]) -> dict[str, list[Machine]]:
    """Return the app's own Machines by process group, without stand-bys and destroyed ones."""
    groups: dict[str, list[Machine]] = {}
    for machine in machines:
        group = process_group(machine)
        if (
            group not in RESERVED_GROUPS
            and not is_standby(machine)
            and machine["state"] not in ("destroying", "destroyed")
        ):
            groups.setdefault(group, []).append(machine)
    return groups


def is_healthy(machine: Machine) -> bool:
    """Return whether the Machine is started and every check of it passes."""
    checks = machine.get("checks") or []
    return machine["state"] == "started" and all(check.get("status") == "passing" for check in checks)


def current_release(releases: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the newest release that was completed, or None; O(releases) come newest first."""
    return next((release for release in releases if release.get("status") in ("complete", "succeeded")), None)


def secret_statuses(
    secrets: Iterable[dict[str, Any]], machines: Iterable[Machine], releases: Iterable[dict[str, Any]]
) -> dict[str, str]:
    """Return for each secret whether all (Deployed), some (Partial) or none (Staged) of the Machines have it.

    A Machine has a secret that was last written before the Machine's release was made.
    """
    own = [machine for group in by_group(machines).values() for machine in group]
    created = {str(release["version"]): str(release["created_at"]) for release in releases}
    made = [created.get(metadata(machine).get("fly_release_version", "")) for machine in own]

    def status(updated_at: str) -> str:
        if not made:
            return STAGED
        if len(made) > MOST_MACHINES or None in made:
            return UNKNOWN
        having = sum(instant(updated_at) <= instant(at) for at in made if at is not None)
        return DEPLOYED if having == len(made) else PARTIAL if having else STAGED

    return {secret["name"]: status(str(secret.get("updated_at") or "")) for secret in secrets}


def instant(timestamp: str) -> str:
    """Return an RFC 3339 time in UTC in a form whose text order is the order of time, whatever its precision."""
    whole, _dot, fraction = timestamp.rstrip("Z").partition(".")
    return f"{whole}.{fraction:0<9}"
