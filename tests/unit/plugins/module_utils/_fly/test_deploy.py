# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Machines a deploy waits for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.deploy import Present, Wanted, _sick


def machine(number: int, state: str = "started", status: str = "passing") -> dict[str, Any]:
    metadata = {"fly_platform_version": "v2", "fly_process_group": "web"}
    config = {"metadata": metadata, "services": [{"checks": [{"type": "http"}]}]}
    return {"id": f"m{number}", "state": state, "config": config, "checks": [{"status": status}]}


def sick(before: list[dict[str, Any]], now: list[dict[str, Any]], count: int = 2) -> list[str]:
    """Return the Machines that are waited for."""
    wanted = Wanted("paper-crane", Path("."), Path("fly.toml"), None, {"web": count}, None, 60)
    found = _sick(wanted, Present(None, {"web": before}, []), Present(None, {"web": now}, []))
    return [str(one["id"]) for one in found]


@pytest.mark.parametrize(
    ("before", "now", "waits"),
    [
        ([machine(1)], [machine(1)], False),
        ([machine(1)], [machine(1, status="critical")], True),
        # A rollback or a failed window stopped it, and an update leaves it stopped.
        ([machine(1, "stopped")], [machine(1, "stopped")], False),
        ([machine(1, "stopped")], [machine(1, status="critical")], True),
        # It ran before: the new release has stopped it.
        ([machine(1)], [machine(1, "stopped")], True),
        # It is new: it has to start.
        ([], [machine(1, "stopped")], True),
        ([machine(1, "stopped")], [machine(1, "stopped"), machine(2, "stopped")], True),
    ],
)
def test_machines_that_were_stopped_before_are_not_waited_for(
    before: list[dict[str, Any]], now: list[dict[str, Any]], waits: bool
) -> None:
    assert bool(sick(before, now)) is waits


def test_group_that_is_to_have_no_machine_is_not_waited_for() -> None:
    assert sick([], [machine(1, "stopped")], count=0) == []


def test_machines_that_wait_are_the_new_ones_only() -> None:
    assert sick([machine(1, "stopped")], [machine(1, "stopped"), machine(2, "created")]) == ["m2"]
