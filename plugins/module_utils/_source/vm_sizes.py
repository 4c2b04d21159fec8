# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Which Fly Machine replaces a dyno: memory first, never less than the dyno had.

Dynos: devcenter.heroku.com/articles/dyno-types (June 2024). Fly's presets and limits: fly-go, machine_types.go; memory
comes in steps of 256 MB for shared CPUs and of 2 GB for performance CPUs (fly.io/docs, machine-sizing).
docs/processes.md has the resulting table; a test keeps the two in sync.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_GB = 1024


@dataclass(frozen=True)
class Dyno:
    """What a dyno type has."""

    memory_mb: int
    cpus: int
    dedicated: bool = True


@dataclass(frozen=True)
class VMSize:
    """A Machine's size, in the terms of C([[vm]]) in fly.toml."""

    size: str
    memory_mb: int

    @property
    def memory(self) -> str:
        """Return the memory in fly.toml's notation."""
        return f"{self.memory_mb // _GB}gb" if self.memory_mb % _GB == 0 else f"{self.memory_mb}mb"


# Common Runtime, Private Spaces and Shield Spaces have the same dynos with different prefixes.
_DEDICATED = {
    "m": Dyno(2560, 2),
    "l": Dyno(14 * _GB, 8),
    "l-ram": Dyno(30 * _GB, 4),
    "xl": Dyno(62 * _GB, 8),
    "2xl": Dyno(126 * _GB, 16),
}
DYNOS: Mapping[str, Dyno] = {
    **dict.fromkeys(["eco", "basic", "standard-1x", "free", "hobby", "1x"], Dyno(512, 1, dedicated=False)),
    **dict.fromkeys(["standard-2x", "2x"], Dyno(1 * _GB, 2, dedicated=False)),
    **dict.fromkeys(["private-s", "shield-s"], Dyno(1 * _GB, 1)),
    **{f"{tier}-{name}": dyno for tier in ("performance", "private", "shield") for name, dyno in _DEDICATED.items()},
    # As the API spells the larger ones of Private and Shield Spaces.
    **{
        f"{tier}-memory-{name}": _DEDICATED[size]
        for tier in ("private", "shield")
        for name, size in (("l", "l-ram"), ("xl", "xl"), ("2xl", "2xl"))
    },
    **dict.fromkeys(["performance", "px"], _DEDICATED["l"]),
}
# Fir's dyno names say what they have; its classic family shares CPUs.
_FIR = re.compile(r"dyno-(\d+)c-(\d+(?:\.\d+)?)gb")
_FIR_SHARED = frozenset(["dyno-1c-0.5gb", "dyno-2c-1gb"])


@dataclass(frozen=True)
class _Kind:
    name: str
    cpus: tuple[int, ...]
    least_mb: int
    """Per CPU; also what a preset has by default."""
    most_mb: int
    step_mb: int


_KINDS = {
    False: _Kind("shared-cpu", (1, 2, 4, 6, 8), 256, 2 * _GB, 256),
    True: _Kind("performance", (1, 2, 4, 6, 8, 10, 12, 14, 16), 2 * _GB, 8 * _GB, 2 * _GB),
}
PRESETS_MB: Mapping[str, int] = {
    f"{kind.name}-{cpus}x": cpus * kind.least_mb for kind in _KINDS.values() for cpus in kind.cpus
}
_DEFAULT_PRESET = "shared-cpu-1x"
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_UNIT_MB = {"": 1.0, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0 * 1024}


def dyno(name: str) -> Dyno | None:
    """Return what dyno type O(name), in upper or lower case, has; None if it is unknown."""
    name = name.lower()
    fir = _FIR.fullmatch(name)
    if fir:
        return Dyno(round(float(fir.group(2)) * _GB), int(fir.group(1)), dedicated=name not in _FIR_SHARED)
    return DYNOS.get(name)


def vm_size(of: Dyno) -> VMSize:
    """Return the smallest Machine with at least the memory of O(of) and, if a preset has as many, its CPUs."""
    kind = _KINDS[of.dedicated]
    fitting = [cpus for cpus in kind.cpus if cpus * kind.most_mb >= of.memory_mb]
    cpus = next((cpus for cpus in fitting if cpus >= of.cpus), kind.cpus[-1])
    steps = -(-of.memory_mb // kind.step_mb)
    return VMSize(f"{kind.name}-{cpus}x", max(steps * kind.step_mb, cpus * kind.least_mb))


def memory_mb(vm: Mapping[str, Any]) -> int:
    """Return the memory that flyctl gives a Machine for one C([[vm]]) section (FC appconfig/machines.go)."""
    if vm.get("memory_mb"):
        return int(vm["memory_mb"])
    found = _MEMORY.fullmatch(str(vm.get("memory") or "").strip())
    if found:
        return int(float(found.group(1)) * _UNIT_MB[found.group(2).lower()])
    return PRESETS_MB.get(str(vm.get("size") or _DEFAULT_PRESET), 0)
