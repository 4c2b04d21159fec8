# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a sandbox together from its parts, and end it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path

from .fly.state import FlyState
from .heroku.one_off import Rendezvous
from .heroku.state import HerokuState
from .postgres import PostgresServer, installations
from .redis_server import AS_UPSTASH, RedisServer
from .scenario import POSTGRES, REDIS, Scenario
from .tls import Certificate, for_loopback, self_signed
from .world import World


async def build(directory: Path, scenario: Scenario, heroku_port: int, fly_port: int) -> World:
    """Start the real servers and fill both platforms with the scenario."""
    certificate = self_signed(directory)
    found = installations()
    newest = found[-1] if found else None
    if newest is None:
        raise RuntimeError("PostgreSQL with its contrib modules is missing: run 'make setup', or install it.")
    # Heroku's server has an older major version if this machine has two.
    source, target = PostgresServer(found[0], certificate), PostgresServer(newest)
    world = World(directory, scenario, heroku_port, fly_port, source, target)
    try:
        await asyncio.gather(asyncio.to_thread(source.start), asyncio.to_thread(target.start))
        target_redis = RedisServer(directory / "redis" / "fly", settings=AS_UPSTASH if scenario.upstash else ())
        await target_redis.start()
        world.target_redis.append(target_redis)
        urls = await _start_addons(world, certificate)
        if scenario.source:
            shutil.copytree(scenario.source, world.source, symlinks=True)
        else:
            world.source.mkdir()
        world.rendezvous = Rendezvous(for_loopback(directory / "rendezvous"))
        await world.rendezvous.start()
        world.heroku = HerokuState(scenario, urls, lambda *words: world.rendezvous.launch(world.source, *words))
        world.fly = FlyState(directory, scenario.fly_org, target, world.target_redis)
    except BaseException:
        await close(world)
        raise
    return world


async def _start_addons(world: World, certificate: Certificate) -> dict[int, str]:
    """Create the scenario's real databases and start its real Redis servers; return their URLs by position."""
    urls: dict[int, str] = {}
    for number, addon in enumerate(world.scenario.addons):
        if addon.service == POSTGRES:
            name = ("d" + addon.attachment.lower().encode().hex()[:8] + str(number)).ljust(10, "0")
            role, password = "u" + name[1:], "p" + "0123456789abcdef" * 2 + str(number)
            await asyncio.to_thread(world.source_postgres.create_database, name, role, password)
            await asyncio.to_thread(world.source_postgres.prepare, name, role)
            if addon.sql:
                await asyncio.to_thread(world.source_postgres.load, name, role, addon.sql)
            urls[number] = world.source_postgres.url(role, password, name, scheme="postgres")
        elif addon.service == REDIS:
            server = RedisServer(world.directory / "redis" / f"heroku-{number}", certificate)
            await server.start()
            world.source_redis.append(server)
            if addon.commands:
                await asyncio.to_thread(server.load, addon.commands)
            urls[number] = server.url
    return urls


async def close(world: World) -> None:
    """Stop everything that runs."""
    if hasattr(world, "fly"):
        await world.fly.close()
    if hasattr(world, "rendezvous"):
        await world.rendezvous.close()
    for server in (*world.source_redis, *world.target_redis):
        with contextlib.suppress(Exception):
            server.stop()
    for postgres in (world.source_postgres, world.target_postgres):
        with contextlib.suppress(Exception):
            postgres.stop()
