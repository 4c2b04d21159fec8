# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that is both platforms: two HTTP servers in one event loop, and the servers behind them."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import fly, heroku, lifecycle
from .compose import build, close
from .processes import LOOPBACK, free_port
from .scenario import load
from .wire import ADMIN, Fault, Protocol, Refused, Wire, refuse
from .world import World


def admin(world: World) -> list[Route]:
    """Return the paths that the sandbox's own command line uses."""

    async def state(_request: Request) -> Response:
        return JSONResponse({"heroku": heroku.describe(world.heroku), "fly": await fly.describe(world.fly)})

    async def requests(request: Request) -> Response:
        return JSONResponse(world.journal.entries[int(request.query_params.get("since", 0)) :])

    async def fault(request: Request) -> Response:
        given: dict[str, Any] = await request.json()
        known = {field.name for field in fields(Fault)}
        world.journal.fault(Fault(**{key: value for key, value in given.items() if key in known}))
        return JSONResponse({})

    return [
        Route(f"{ADMIN}/state", state),
        Route(f"{ADMIN}/requests", requests),
        Route(f"{ADMIN}/fault", fault, methods=["POST"]),
    ]


def application(world: World, service: str, routes: list[Any], id_header: str) -> Any:
    """Return one platform's application."""
    handlers: Any = {Refused: refuse}
    return Wire(Starlette(routes=routes, exception_handlers=handlers), service, world.journal, id_header)


class Server(uvicorn.Server):
    """A server that leaves signals to the sandbox."""

    def capture_signals(self) -> Any:
        """Capture none."""
        import contextlib

        return contextlib.nullcontext()


def http_server(app: Any, port: int) -> Server:
    """Return an HTTP server on loopback."""
    configuration = uvicorn.Config(
        app, host=LOOPBACK, port=port, http=Protocol, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    return Server(configuration)


async def serve(directory: Path, scenario: Path) -> None:
    """Run until a signal arrives; DIR/sandbox.json says where everything is, and that it is ready."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    building = asyncio.ensure_future(build(directory, load(scenario), free_port(), free_port()))
    stopping = asyncio.ensure_future(stopped.wait())
    await asyncio.wait([building, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not building.done():
        building.cancel()
        await asyncio.gather(building, return_exceptions=True)
        return
    world = building.result()
    servers = [
        http_server(
            application(world, "heroku", [*admin(world), *heroku.routes(world)], "request-id"), world.heroku_port
        ),
        http_server(application(world, "fly", fly.routes(world), "fly-request-id"), world.fly_port),
    ]
    running = [asyncio.ensure_future(server.serve()) for server in servers]
    try:
        while not all(server.started for server in servers):
            await asyncio.sleep(0.02)
        fly.install_flyctl(world)
        lifecycle.write_facts(directory, world)
        await stopping
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running, return_exceptions=True)
        await close(world)
        lifecycle.forget(directory)


if __name__ == "__main__":
    # Started by 'up', which waits for it; the process that started 'up' may be gone by now.

    try:
        asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
