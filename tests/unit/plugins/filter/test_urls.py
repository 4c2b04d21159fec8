# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of private services: whether they need a tunnel, and what they are through it."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.filter.postgres_url import postgres_url
from ansible_collections.flyover.heroku_to_fly.plugins.filter.private_address import private_address
from ansible_collections.flyover.heroku_to_fly.plugins.filter.through_tunnel import through_tunnel

TUNNEL = {"host": "127.0.0.1", "local_port": 16380}


@pytest.mark.parametrize("secret", ["a/b", "a@b:c", "100%", "%2F", "žluť 🐎", "?#&=+", "", "[::1]", "a\\b\"'$`"])
def test_every_password_survives_the_url_and_the_tunnel(secret: str) -> None:
    parts = {
        "user": f"u{secret}",
        "password": secret,
        "dbname": f"d{secret}",
        "host": "direct.x.flympg.net",
        "port": 5432,
    }
    url = urlsplit(through_tunnel(postgres_url(parts), TUNNEL))
    assert (unquote(url.username or ""), unquote(url.password or "")) == (f"u{secret}", secret)
    assert unquote(url.path) == f"/d{secret}"
    assert (url.hostname, url.port) == ("127.0.0.1", 16380)


def test_a_cluster_that_is_not_there_yet_has_no_url() -> None:
    assert postgres_url({}) == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@paper-db.flycast/app", "paper-db.flycast:5432"),
        ("postgres://u:p@paper-db.flycast:5433/app?sslmode=disable", "paper-db.flycast:5433"),
        ("postgres://u:p@TOP1.NEAREST.OF.PAPER-DB.INTERNAL/app", "TOP1.NEAREST.OF.PAPER-DB.INTERNAL:5432"),
        ("postgresql://u:p@pgbouncer.abc.flympg.net/fly-db", "pgbouncer.abc.flympg.net:5432"),
        ("redis://default:p@fly-paper.upstash.io:6379", "fly-paper.upstash.io:6379"),
        ("postgres://u:p@[fdaa:0:1::3]:5433/app", "[fdaa:0:1::3]:5433"),
        ("postgres://u:p@db.example.com/app", ""),
        ("postgres://u:p@db.example.com/paper-db.flycast", ""),
        ("postgres://u:p@db.example.com/app?x=@paper-db.flycast/", ""),
        ("postgres://u:x.flycast@db.example.com/app", ""),
        ("postgres://u:p@paper.upstash.io/app", ""),
        ("postgres://u:p@x.flycast.example.com/app", ""),
        ("", ""),
        ("no url", ""),
    ],
)
def test_only_hosts_of_flys_own_network_need_a_tunnel(url: str, expected: str) -> None:
    assert private_address(url, 5432) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p%2Fq@paper-db.flycast/app?a=b#c", "postgres://u:p%2Fq@127.0.0.1:16380/app?a=b#c"),
        ("redis://:p@q@fly-paper.upstash.io:6379", "redis://:p@q@127.0.0.1:16380"),
        ("redis://fly-paper.upstash.io", "redis://127.0.0.1:16380"),
        ("postgres://u:p@[fdaa:0:1::3]:5433/app", "postgres://u:p@127.0.0.1:16380/app"),
        ("", ""),
    ],
)
def test_a_tunnel_replaces_host_and_port_alone(url: str, expected: str) -> None:
    assert through_tunnel(url, TUNNEL) == expected


@pytest.mark.parametrize("tunnel", [{}, {"host": "127.0.0.1", "local_port": 0}, {"skipped": True}])
def test_without_a_tunnel_there_is_no_url(tunnel: dict[str, object]) -> None:
    assert through_tunnel("redis://fly-paper.upstash.io", tunnel) == ""
