# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a migration costs on Fly.io, as far as Fly publishes figures that do not depend on region or use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AS_OF = "2026-11"
SOURCE = "https://fly.io/docs/about/pricing/"
# Managed Postgres without storage, in dollars a month: flyctl, internal/command/mpg/plans.go.
POSTGRES_PLANS = {"basic": 38, "starter": 72, "launch": 282, "scale": 962, "performance": 1922}


def costs(
    machines: Mapping[str, Mapping[str, Any]], cluster: Mapping[str, Any], redis: bool, plan: str
) -> Sequence[str]:
    """Return what is billed on Fly, a line each; O(machines) are groups with C(count), C(size) and C(memory_mb)."""
    lines = []
    if cluster:
        dollars = POSTGRES_PLANS.get(str(cluster["plan"]).lower())
        price = f"${dollars} a month and storage by the GB" if dollars else "at Fly's price for this plan"
        lines.append(f"Managed Postgres {cluster['name']}, plan {cluster['plan']}: {price}")
    if redis:
        lines.append(f"Upstash Redis: {plan or 'pay as you go, by commands and storage'}")
    for group, machine in machines.items():
        size = f"{machine.get('size') or 'size as in fly.toml'}"
        memory = f", {machine['memory_mb']} MB" if machine.get("memory_mb") else ""
        lines.append(
            f"{counted(machine['count'], 'Machine')} for {group} ({size}{memory}): by the second while they run"
        )
    return lines


def counted(number: int, thing: str) -> str:
    """Return O(number) with the right form of O(thing)."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
