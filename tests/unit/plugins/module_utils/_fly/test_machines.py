# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.machines import is_healthy

PASSING, FAILING = {"name": "servicecheck-00-http-8080", "status": "passing"}, {"status": "critical"}


@pytest.mark.parametrize(
    "config", [{"services": [{"checks": [{"type": "http"}]}]}, {"checks": {"up": {"type": "tcp"}}}]
)
@pytest.mark.parametrize(
    ("checks", "healthy"),
    [([PASSING], True), ([PASSING, FAILING], False), ([], False), (None, False)],
)
def test_machine_with_checks_is_healthy_when_they_have_answered(
    config: dict[str, Any], checks: list[Any] | None, healthy: bool
) -> None:
    assert is_healthy({"state": "started", "config": config, "checks": checks}) is healthy


@pytest.mark.parametrize("config", [{}, {"services": [{"checks": None}]}, {"services": None, "checks": None}])
def test_machine_without_checks_is_healthy_when_it_is_started(config: dict[str, Any]) -> None:
    assert is_healthy({"state": "started", "config": config})
    assert not is_healthy({"state": "stopped", "config": config})
