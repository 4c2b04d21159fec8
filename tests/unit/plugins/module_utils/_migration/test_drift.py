# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit calls drift: each thing once, by name, and nothing that the migration did itself."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.drift import since
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen, facts


@pytest.fixture
def former(rehearsed: dict[str, Any]) -> dict[str, Any]:
    secrets = {name: {"status": "Deployed", "digest": f"d-{name}"} for name in ("API_KEY", "OLD")}
    config = {name: {"class": "transfer", "reason": ""} for name in ("API_KEY", "OLD")}
    found = facts(Seen(rehearsed))
    return {**found, "secrets": secrets, "config": config, "tables": ["public.orders", "public.users"]}


@pytest.fixture
def now(former: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(former)


def told(former: dict[str, Any], now: dict[str, Any], **names: str) -> list[str]:
    return [drift["text"] for drift in since(former, now, names)]


def test_nothing_drifts_without_an_earlier_report_or_a_difference(former: dict[str, Any], now: dict[str, Any]) -> None:
    assert told({}, now) == []
    assert told(former, now, API_KEY="unchanged") == []


def test_config_vars_on_heroku(former: dict[str, Any], now: dict[str, Any]) -> None:
    now["config"]["NEW"] = {"class": "addon", "reason": ""}
    del now["config"]["OLD"]
    assert told(former, now, API_KEY="set") == [
        "config var NEW was added on Heroku (addon)",
        "config var OLD was removed on Heroku",
        "config var API_KEY has another value on Heroku",
    ]
    now["config"]["API_KEY"]["class"] = "service"
    assert "config var API_KEY is service now, and was transfer" in told(former, now, API_KEY="set")


def test_a_value_that_somebody_changed_on_fly_is_not_said_to_be_herokus(
    former: dict[str, Any], now: dict[str, Any]
) -> None:
    now["secrets"] = {"API_KEY": {"digest": "other"}, "ADDED": {"digest": "1"}}
    assert told(former, now, API_KEY="set") == [
        "secret ADDED was added on Fly.io",
        "secret OLD was removed on Fly.io",
        "secret API_KEY was changed on Fly.io",
    ]


def test_processes_and_tables(former: dict[str, Any], now: dict[str, Any]) -> None:
    now["tables"] = ["public.invoices", "public.users"]
    now["processes"] = {**now["processes"], "clock": "bin/clock", "web": "bin/other"}
    assert told(former, now) == [
        "table public.invoices was added on Heroku",
        "table public.orders was removed on Heroku",
        "process clock was added",
        "process web has another command",
    ]


def test_what_could_not_be_read_is_no_drift(former: dict[str, Any], now: dict[str, Any]) -> None:
    assert told(former, {**now, "tables": [], "processes": {}}) == []


def test_heroku_is_of_no_account_once_the_app_is_live(former: dict[str, Any], now: dict[str, Any]) -> None:
    now.update(status="live", config={}, tables=["public.other"])
    assert told(former, now) == []
