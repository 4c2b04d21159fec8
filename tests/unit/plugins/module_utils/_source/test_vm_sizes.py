# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.vm_sizes import (
    DYNOS,
    PRESETS_MB,
    dyno,
    memory_mb,
    vm_size,
)

GUIDE = Path(__file__).resolve().parents[5] / "docs" / "processes.md"
FIR = ["dyno-1c-0.5gb", "dyno-2c-1gb", "dyno-1c-4gb", "dyno-2c-8gb", "dyno-8c-32gb", "dyno-32c-128gb"]


@pytest.mark.parametrize("name", [*DYNOS, *FIR])
def test_machine_never_has_less_memory_and_fly_takes_it(name: str) -> None:
    known = dyno(name)
    assert known is not None
    size = vm_size(known)
    assert size.memory_mb >= known.memory_mb
    least, step = PRESETS_MB[size.size], 256 if size.size.startswith("shared") else 2048
    assert size.memory_mb >= least
    assert size.memory_mb % step == 0
    assert memory_mb({"memory": size.memory}) == size.memory_mb


def test_names_are_read_in_any_case_and_unknown_ones_are_none() -> None:
    assert dyno("Standard-1X") == dyno("standard-1x")
    assert dyno("Private-Memory-XL") == dyno("private-xl")
    assert dyno("dyno-2c-8gb") is not None
    assert dyno("quantum-9000") is None


@pytest.mark.parametrize(
    ("vm", "expected"),
    [
        ({}, 256),
        ({"size": "performance-2x"}, 4096),
        ({"memory": "512mb"}, 512),
        ({"memory": "1.5 GB"}, 1536),
        ({"memory": "512"}, 512),
        ({"memory_mb": 1024, "size": "shared-cpu-1x"}, 1024),
        ({"size": "a100-40gb"}, 0),
    ],
)
def test_memory_of_a_section(vm: dict[str, Any], expected: int) -> None:
    assert memory_mb(vm) == expected


def test_guide_has_the_same_table() -> None:
    rows = re.findall(r"^\| ([\w, -]+) \| ([\w-]+x) \| (\w+) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name.lower(): (size, memory) for names, size, memory in rows for name in names.split(", ")}
    assert len(told) >= 19
    for name, expected in told.items():
        known = dyno(name)
        assert known is not None, name
        assert (vm_size(known).size, vm_size(known).memory) == expected
