# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in of Fly.io: Machines API, GraphQL and the REST of releases and Managed Postgres, on one port."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import graphql_api, machines_api, rest_api
from .state import describe

if TYPE_CHECKING:
    from ..world import World

__all__ = ["describe", "install_flyctl", "routes"]


def routes(world: World) -> list[Any]:
    """Return all paths."""
    return [*machines_api.routes(world), *graphql_api.routes(world), *rest_api.routes(world)]


def install_flyctl(world: World) -> None:
    """Write DIR/bin/flyctl and DIR/bin/fly."""
    folder = world.directory / "bin"
    folder.mkdir(exist_ok=True)
    script = Path(__file__).with_name("flyctl.py")
    for name in ("flyctl", "fly"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        path.chmod(0o755)
