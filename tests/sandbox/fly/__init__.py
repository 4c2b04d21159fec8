# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in for Fly.io: Machines API, GraphQL, and the REST API for releases and Managed Postgres, on one port."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..processes import LOOPBACK
from ..wire import ADMIN
from . import (
    apps_api,
    certificates_api,
    graphql_api,
    leases_api,
    machines_api,
    postgres_api,
    registry,
    releases_api,
    secrets_api,
)
from .state import describe

if TYPE_CHECKING:
    from ..world import World

PARTS = (
    apps_api,
    secrets_api,
    machines_api,
    leases_api,
    certificates_api,
    registry,
    graphql_api,
    releases_api,
    postgres_api,
)
__all__ = ["describe", "install_flyctl", "routes"]


def routes(world: World) -> list[Any]:
    """Return all paths."""
    private = Route(f"{ADMIN}/private/{{host}}", partial(_private, world))
    return [*(route for part in PARTS for route in part.routes(world)), private]


async def _private(world: World, request: Request) -> JSONResponse:
    """Return the address of a host in Fly's private network for the stand-in's tunnels, as it is not in any DNS.

    Upstash's host is the Redis; every app is an unmanaged Postgres.
    """
    server = world.target_redis[0] if request.path_params["host"].endswith(".upstash.io") else world.target_postgres
    return JSONResponse({"host": LOOPBACK, "port": server.port})


def install_flyctl(world: World) -> None:
    """Write DIR/bin/flyctl and DIR/bin/fly."""
    folder = world.directory / "bin"
    folder.mkdir(exist_ok=True)
    script = Path(__file__).with_name("flyctl.py")
    for name in ("flyctl", "fly"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        path.chmod(0o755)
