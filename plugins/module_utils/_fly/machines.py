# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a Fly app's Machines and releases say about its process groups and secrets, computed as flyctl does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

# Groups that flyctl uses for its own short-lived Machines.
RELEASE_COMMAND = "fly_app_release_command"
RESERVED_GROUPS = frozenset({RELEASE_COMMAND, "fly_app_console", "fly_app_test_machine_command"})
DEPLOYED, PARTIAL, STAGED, UNKNOWN = "Deployed", "Partial", "Staged", "Unknown"
# With more than this, flyctl shows no status: it would have to read too many releases.
MOST_MACHINES = 100

TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-]\d\d):(\d\d))?")

Machine = dict[str, Any]


def configuration(machine: Machine) -> dict[str, Any]:
    """Return the Machine's configuration, or the part that is known while its host is unreachable."""
    return machine.get("config") or machine.get("incomplete_config") or {}


def metadata(machine: Machine) -> dict[str, str]:
    """Return the Machine's metadata, {} if it has none."""
    return configuration(machine).get("metadata") or {}


def is_deployed(machine: Machine) -> bool:
    """Return whether a deploy made the Machine; deploy and scale ignore others, such as those of 'fly machine run'."""
    return metadata(machine).get("fly_platform_version") == "v2"


def process_group(machine: Machine) -> str:
    """Return the Machine's process group."""
    found = metadata(machine)
    return found.get("fly_process_group") or found.get("process_group") or "app"


def is_standby(machine: Machine) -> bool:
    """Return whether this is another Machine's stopped standby, which --ha creates for groups without services."""
    return bool(configuration(machine).get("standbys"))


def by_group(machines: Iterable[Machine]) -> dict[str, list[Machine]]:
    """Return the deployed Machines by process group, without standby and destroyed Machines."""
    groups: dict[str, list[Machine]] = {}
    for machine in machines:
        group = process_group(machine)
        if (
            is_deployed(machine)
            and group not in RESERVED_GROUPS
            and not is_standby(machine)
            and machine["state"] not in ("destroying", "destroyed")
        ):
            groups.setdefault(group, []).append(machine)
    return groups


def is_healthy(machine: Machine) -> bool:
    """Return whether the Machine is started and all its checks pass; right after the start they have no result yet."""
    # The API adds artificial checks with this name for old clients.
    checks = [c for c in machine.get("checks") or [] if not str(c.get("name", "")).startswith("bg_deployments_compat")]
    if machine["state"] != "started" or (not checks and _has_checks(machine)):
        return False
    return all(check.get("status") == "passing" for check in checks)


def _has_checks(machine: Machine) -> bool:
    config = configuration(machine)
    return bool(config.get("checks")) or any(service.get("checks") for service in config.get("services") or [])


def current_release(releases: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the newest completed release, or None; O(releases) must be newest first."""
    return next((release for release in releases if release.get("status") in ("complete", "succeeded")), None)


def secret_statuses(
    secrets: Iterable[dict[str, Any]], machines: Iterable[Machine], releases: Iterable[dict[str, Any]]
) -> dict[str, str]:
    """Return for each secret whether all (Deployed), some (Partial) or none (Staged) of the Machines have it.

    A Machine has a secret if it was last written before the Machine's release was created.
    """
    own = [machine for group in by_group(machines).values() for machine in group]
    created = {str(release["version"]): instant(release["created_at"]) for release in releases}
    made = [created.get(metadata(machine).get("fly_release_version", "")) for machine in own]

    def status(updated_at: tuple[datetime, int] | None) -> str:
        if not made:
            return STAGED
        if len(made) > MOST_MACHINES or None in made or updated_at is None:
            return UNKNOWN
        having = sum(updated_at <= at for at in made if at is not None)
        return DEPLOYED if having == len(made) else PARTIAL if having else STAGED

    return {secret["name"]: status(instant(secret.get("updated_at"))) for secret in secrets}


def instant(timestamp: str | None) -> tuple[datetime, int] | None:
    """Return an RFC 3339 time (UTC if it has no zone) and its nanoseconds, or None if it is not one."""
    found = TIMESTAMP.fullmatch(timestamp or "")
    if not found:
        return None
    whole, fraction, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(f"{hours[0]}{minutes}")) if hours else timedelta()
    return datetime.fromisoformat(whole) - offset, int(f"{fraction or '':0<9}")
