# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's Machines API (/v1): apps, secrets, Machines, certificates, addresses; and the apps themselves under /_apps."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..wire import WEB, Refused, new_id, now
from .runner import Machine
from .state import REGIONS, TAKEN, FlyApp

if TYPE_CHECKING:
    from ..world import World

SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
APP_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_WAIT = 60
# For each action and app or Machine: requests a second, and how many at once.
WRITE_LIMIT, READ_LIMIT = (1.0, 3), (5.0, 10)
Handler = Callable[[Request], Awaitable[Any]]


def error(status: int, text: str, code: str = "unknown") -> Refused:
    """Return the Machines API's form of an error."""
    return Refused(status, {"error": text, "status": code})


def authorize(request: Request) -> None:
    """Refuse a request without one of the sandbox's tokens; macaroons come with the scheme FlyV1."""
    from ..world import FLY_TOKENS

    scheme, _blank, tokens = request.headers.get("authorization", "").partition(" ")
    if scheme not in ("Bearer", "FlyV1") or not set(tokens.split(",")) & set(FLY_TOKENS):
        raise error(401, "unauthorized")


class Limits:
    """A token bucket for each action."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, request: Request) -> None:
        """Refuse a request above the limit."""
        rate, burst = READ_LIMIT if request.method == "GET" else WRITE_LIMIT
        key = f"{request.method} {request.url.path}"
        left, before = self._buckets.get(key, (float(burst), time.monotonic()))
        instant = time.monotonic()
        left = min(float(burst), left + (instant - before) * rate)
        if left < 1:
            raise Refused(429, {"error": "rate limit exceeded", "status": "unknown"})
        self._buckets[key] = (left - 1, instant)


class API:
    """The handlers; each returns the body, or a whole answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._limits = Limits()

    # Apps

    async def create_app(self, request: Request) -> Any:
        body = await read(
            request, {"name": str, "org_slug": str, "network": str, "app_role_id": str}, ("name", "org_slug")
        )
        name = body["name"]
        organization = self._world.fly.organization(body["org_slug"])
        if organization is None:
            raise error(404, "organization not found")
        if not APP_NAME.fullmatch(name):
            raise error(422, "Validation failed: Name is invalid")
        if name == TAKEN or name in self._world.fly.apps:
            raise error(422, "Validation failed: Name has already been taken", "name_taken")
        app = self._world.fly.create_app(name, organization)
        return JSONResponse(self._app_object(app), 201)

    async def apps(self, request: Request) -> Any:
        organization = self._world.fly.organization(request.query_params.get("org_slug", ""))
        found = [app for app in self._world.fly.apps.values() if app.organization is organization]
        return {"total_apps": len(found), "apps": [self._app_object(app) for app in found]}

    async def app(self, request: Request) -> Any:
        return self._app_object(self._app(request))

    async def ips(self, request: Request) -> Any:
        return {"ips": self._app(request).ips}

    async def assign_ip(self, request: Request) -> Any:
        app = self._app(request)
        fields = dict.fromkeys(("type", "region", "org_slug", "network", "service_name"), str)
        kind = (await read(request, fields, ("type",)))["type"]
        number = len(app.ips) + 1
        addresses = {
            "v6": f"2a09:8280:1::{app.number:x}:{number}",
            "shared_v4": f"66.241.124.{number}",
            "v4": f"37.16.0.{number}",
            "private_v6": f"fdaa:0:1::{number}",
        }
        if kind not in addresses:
            raise error(422, f"unknown type {kind}")
        ip = {
            "ip": addresses[kind],
            "region": "global",
            "service_name": "",
            "shared": kind == "shared_v4",
            "created_at": now(),
        }
        app.ips.append(ip)
        return ip

    # Secrets

    async def secrets(self, request: Request) -> Any:
        app = self._app(request)
        return {"secrets": [self._secret_object(app, name) for name in sorted(app.secrets)]}

    async def secret(self, request: Request) -> Any:
        app = self._app(request)
        if request.path_params["name"] not in app.secrets:
            raise error(404, "secret not found")
        return self._secret_object(app, request.path_params["name"])

    async def update_secrets(self, request: Request) -> Any:
        app = self._app(request)
        values = (await read(request, {"values": dict}, ("values",)))["values"]
        for name, value in values.items():
            if not SECRET_NAME.fullmatch(name):
                raise error(400, f"invalid secret name {name!r}")
            if value is not None and not isinstance(value, str):
                raise error(400, f"json: cannot unmarshal the value of {name} into Go value of type string")
        version = app.update_secrets(values)
        named = [self._secret_object(app, name) for name, value in values.items() if value is not None]
        return {"secrets": named, "version": version}

    async def set_secret(self, request: Request) -> Any:
        app, name = self._app(request), request.path_params["name"]
        value = (await read(request, {"value": str}, ("value",)))["value"]
        version = app.update_secrets({name: value})
        return JSONResponse({**self._secret_object(app, name), "version": version}, 201)

    async def unset_secret(self, request: Request) -> Any:
        return {"version": self._app(request).update_secrets({request.path_params["name"]: None})}

    # Machines

    async def machines(self, request: Request) -> Any:
        app = self._app(request)
        wanted = {key: value for key, value in request.query_params.items() if key.startswith("metadata.")}
        machines = [
            machine
            for machine in app.machines.values()
            if all((machine.config.get("metadata") or {}).get(key[9:]) == value for key, value in wanted.items())
        ]
        return list(await asyncio.gather(*(asyncio.to_thread(machine.describe) for machine in machines)))

    async def create_machine(self, request: Request) -> Any:
        app = self._app(request)
        body = await self._machine_body(app, request)
        machine_id = os.urandom(7).hex()
        machine = Machine(
            app=app,
            id=machine_id,
            name=body.get("name") or f"quiet-crane-{machine_id[:4]}",
            region=body.get("region") or "iad",
            config=body["config"],
            image_folder=self._image(body["config"]),
            folder=self._world.fly.machine_folder(machine_id),
        )
        app.machines[machine_id] = machine
        if not body.get("skip_launch"):
            await asyncio.to_thread(machine.start)
        return await asyncio.to_thread(machine.describe)

    async def machine(self, request: Request) -> Any:
        return await asyncio.to_thread(self._machine(request).describe)

    async def update_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        body = await self._machine_body(machine.app, request)
        folder = self._image(body["config"])
        await asyncio.to_thread(machine.stop)
        machine.config, machine.image_folder, machine.instance_id = body["config"], folder, new_id()
        if not body.get("skip_launch"):
            await asyncio.to_thread(machine.start)
        return await asyncio.to_thread(machine.describe)

    async def start_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        before = machine.state
        if machine.state != "started":
            await asyncio.to_thread(machine.start)
        return {"previous_state": before, "migrated": False, "new_host": ""}

    async def stop_machine(self, request: Request) -> Any:
        await asyncio.to_thread(self._machine(request).stop)
        return {"ok": True}

    async def restart_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        await asyncio.to_thread(machine.stop)
        await asyncio.to_thread(machine.start)
        return {"ok": True}

    async def destroy_machine(self, request: Request) -> Any:
        machine = self._machine(request)
        machine.refresh()
        forced = request.query_params.get("kill", request.query_params.get("force")) == "true"
        if machine.state == "started" and not forced:
            raise error(412, "failed_precondition: machine is started; stop it or use kill=true")
        await asyncio.to_thread(machine.stop)
        del machine.app.machines[machine.id]
        return {"ok": True}

    async def wait(self, request: Request) -> Any:
        machine = self._machine(request)
        wanted = request.query_params.get("state", "started")
        deadline = time.monotonic() + min(float(request.query_params.get("timeout", LONGEST_WAIT)), LONGEST_WAIT)
        while True:
            machine.refresh()
            if machine.state == wanted or (
                wanted in ("stopped", "destroyed") and machine.state in ("stopped", "destroyed")
            ):
                return {"ok": True}
            if time.monotonic() >= deadline:
                raise error(408, f"timeout reached waiting for machine's state to change, is: {machine.state}")
            await asyncio.sleep(0.05)

    async def lease(self, request: Request) -> Any:
        self._machine(request)
        data = {"nonce": os.urandom(6).hex(), "expires_at": int(time.time()) + 60, "owner": "sandbox", "version": ""}
        return {"status": "success", "data": data}

    async def metadata(self, request: Request) -> Any:
        return self._machine(request).config.get("metadata") or {}

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

    # Certificates

    async def certificates(self, request: Request) -> Any:
        app = self._app(request)
        limit, cursor = int(request.query_params.get("limit", 50)), int(request.query_params.get("cursor") or 0)
        summaries = [
            {
                "hostname": name,
                "status": detail["status"],
                "configured": detail["configured"],
                "acme_requested": True,
                "has_fly_certificate": False,
                "has_custom_certificate": False,
                "created_at": detail["created_at"],
            }
            for name, detail in app.certificates.items()
        ]
        more = str(cursor + limit) if cursor + limit < len(summaries) else ""
        page = summaries[cursor : cursor + limit]
        return {"certificates": page, "total_count": len(summaries), "next_cursor": more}

    async def request_certificate(self, request: Request) -> Any:
        app = self._app(request)
        hostname = (await read(request, {"hostname": str}, ("hostname",)))["hostname"]
        if hostname in app.certificates:
            raise error(409, f"a certificate for {hostname} already exists")
        if not re.fullmatch(r"(\*\.)?([a-z0-9-]+\.)+[a-z]{2,}", hostname):
            raise error(422, f"{hostname} is no hostname")
        app.certificates[hostname] = self._certificate(app, hostname)
        return JSONResponse(_detail(app.certificates[hostname]), 201)

    async def certificate(self, request: Request) -> Any:
        app = self._app(request)
        if request.path_params["hostname"] not in app.certificates:
            raise error(404, "certificate not found")
        return _detail(app.certificates[request.path_params["hostname"]])

    async def check_certificate(self, request: Request) -> Any:
        records = {"a": [], "aaaa": [], "cname": [], "resolved_addresses": [], "soa": None}
        return {**await self.certificate(request), "dns_records": records}

    async def delete_certificate(self, request: Request) -> Any:
        await self.certificate(request)
        del self._app(request).certificates[request.path_params["hostname"]]
        return Response(status_code=204)

    # The platform

    async def regions(self, _request: Request) -> Any:
        regions = [{"code": code, "name": code, "deprecated": False, "mpg_available": True} for code in REGIONS]
        return {"regions": regions, "nearest": "iad"}

    async def token(self, _request: Request) -> Any:
        organization = self._world.fly.organizations[0]
        return {"tokens": [{"token_id": "1", "org_slug": organization.raw_slug, "organization": organization.slug}]}

    # What a build leaves in the registry

    async def push(self, request: Request) -> Any:
        from pathlib import Path

        body = await read(request, {"source": str, "buildpacks": bool}, ("source",))
        reference = f"registry.fly.io/{request.path_params['app']}:{request.path_params['label']}"
        made_by_buildpacks = bool(body.get("buildpacks"))
        await asyncio.to_thread(self._world.fly.store_image, reference, Path(body["source"]), made_by_buildpacks)
        return {"image": reference}

    async def image(self, request: Request) -> Any:
        reference = f"registry.fly.io/{request.path_params['app']}:{request.path_params['label']}"
        if reference not in self._world.fly.images:
            raise error(404, "manifest unknown")
        return {"image": reference}

    async def logs(self, request: Request) -> Any:
        app = self._app(request)
        return {"data": [{"id": m.id, "attributes": {"message": m.last_log()}} for m in app.machines.values()]}

    # The deployed app, over HTTP

    async def proxy(self, request: Request) -> Response:
        app = self._world.fly.apps.get(request.path_params["app"])
        for machine in list(app.machines.values()) if app else []:
            machine.refresh()
            if machine.url:
                query = f"?{request.url.query}" if request.url.query else ""
                return await asyncio.to_thread(_forward, f"{machine.url}/{request.path_params['path']}{query}")
        return Response("no Machine of this app answers", 503)

    # Shapes

    def _app_object(self, app: FlyApp) -> dict[str, Any]:
        return {
            "id": app.id,
            "name": app.name,
            "internal_numeric_id": app.number,
            "status": "deployed" if app.current_release() else "pending",
            "machine_count": len(app.machines),
            "volume_count": 0,
            "network": "default",
            "cname_target": f"{app.id[:7]}.{app.name}.fly.dev",
            "organization": {"name": app.organization.slug, "slug": app.organization.slug, "internal_numeric_id": 9},
        }

    def _secret_object(self, app: FlyApp, name: str) -> dict[str, Any]:
        secret = app.secrets[name]
        return {
            "name": name,
            "digest": secret.digest,
            "created_at": secret.created_at,
            "updated_at": secret.updated_at,
        }

    def _certificate(self, app: FlyApp, hostname: str) -> dict[str, Any]:
        bare = hostname.removeprefix("*.")
        addresses = [entry["ip"] for entry in app.ips]
        return {
            "hostname": hostname,
            "configured": False,
            "acme_requested": True,
            "status": "pending_validation",
            "dns_provider": "",
            "created_at": now(),
            "certificates": [],
            "validation": {
                "dns_configured": False,
                "alpn_configured": False,
                "http_configured": False,
                "ownership_txt_configured": False,
            },
            "dns_requirements": {
                "a": [ip for ip in addresses if ":" not in ip],
                "aaaa": [ip for ip in addresses if ":" in ip],
                "cname": f"{app.id[:7]}.{app.name}.fly.dev",
                "acme_challenge": {"name": f"_acme-challenge.{bare}", "target": f"{bare}.{app.id[:7]}.flydns.net"},
                "ownership": {
                    "name": f"_fly-ownership.{bare}",
                    "app_value": f"app-{app.id[:7]}",
                    "org_value": f"org-{app.organization.id[:7]}",
                },
            },
            "validation_errors": [],
            "rate_limited_until": None,
        }

    async def _machine_body(self, app: FlyApp, request: Request) -> dict[str, Any]:
        fields = {
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
        body = await read(request, fields, ("config",))
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

    def _app(self, request: Request) -> FlyApp:
        name = request.path_params["app"]
        if name == TAKEN:
            raise error(403, "forbidden")
        if name not in self._world.fly.apps:
            raise error(404, f"Could not find App {name!r}")
        return self._world.fly.apps[name]

    def _machine(self, request: Request) -> Machine:
        app = self._app(request)
        if request.path_params["machine"] not in app.machines:
            raise error(404, "machine not found")
        return app.machines[request.path_params["machine"]]

    def wrapped(self, handler: Handler, limited: bool = True) -> Handler:
        """Return O(handler) behind what every request passes."""

        async def answer(request: Request) -> Response:
            authorize(request)
            if limited:
                self._limits.take(request)
            found = await handler(request)
            return found if isinstance(found, Response) else JSONResponse(found)

        return answer


def _detail(certificate: dict[str, Any]) -> dict[str, Any]:
    """Return a certificate as it is shown by itself; only the list tells when it was made."""
    return {name: value for name, value in certificate.items() if name != "created_at"}


async def read(request: Request, fields: Mapping[str, type], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a JSON body; refuse fields that nobody knows, unless Fly's own client sends them."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise error(400, "invalid JSON body") from None
    if not isinstance(body, dict):
        raise error(400, "the body must be an object")
    for name in required:
        if name not in body:
            raise error(400, f"{name} is required")
    lenient = request.headers.get("user-agent", "").startswith(("fly-go", "flyctl"))
    for name, value in body.items():
        if name not in fields:
            if not lenient:
                raise error(400, f"unknown field {name}")
        elif value is not None and not isinstance(value, fields[name]):
            raise error(400, f"{name} has the wrong type")
    return body


def _forward(url: str) -> Response:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return Response(answer.read(), answer.status, media_type=answer.headers.get_content_type())
    except urllib.error.HTTPError as failed:
        return Response(failed.read(), failed.code)
    except OSError:
        return Response("the Machine does not answer", 502)


def routes(world: World) -> list[Route]:
    """Return the paths of the Machines API."""
    api = API(world)

    def route(path: str, handler: Handler, *methods: str, limited: bool = True) -> Route:
        return Route(path, api.wrapped(handler, limited), methods=list(methods or ("GET",)))

    app, machine = "/v1/apps/{app}", "/v1/apps/{app}/machines/{machine}"
    certificate = app + "/certificates/{hostname}"
    return [
        route("/v1/apps", api.apps),
        route("/v1/apps", api.create_app, "POST", limited=False),
        route(app, api.app),
        route(f"{app}/ip_assignments", api.ips),
        route(f"{app}/ip_assignments", api.assign_ip, "POST"),
        route(f"{app}/secrets", api.secrets),
        route(f"{app}/secrets", api.update_secrets, "POST"),
        route(f"{app}/secrets/{{name}}", api.secret),
        route(f"{app}/secrets/{{name}}", api.set_secret, "POST"),
        route(f"{app}/secrets/{{name}}", api.unset_secret, "DELETE"),
        route(f"{app}/machines", api.machines),
        route(f"{app}/machines", api.create_machine, "POST"),
        route(machine, api.machine),
        route(machine, api.update_machine, "POST"),
        route(machine, api.destroy_machine, "DELETE"),
        route(f"{machine}/start", api.start_machine, "POST"),
        route(f"{machine}/stop", api.stop_machine, "POST"),
        route(f"{machine}/restart", api.restart_machine, "POST"),
        route(f"{machine}/wait", api.wait, limited=False),
        route(f"{machine}/lease", api.lease, "GET", "POST", "DELETE", limited=False),
        route(f"{machine}/metadata", api.metadata),
        route(f"{machine}/exec", api.exec, "POST"),
        route(f"{app}/certificates", api.certificates),
        route(f"{app}/certificates/acme", api.request_certificate, "POST"),
        route(certificate, api.certificate),
        route(certificate, api.delete_certificate, "DELETE"),
        route(f"{certificate}/check", api.check_certificate, "POST"),
        route("/v1/platform/regions", api.regions),
        route("/v1/tokens/current", api.token),
        route("/registry/{app}/{label}", api.push, "PUT", limited=False),
        route("/registry/{app}/{label}", api.image, limited=False),
        route("/api/v1/apps/{app}/logs", api.logs, limited=False),
        Route(WEB + "/{app}/{path:path}", api.proxy),
        Route(WEB + "/{app}", lambda request: api.proxy(_rooted(request))),
    ]


def _rooted(request: Request) -> Request:
    request.path_params["path"] = ""
    return request
