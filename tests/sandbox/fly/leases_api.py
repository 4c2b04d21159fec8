# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's Machines API: leases. While one is held, only a request with its nonce may change the Machine."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route

from ..wire import Refused
from .flaps import MACHINE, Part, error
from .runner import Lease, Machine

if TYPE_CHECKING:
    from ..world import World

NONCE = "fly-machine-lease-nonce"
SECONDS = 13  # flyctl's own description for a deploy


def grant(machine: Machine, seconds: int) -> Lease:
    """Return a new lease on the Machine."""
    machine.lease = Lease(os.urandom(6).hex(), int(time.time()) + seconds)
    return machine.lease


def require_lease(machine: Machine, request: Request) -> None:
    """Refuse to change a Machine that someone else has leased, or that is destroyed."""
    machine.refresh()
    if machine.state == "destroyed":
        raise error(412, "failed_precondition: machine is destroyed")
    lease = machine.current_lease()
    if lease and request.headers.get(NONCE) != lease.nonce:
        message = f"lease currently held by {lease.owner}, expires at {lease.expires_at}"
        raise Refused(409, {"status": "error", "code": "conflict", "error": message, "message": message})


class Leases(Part):
    """The handlers."""

    async def lease(self, request: Request) -> Any:
        return _answer(*self._leased(request))

    async def acquire(self, request: Request) -> Any:
        """Grant a lease, or extend one for a request with its nonce."""
        machine = self._machine(request)
        require_lease(machine, request)
        seconds = int(request.query_params.get("ttl") or SECONDS)
        lease = machine.current_lease()
        if lease is None:
            lease = grant(machine, seconds)
        lease.expires_at = int(time.time()) + seconds
        return _answer(machine, lease)

    async def release(self, request: Request) -> Any:
        machine, _lease = self._leased(request)
        require_lease(machine, request)
        machine.lease = None
        return {"ok": True}

    def _leased(self, request: Request) -> tuple[Machine, Lease]:
        machine = self._machine(request)
        lease = machine.current_lease()
        if lease is None:
            raise error(404, "lease not found")
        return machine, lease


def _answer(machine: Machine, lease: Lease) -> dict[str, Any]:
    # With the version, flyctl need not read the Machine again.
    data = {
        "nonce": lease.nonce,
        "expires_at": lease.expires_at,
        "owner": lease.owner,
        "version": machine.instance_id,
    }
    return {"status": "success", "data": data}


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Leases(world)
    return [
        part.route(f"{MACHINE}/lease", part.lease, limited=False),
        part.route(f"{MACHINE}/lease", part.acquire, "POST", limited=False),
        part.route(f"{MACHINE}/lease", part.release, "DELETE", limited=False),
    ]
