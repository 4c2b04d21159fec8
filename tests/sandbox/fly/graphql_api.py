# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's GraphQL: organizations, Redis, an app's current release. Queries are checked by graphql-core."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, build_schema, graphql
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..wire import Refused
from .machines_api import authorize, error
from .state import REGIONS, TAKEN, FlyApp, Organization, Redis

if TYPE_CHECKING:
    from ..world import World

# The part of Fly's published schema that a migration and flyctl's read-only commands use, with its names and types.
SCHEMA = build_schema(
    """
    scalar JSON
    scalar BigInt
    enum BillingStatus { CURRENT DELINQUENT PAST_DUE SOURCE_REQUIRED SUSPENDED TRIAL_ACTIVE TRIAL_ENDED }
    enum OrganizationType { PERSONAL SHARED }
    enum PlatformVersionEnum { detached machines nomad }
    scalar ISO8601DateTime
    enum AddOnType { kubernetes redis sentry supabase tigris upstash_kafka upstash_redis upstash_vector }
    type Query {
      app(name: String, internalId: String): App
      appNameAvailable(name: String!): Boolean!
      organization(slug: String, id: ID, name: String): Organization
      organizations(admin: Boolean, first: Int, after: String): OrganizationConnection!
      platform: FlyPlatform!
      addOn(id: ID, name: String, provider: String): AddOn
      addOns(type: AddOnType, first: Int, after: String): AddOnConnection!
      addOnPlans(type: AddOnType, first: Int, after: String): AddOnPlanConnection!
      addOnProvider(name: String!): AddOnProvider!
      viewer: Principal!
    }
    type Mutation { createAddOn(input: CreateAddOnInput!): CreateAddOnPayload }
    input CreateAddOnInput {
      clientMutationId: String organizationId: ID appId: ID type: AddOnType! name: String planId: ID
      primaryRegion: String readRegions: [String!] options: JSON
    }
    type CreateAddOnPayload { clientMutationId: String addOn: AddOn! }
    type Principal { email: String! }
    type OrganizationConnection { nodes: [Organization] }
    type Organization {
      id: ID! slug: String! rawSlug: String! name: String! type: OrganizationType! paidPlan: Boolean! billable: Boolean!
      viewerRole: String! internalNumericId: BigInt! billingStatus: BillingStatus!
    }
    type FlyPlatform { requestRegion: String regions: [Region!]! }
    type Region {
      code: String! name: String! deprecated: Boolean! gatewayAvailable: Boolean! requiresPaidPlan: Boolean!
      latitude: Float longitude: Float
    }
    type App {
      id: ID! name: String! internalNumericId: Int! hostname: String cnameTarget: String deployed: Boolean!
      network: String status: String! appUrl: String platformVersion: PlatformVersionEnum organization: Organization!
      currentReleaseUnprocessed: ReleaseUnprocessed role: AppRole
    }
    type AppRole { name: String! }
    type ReleaseUnprocessed {
      id: ID! version: Int! imageRef: String configDefinition: JSON status: String! createdAt: ISO8601DateTime!
    }
    type AddOnConnection { nodes: [AddOn] }
    type AddOn {
      id: ID! name: String publicUrl: String privateIp: String password: String status: String errorMessage: String
      primaryRegion: String readRegions: [String!] options: JSON metadata: JSON ssoLink: String environment: JSON
      organization: Organization! addOnPlan: AddOnPlan
    }
    type AddOnPlanConnection { nodes: [AddOnPlan] }
    type AddOnPlan {
      id: ID! name: String displayName: String description: String maxDataSize: String pricePerMonth: Int
    }
    type AddOnProvider { id: ID! name: String displayName: String excludedRegions: [Region!] }
    """
)
PLANS = (
    {"id": "ekQ85Yjkw155ohQ5ALYq0M", "name": "redis_payg", "displayName": "Pay-as-you-go", "maxDataSize": "100GB"},
    {"id": "x7M0gyB764ggwt6YZLRK", "name": "redis_250mb", "displayName": "Fixed 250MB", "maxDataSize": "250MB"},
)


class Root:
    """Resolvers; graphql-core calls them with the fields' arguments."""

    def __init__(self, world: World) -> None:
        self._world = world

    def app(self, _info: Any, name: str = "", **_more: Any) -> Any:
        app = self._world.fly.apps.get(name)
        if app is None or name == TAKEN:
            raise GraphQLError("Could not find App", extensions={"code": "NOT_FOUND"})
        return _app(app)

    def appNameAvailable(self, _info: Any, name: str) -> bool:
        return name not in self._world.fly.apps and name != TAKEN

    def organization(self, _info: Any, slug: str = "", **more: Any) -> Any:
        found = self._world.fly.organization(slug or more.get("id", ""))
        if found is None:
            raise GraphQLError("Could not find Organization", extensions={"code": "NOT_FOUND"})
        return _organization(found)

    def organizations(self, _info: Any, **_more: Any) -> Any:
        return {"nodes": [_organization(o) for o in self._world.fly.organizations]}

    def platform(self, _info: Any) -> Any:
        return {"requestRegion": "iad", "regions": [_region(code) for code in REGIONS]}

    def viewer(self, _info: Any) -> Any:
        return {"email": "owner@example.com"}

    def addOn(self, _info: Any, name: str = "", **_more: Any) -> Any:
        found = next((redis for redis in self._world.fly.redis if redis.name == name), None)
        if found is None:
            raise GraphQLError("Could not find AddOn", extensions={"code": "NOT_FOUND"})
        return _redis(found)

    def addOns(self, _info: Any, **_more: Any) -> Any:
        return {"nodes": [_redis(redis) for redis in self._world.fly.redis]}

    def addOnPlans(self, _info: Any, **_more: Any) -> Any:
        return {"nodes": [{**plan, "description": "", "pricePerMonth": 0} for plan in PLANS]}

    def addOnProvider(self, _info: Any, name: str) -> Any:
        return {"id": "1", "name": name, "displayName": "Upstash for Redis", "excludedRegions": []}

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
        return {"addOn": _redis(redis)}


def _app(app: FlyApp) -> dict[str, Any]:
    release = app.current_release()
    return {
        "id": app.name,
        "name": app.name,
        "internalNumericId": app.number,
        "hostname": f"{app.name}.fly.dev",
        "cnameTarget": f"{app.id[:7]}.{app.name}.fly.dev",
        "deployed": release is not None,
        "network": "default",
        "status": "deployed" if release else "pending",
        "appUrl": f"https://{app.name}.fly.dev",
        "platformVersion": "machines",
        "organization": _organization(app.organization),
        "currentReleaseUnprocessed": release
        and {
            "id": release["id"],
            "version": release["version"],
            "imageRef": release["image_ref"],
            "configDefinition": release["definition"],
            "status": release["status"],
            "createdAt": release["created_at"],
        },
    }


def _organization(organization: Organization) -> dict[str, Any]:
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
    }


def _region(code: str) -> dict[str, Any]:
    return {"code": code, "name": code, "deprecated": False, "gatewayAvailable": True, "requiresPaidPlan": False}


def _redis(redis: Redis) -> dict[str, Any]:
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
        "organization": _organization(redis.organization),
        "addOnPlan": {**plan, "description": "", "pricePerMonth": 0},
    }


def routes(world: World) -> list[Route]:
    """Return the one path of GraphQL."""
    root = Root(world)

    async def answer(request: Request) -> Response:
        authorize(request)
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
            answer["errors"] = [{"message": e.message, "extensions": e.extensions or {}} for e in found.errors]
        return JSONResponse(answer)

    async def get(_request: Request) -> Response:
        await asyncio.sleep(0)
        raise error(405, "method not allowed")

    return [Route("/graphql", answer, methods=["POST"]), Route("/graphql", get, methods=["GET"])]
