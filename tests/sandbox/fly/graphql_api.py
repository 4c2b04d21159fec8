# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's GraphQL: organizations, apps and their releases, Redis. Queries are checked by graphql-core."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, graphql
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..wire import Refused
from .flaps import error, tokens
from .graphql_schema import SCHEMA
from .runner import Machine
from .state import REGIONS, TAKEN, FlyApp, FlyState, Organization, Redis

if TYPE_CHECKING:
    from ..world import World

PLANS = (
    {"id": "ekQ85Yjkw155ohQ5ALYq0M", "name": "redis_payg", "displayName": "Pay-as-you-go", "maxDataSize": "100GB"},
    {"id": "x7M0gyB764ggwt6YZLRK", "name": "redis_250mb", "displayName": "Fixed 250MB", "maxDataSize": "250MB"},
)
USER = {"__typename": "User", "id": "user1", "name": "Owner", "email": "owner@example.com", "enablePaidHobby": False}


class Root:
    """Resolvers; graphql-core calls them with the fields' arguments."""

    def __init__(self, world: World) -> None:
        self._world = world

    def app(self, _info: Any, name: str = "", **_more: Any) -> Any:
        app = self._world.fly.apps.get(name)
        if app is None or name == TAKEN:
            raise GraphQLError("Could not find App", extensions={"code": "NOT_FOUND"})
        return App(app, self._world.fly)

    def apps(self, _info: Any, first: int = 200, after: str = "", organizationId: str = "", **_more: Any) -> Any:
        of = [app for app in self._world.fly.apps.values() if organizationId in ("", app.organization.id)]
        start = int(after or 0)
        end = min(start + first, len(of))
        page = {
            "hasNextPage": end < len(of),
            "hasPreviousPage": start > 0,
            "startCursor": str(start),
            "endCursor": str(end),
        }
        nodes = [App(app, self._world.fly) for app in of[start:end]]
        return {"nodes": nodes, "pageInfo": page, "totalCount": len(of)}

    def appNameAvailable(self, _info: Any, name: str) -> bool:
        return name not in self._world.fly.apps and name != TAKEN

    def organization(self, _info: Any, slug: str = "", **more: Any) -> Any:
        found = self._world.fly.organization(slug or more.get("id", ""))
        if found is None:
            raise GraphQLError("Could not find Organization", extensions={"code": "NOT_FOUND"})
        return _organization(found, self._world.fly)

    def organizations(self, _info: Any, **_more: Any) -> Any:
        return {"nodes": [_organization(found, self._world.fly) for found in self._world.fly.organizations]}

    def platform(self, _info: Any) -> Any:
        return {"requestRegion": "iad", "regions": [_region(code) for code in REGIONS]}

    def nearestRegion(self, _info: Any, **_more: Any) -> Any:
        return _region("iad")

    def latestImageDetails(self, _info: Any, image: str, **_more: Any) -> Any:
        # It is for Fly's own images, which do not exist here.
        raise GraphQLError(f"Unknown repository {image}", extensions={"code": "NOT_FOUND"})

    def viewer(self, _info: Any) -> Any:
        return {**USER, "agreedToProviderTos": True}

    def addOn(self, _info: Any, name: str = "", **_more: Any) -> Any:
        found = next((redis for redis in self._world.fly.redis if redis.name == name), None)
        if found is None:
            raise GraphQLError("Could not find AddOn", extensions={"code": "NOT_FOUND"})
        return _redis(found, self._world.fly)

    def addOns(self, _info: Any, **_more: Any) -> Any:
        return {"nodes": [_redis(redis, self._world.fly) for redis in self._world.fly.redis]}

    def addOnPlans(self, _info: Any, **_more: Any) -> Any:
        return {"nodes": [{**plan, "description": "", "pricePerMonth": 0} for plan in PLANS]}

    def addOnProvider(self, _info: Any, name: str) -> Any:
        if name != "upstash_redis":
            raise GraphQLError("Could not find AddOnProvider", extensions={"code": "NOT_FOUND"})
        return _provider()

    async def createAddOn(self, _info: Any, **arguments: Any) -> Any:
        given: dict[str, Any] = arguments["input"]
        organization = self._world.fly.organization(given.get("organizationId") or "")
        plan = next((plan["id"] for plan in PLANS if plan["id"] == given.get("planId")), None)
        for wrong, text in (
            (organization is None, "Organization must exist"),
            (plan is None, "Plan must exist"),
            (not re.fullmatch(r"[a-z0-9-]{1,60}", given.get("name") or ""), "Name is invalid"),
            (given.get("primaryRegion") not in REGIONS, "Region is not available"),
            (any(redis.name == given.get("name") for redis in self._world.fly.redis), "Name has already been taken"),
        ):
            if wrong:
                raise GraphQLError(f"Validation failed: {text}", extensions={"code": "UNPROCESSABLE"})
        assert organization is not None and plan is not None
        redis = await self._world.fly.create_redis(
            given["name"], organization, given["primaryRegion"], plan, given.get("options") or {}
        )
        return {"addOn": _redis(redis, self._world.fly)}

    def updateAddOn(self, _info: Any, **arguments: Any) -> Any:
        given: dict[str, Any] = arguments["input"]
        redis = next((redis for redis in self._world.fly.redis if redis.id == given.get("addOnId")), None)
        if redis is None:
            raise GraphQLError("Could not find AddOn", extensions={"code": "NOT_FOUND"})
        if given.get("planId") not in [plan["id"] for plan in PLANS]:
            raise GraphQLError("Validation failed: Plan must exist", extensions={"code": "UNPROCESSABLE"})
        redis.plan, redis.options = given["planId"], given.get("options") or {}
        return {"addOn": _redis(redis, self._world.fly)}


class App:
    """One app: what takes time or arguments is computed when a query asks for it."""

    def __init__(self, app: FlyApp, fly: FlyState) -> None:
        self._app, self._fly = app, fly
        self._release = app.current_release()
        self.id = self.name = app.name
        self.internalNumericId = app.number
        self.hostname = f"{app.name}.fly.dev"
        self.cnameTarget = app.cname_target
        self.appUrl = f"https://{app.name}.fly.dev"
        self.deployed = self._release is not None
        self.status = "deployed" if self._release else "pending"
        self.version = self._release["version"] if self._release else 0
        self.network = None  # the default network has no name here
        self.platformVersion = "machines"
        self.role = None
        self.services: list[Any] = []  # the configuration says what they are
        self.imageDetails = None
        self.sharedIpAddress = next((ip["ip"] for ip in app.ips if ip["shared"]), None)

    def organization(self, _info: Any) -> Any:
        return _organization(self._app.organization, self._fly)

    def config(self, _info: Any) -> Any:
        return {"definition": self._release["definition"] if self._release else {}}

    def secrets(self, _info: Any) -> Any:
        return [
            {"id": name, "name": name, "digest": secret.digest, "createdAt": secret.created_at}
            for name, secret in sorted(self._app.secrets.items())
        ]

    def currentRelease(self, _info: Any) -> Any:
        return _release(self._release) if self._release else None

    def currentReleaseUnprocessed(self, _info: Any) -> Any:
        return _release(self._release) if self._release else None

    def releasesUnprocessed(self, _info: Any, first: int = 100, status: str = "", **_more: Any) -> Any:
        found = [release for release in reversed(self._app.releases) if status in ("", release["status"])]
        return {"nodes": [_release(release) for release in found[:first]], "totalCount": len(found)}

    def image(self, _info: Any, ref: str) -> Any:
        name, _at, digest = ref.partition("@")
        if name not in self._fly.images or digest not in ("", self._fly.digests[name]):
            return None
        return {
            "id": self._fly.digests[name].removeprefix("sha256:")[:16],
            "ref": f"{name}@{self._fly.digests[name]}",
            "digest": self._fly.digests[name],
            "compressedSizeFull": "1000000",
            "manifest": {},
        }

    def machines(self, _info: Any, **_more: Any) -> Any:
        return _nodes(_machine(machine, self) for machine in self._app.active_machines())

    def ipAddresses(self, _info: Any, **_more: Any) -> Any:
        # The shared address has its own field.
        return _nodes(_ip(ip) for ip in self._app.ips if not ip["shared"])

    def egressIpAddresses(self, _info: Any, **_more: Any) -> Any:
        return _nodes(())


def _nodes(found: Iterable[Any]) -> dict[str, Any]:
    nodes = list(found)
    return {"nodes": nodes, "totalCount": len(nodes)}


def _release(release: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": release["id"],
        "version": release["version"],
        "status": release["status"],
        "stable": release["stable"],
        "inProgress": release["in_progress"],
        "reason": "",
        "description": "Release",
        "deploymentStrategy": release["strategy"],
        "evaluationId": None,
        "imageRef": release["image_ref"],
        "configDefinition": release["definition"],
        "user": USER,
        "createdAt": release["created_at"],
    }


def _machine(machine: Machine, app: App) -> dict[str, Any]:
    return {
        "id": machine.id,
        "name": machine.name,
        "config": machine.config,
        "state": machine.state,
        "region": machine.region,
        "createdAt": machine.created_at,
        "app": app,
        "ips": {"nodes": [{"family": "v6", "kind": "privatenet", "ip": "fdaa::3", "maskSize": 112}]},
        "host": {"id": "sandbox"},
        "egressIpAddresses": {"nodes": []},
    }


def _ip(ip: dict[str, Any]) -> dict[str, Any]:
    kinds = {"2a09": "v6", "fdaa": "private_v6"}
    return {
        "id": ip["ip"],
        "address": ip["ip"],
        "type": kinds.get(ip["ip"][:4], "v4"),
        "region": ip["region"],
        "createdAt": ip["created_at"],
        "network": None,
        "serviceName": ip["service_name"],
    }


def _organization(organization: Organization, fly: FlyState) -> dict[str, Any]:
    return {
        "id": organization.id,
        "slug": organization.slug,
        "rawSlug": organization.raw_slug,
        "name": organization.slug,
        "type": "PERSONAL" if organization.slug == "personal" else "SHARED",
        "paidPlan": True,
        "billable": True,
        "billingStatus": "CURRENT",
        "viewerRole": "admin",
        "internalNumericId": str(organization.number),
        "addOnSsoLink": None,
        "provisionsBetaExtensions": False,
        "addOns": lambda _info, **_more: {
            "nodes": [_redis(redis, fly) for redis in fly.redis if redis.organization is organization]
        },
    }


def _region(code: str) -> dict[str, Any]:
    return {"code": code, "name": code, "deprecated": False, "gatewayAvailable": True, "requiresPaidPlan": False}


def _provider() -> dict[str, Any]:
    switches = ("asyncProvisioning", "autoProvision", "detectPlatform", "beta", "internal")
    choices = ("selectName", "selectRegion", "selectReplicaRegions")
    return {
        "id": "1",
        "name": "upstash_redis",
        "displayName": "Upstash for Redis",
        "resourceName": "Redis database",
        "excludedRegions": [],
        **dict.fromkeys(switches, False),
        **dict.fromkeys(choices, True),
    }


def _redis(redis: Redis, fly: FlyState) -> dict[str, Any]:
    plan = next(plan for plan in PLANS if plan["id"] == redis.plan)
    return {
        "id": redis.id,
        "name": redis.name,
        "publicUrl": redis.server.url,
        "privateIp": "fdaa:0:1::2",
        "password": redis.server.password,
        "status": "created",
        "primaryRegion": redis.region,
        "readRegions": [],
        "options": redis.options,
        "organization": _organization(redis.organization, fly),
        "addOnPlan": {**plan, "description": "", "pricePerMonth": 0},
        "addOnProvider": _provider(),
    }


def _problem(error: GraphQLError) -> dict[str, Any]:
    """Return an error in the form that Fly's client reads: a path with only strings."""
    path = [str(part) for part in error.path or ()]
    return {"message": error.message, "path": path, "extensions": error.extensions or {}}


def routes(world: World) -> list[Route]:
    """Return GraphQL's only path."""
    root = Root(world)

    async def answer(request: Request) -> Response:
        tokens(request, "Bearer", "FlyV1")
        try:
            body = json.loads(await request.body())
            query, variables = body["query"], body.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            raise Refused(400, {"errors": [{"message": "no query"}]}) from None
        found = await graphql(
            SCHEMA, query, root, variable_values=variables, operation_name=body.get("operationName") or None
        )
        answer: dict[str, Any] = {"data": found.data}
        if found.errors:
            answer["errors"] = [_problem(error) for error in found.errors]
        return JSONResponse(answer)

    async def get(_request: Request) -> Response:
        raise error(405, "method not allowed")

    return [Route("/graphql", answer, methods=["POST"]), Route("/graphql", get, methods=["GET"])]
