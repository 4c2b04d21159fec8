# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the app's databases are and where they go, from no result at all to open tunnels."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.filter.data_services import data_services

POSTGRES = {"kind": "postgres", "addon": "postgresql-flat-1", "primary": "DATABASE_URL"}
FOLLOWER = {"kind": "postgres", "addon": "postgresql-follower-2", "primary": "FOLLOWER_URL"}
REDIS = {"kind": "redis", "addon": "redis-round-3", "primary": "REDIS_URL"}
CLUSTER = {
    "id": "mpg1",
    "url": "postgresql://u:p@pgbouncer.mpg1.flympg.net/fly-db",
    "direct_url": "postgresql://u:p@direct.mpg1.flympg.net/fly-db",
    "direct": {"user": "u", "password": "p/q", "dbname": "fly-db", "host": "direct.mpg1.flympg.net", "port": 5432},
}
UPSTASH = {"url": "redis://default:p@fly-paper.upstash.io:6379"}
TUNNELS = {
    "results": [
        {"item": {"service": "postgres"}, "host": "127.0.0.1", "local_port": 16380},
        {"item": {"service": "redis"}, "host": "127.0.0.1", "local_port": 16381},
    ]
}


def test_before_anything_is_created_there_are_no_urls() -> None:
    found = data_services([POSTGRES, FOLLOWER, REDIS])
    assert found["config_vars"] == ["DATABASE_URL", "REDIS_URL"]
    assert (found["tunnels"], found["replacements"]) == ([], {})
    for kind in ("postgres", "redis"):
        service = found[kind]
        assert (service["exists"], service["is_created"], service["is_copied"]) == (True, True, True)
        assert [service[name] for name in ("source", "target", "app_url", "tunnel")] == ["", "", "", ""]


def test_what_fly_has_is_reached_through_tunnels_once_they_are_open() -> None:
    given: dict[str, Any] = {"postgres": {"read": CLUSTER}, "redis": {"read": UPSTASH}}
    closed = data_services([POSTGRES, REDIS], **given)
    assert closed["tunnels"] == [
        {"service": "postgres", "target": "mpg1"},
        {"service": "redis", "target": "fly-paper.upstash.io:6379"},
    ]
    assert closed["replacements"] == {"postgresql-flat-1": CLUSTER["url"], "redis-round-3": UPSTASH["url"]}
    assert (closed["postgres"]["target"], closed["redis"]["target"]) == ("", "")
    opened = data_services([POSTGRES, REDIS], {"DATABASE_URL": "postgres://old", "OTHER": "x"}, TUNNELS, **given)
    assert opened["postgres"]["source"] == "postgres://old"
    assert opened["postgres"]["target"] == "postgresql://u:p%2Fq@127.0.0.1:16380/fly-db"
    assert opened["redis"]["target"] == "redis://default:p@127.0.0.1:16381"


@pytest.mark.parametrize(
    ("pooled", "enough", "url"),
    [
        ("auto", True, "url"),
        ("auto", False, "direct_url"),
        (True, False, "url"),
        ("true", False, "url"),
        (False, True, "direct_url"),
        ("false", True, "direct_url"),
    ],
)
def test_the_app_gets_the_pooled_url_if_that_is_enough_or_asked_for(pooled: Any, enough: bool, url: str) -> None:
    wanted = {"read": CLUSTER, "pooled": pooled, "pooled_is_enough": enough}
    assert data_services([POSTGRES], postgres=wanted)["postgres"]["app_url"] == CLUSTER[url]
    brought = data_services([POSTGRES], postgres={**wanted, "url": "postgres://u:p@db.example.com/app"})
    assert brought["postgres"]["app_url"] == "postgres://u:p@db.example.com/app"


@pytest.mark.parametrize(
    ("url", "tunnel", "target"),
    [
        ("postgres://u:p@db.example.com/app", "", "postgres://u:p@db.example.com/app"),
        ("postgres://u:p@paper-db.flycast/app", "paper-db.flycast:5432", "postgres://u:p@127.0.0.1:16380/app"),
    ],
)
def test_database_of_ones_own(url: str, tunnel: str, target: str) -> None:
    found = data_services([POSTGRES], tunnels=TUNNELS, postgres={"url": url, "read": {"skipped": True}})["postgres"]
    assert (found["is_created"], found["tunnel"], found["target"], found["app_url"]) == (False, tunnel, target, url)


def test_app_without_data_needs_nothing() -> None:
    found = data_services([], postgres={"read": {}}, redis={"url": "redis://:p@fly-x.upstash.io"})
    assert (found["config_vars"], found["tunnels"], found["replacements"]) == ([], [], {})
    assert (found["postgres"]["exists"], found["redis"]["exists"]) == (False, False)


def test_redis_that_is_not_copied_needs_no_tunnel_but_takes_the_url() -> None:
    found = data_services([REDIS], redis={"read": UPSTASH, "data": "skip"})
    assert (found["redis"]["exists"], found["redis"]["is_copied"]) == (True, False)
    assert (found["config_vars"], found["tunnels"]) == ([], [])
    assert found["replacements"] == {"redis-round-3": UPSTASH["url"]}


@pytest.mark.parametrize(
    ("given", "own"),
    [
        ({}, False),
        ({"created": {"created": True}}, True),
        ({"created": {"created": False}}, False),
        ({"created": {"skipped": True}, "name": "paper-redis", "recorded": "paper-redis"}, True),
        ({"name": "paper-redis", "recorded": "other-redis"}, False),
        ({"created": {"created": True}, "url": "redis://:p@redis.example.com"}, False),
    ],
)
def test_only_a_redis_that_this_migration_created_is_its_own(given: dict[str, Any], own: bool) -> None:
    assert data_services([REDIS], redis=given)["redis"]["is_own"] is own
