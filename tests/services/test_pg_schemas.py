# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schemas of every kind, one per file in C(schemas): copied, compared with what pg_dump gives, and brought forward."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_transfer
from ansible_collections.flyover.heroku_to_fly.tests.services import round_trip
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import HERE, Database, Server

FILES = sorted((HERE / "schemas").glob("*.sql"))
_EXTENSIONS = ("citext", "hstore", "unaccent", "btree_gist", "ltree", "intarray", "cube", "earthdistance")
_PATH = '"$user", public, heroku_ext'


@pytest.fixture(scope="module")
def empty_app(heroku_server: Server) -> Iterator[str]:
    """Yield the name of a template with Heroku's extensions and nothing else."""
    name = "template_empty"
    heroku_server.rows("postgres", f"create database {name} owner {heroku_server.role}")
    heroku_server.rows(name, f"alter schema public owner to {heroku_server.role}")
    extensions = "".join(f"create extension {extension} schema heroku_ext;" for extension in _EXTENSIONS)
    heroku_server.rows(name, f"create schema heroku_ext; grant usage on schema heroku_ext to public; {extensions}")
    heroku_server.rows(
        name,
        "create extension postgres_fdw schema heroku_ext; create server elsewhere foreign data wrapper postgres_fdw;"
        f"grant usage on foreign server elsewhere to {heroku_server.role}",
    )
    yield name
    heroku_server.rows("postgres", f"drop database {name}")


@pytest.fixture
def databases(heroku_server: Server, fly_server: Server, empty_app: str) -> Iterator[tuple[Database, Database]]:
    """Yield source and target."""
    heroku_server.rows("postgres", f"create database schemas template {empty_app} owner {heroku_server.role}")
    heroku_server.rows("postgres", f"alter database schemas set search_path = {_PATH}")
    fly_server.rows("postgres", f'create database schemas owner "{fly_server.role}"')
    yield Database(heroku_server, "schemas"), Database(fly_server, "schemas")
    heroku_server.rows("postgres", "drop database schemas with (force)")
    fly_server.rows("postgres", "drop database schemas with (force)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_schema_comes_through(run_module: Any, databases: tuple[Database, Database], path: Path) -> None:
    source, target = databases
    urls = {"source": source.url, "target": target.url}
    case = round_trip.read(path)

    for step in case.steps:
        assert round_trip.load(source, step.sql) == []
        result = run_module(pg_transfer, {**urls, "mode": "auto" if step.verdict == "copied" else "delta"})
        assert (result.get("verdict"), result.get("msg")) == (step.verdict, None)
        assert [one for one in round_trip.differences(source, target) if not case.allows(one)] == []
        before = target.fingerprint()
        assert run_module(pg_transfer, urls, check_mode=True)["verdict"] == "unchanged"
        assert run_module(pg_transfer, urls)["verdict"] == "unchanged"
        assert target.fingerprint() == before
