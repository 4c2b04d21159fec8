# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's Machines API: Machines, their processes, and commands in them."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route

from ..wire import new_id
from .flaps import APP, MACHINE, Part, error, read
from .leases_api import grant, require_lease
from .runner import Machine
from .state import FlyApp

if TYPE_CHECKING:
    from ..world import World

LONGEST_WAIT = 60
BODY = {
    "name": str,
    "region": str,
    "config": dict,
    "skip_launch": bool,
    "skip_secrets": bool,
    "skip_service_registration": bool,
    "min_secrets_version": int,
    "lease_ttl": int,
    "current_version": str,
}


class Machines(Part):
    """The handlers."""

    async def machines(self, request: Request) -> Any:
        app = self._app(request)
        wanted = {key: value for key, value in request.query_params.items() if key.startswith("metadata.")}
        destroyed_too = request.query_params.get("include_deleted") == "true"
        found = list(app.machines.values()) if destroyed_too else app.active_machines()
        machines = [
            machine
            for machine in found
            if all((machine.config.get("metadata") or {}).get(key[9:]) == value for key, value in wanted.items())
        ]
        return list(await asyncio.gather(*(asyncio.to_thread(machine.describe) for machine in machines)))

    async def create_machine(self, request: Request) -> Any:
        app = self._app(request)
        body = await self._body(app, request)
        machine_id = os.urandom(7).hex()
        machine = Machine(
            app=app,
            id=machine_id,
            name=body.get("name") or f"quiet-crane-{machine_id[:4]}",
            region=body.get("region") or "iad",
            config=body["config"],
            image_folder=self._image(body["config"]),
            image_digest=self._digest(body["config"]),
            folder=self._world.fly.machine_folder(machine_id),
        )
        app.machines[machine_id] = machine
        machine.note("launch", "created", "user")
        leased = {"nonce": grant(machine, body["lease_ttl"]).nonce} if body.get("lease_ttl") else {}
        if not body.get("skip_launch"):
            await asyncio.to_thread(machine.start)
        described = {**await asyncio.to_thread(machine.describe), **leased}
        if body.get("skip_launch"):
            machine.state = "stopped"  # only after a moment: flyctl waits for that before it starts a release command
        return described

    async def machine(self, request: Request) -> Any:
        return await asyncio.to_thread(self._machine(request).describe)

    async def update_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        body = await self._body(machine.app, request)
        if body.get("current_version") not in (None, machine.instance_id):
            raise error(409, f"current_version is {machine.instance_id}, another change was faster")
        folder, digest = self._image(body["config"]), self._digest(body["config"])
        await asyncio.to_thread(machine.stop)
        machine.config, machine.image_folder, machine.image_digest = body["config"], folder, digest
        machine.instance_id = new_id()
        machine.note("launch", "created", "user")
        if not body.get("skip_launch"):
            await asyncio.to_thread(machine.start)
        return await asyncio.to_thread(machine.describe)

    async def start_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        before = machine.state
        if machine.state != "started":
            await asyncio.to_thread(machine.start)
        return {"previous_state": before, "migrated": False, "new_host": ""}

    async def stop_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        await asyncio.to_thread(machine.stop)
        return {"ok": True}

    async def restart_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        await asyncio.to_thread(machine.stop)
        await asyncio.to_thread(machine.start)
        return {"ok": True}

    async def destroy_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        machine.refresh()
        forced = request.query_params.get("kill", request.query_params.get("force")) == "true"
        if machine.state == "started" and not forced:
            raise error(412, "failed_precondition: machine is started; stop it or use kill=true")
        await asyncio.to_thread(machine.stop)
        del machine.app.machines[machine.id]
        return {"ok": True}

    async def wait(self, request: Request) -> Any:
        """Answer once the Machine is in one of the states, or at once if it is gone and never will be."""
        machine = self._machine(request)
        wanted = request.query_params.getlist("state") or ["started"]
        version = request.query_params.get("version") or request.query_params.get("instance_id")
        seconds = float(request.query_params.get("timeout", LONGEST_WAIT))
        if seconds > LONGEST_WAIT:
            raise error(400, f"timeout must be at most {LONGEST_WAIT}")
        deadline = time.monotonic() + seconds
        while True:
            machine.refresh()
            if machine.state in wanted and version in (None, machine.instance_id):
                return {"ok": True}
            if machine.state == "destroyed":
                raise error(404, "machine not found")
            if time.monotonic() >= deadline:
                raise error(408, f"timeout reached waiting for machine's state to change, is: {machine.state}")
            await asyncio.sleep(0.05)

    async def processes(self, request: Request) -> Any:
        return await asyncio.to_thread(self._machine(request).processes)

    async def metadata(self, request: Request) -> Any:
        return self._machine(request).config.get("metadata") or {}

    async def set_metadata(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        value = (await read(request, {"value": str}, ("value",)))["value"]
        machine.config.setdefault("metadata", {})[request.path_params["key"]] = value
        return {"ok": True}

    async def delete_metadata(self, request: Request) -> Any:
        machine = self._machine(request)
        require_lease(machine, request)
        machine.config.setdefault("metadata", {}).pop(request.path_params["key"], None)
        return {"ok": True}

    async def cordon(self, request: Request) -> Any:
        """Cordon or uncordon the Machine: no request reaches or starts a cordoned one."""
        machine = self._machine(request)
        require_lease(machine, request)
        machine.cordoned = request.url.path.endswith("/cordon")
        return {"ok": True}

    async def exec(self, request: Request) -> Any:
        machine = self._machine(request)
        fields = {"cmd": str, "command": list, "timeout": int, "stdin": str, "container": str, "machine": bool}
        body = await read(request, fields)
        machine.refresh()
        if machine.state != "started":
            raise error(412, f"failed_precondition: machine is {machine.state}")
        command = body.get("command") or str(body.get("cmd", "")).split()
        if not command or not all(isinstance(part, str) for part in command):
            raise error(400, "command is required")
        return await asyncio.to_thread(machine.run, command, body.get("timeout") or 30)

    async def _body(self, app: FlyApp, request: Request) -> dict[str, Any]:
        body = await read(request, BODY, ("config",))
        if not body["config"].get("image"):
            raise error(400, "invalid_argument: config.image is required")
        least = body.get("min_secrets_version") or 0
        if least > app.secrets_version:
            raise error(412, f"min_secrets_version {least} is not yet available on this app")
        return body

    def _image(self, config: dict[str, Any]) -> Any:
        folder = self._world.fly.images.get(str(config["image"]).partition("@")[0])
        if folder is None:
            raise error(400, f"failed to get manifest {config['image']}: manifest unknown")
        return folder

    def _digest(self, config: dict[str, Any]) -> str:
        return self._world.fly.digests[str(config["image"]).partition("@")[0]]


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Machines(world)
    return [
        part.route(f"{APP}/machines", part.machines),
        part.route(f"{APP}/machines", part.create_machine, "POST"),
        part.route(MACHINE, part.machine),
        part.route(MACHINE, part.update_machine, "POST"),
        part.route(MACHINE, part.destroy_machine, "DELETE"),
        part.route(f"{MACHINE}/start", part.start_machine, "POST"),
        part.route(f"{MACHINE}/stop", part.stop_machine, "POST"),
        part.route(f"{MACHINE}/restart", part.restart_machine, "POST"),
        part.route(f"{MACHINE}/wait", part.wait, limited=False),
        part.route(f"{MACHINE}/ps", part.processes),
        part.route(f"{MACHINE}/metadata", part.metadata),
        part.route(f"{MACHINE}/metadata/{{key}}", part.set_metadata, "POST"),
        part.route(f"{MACHINE}/metadata/{{key}}", part.delete_metadata, "DELETE"),
        part.route(f"{MACHINE}/cordon", part.cordon, "POST"),
        part.route(f"{MACHINE}/uncordon", part.cordon, "POST"),
        part.route(f"{MACHINE}/exec", part.exec, "POST"),
    ]
