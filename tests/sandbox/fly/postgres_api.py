# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed Postgres in both forms: for 'fly mpg' (/api/v1), and in the Machines API (/v1/postgres)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..processes import LOOPBACK
from ..wire import Refused, now
from .flaps import authorize, read
from .state import PG_MAJOR, REGIONS, Cluster, Organization
from .uiex import ORGANIZATION, Part, error

if TYPE_CHECKING:
    from ..world import World

CLUSTER_PLANS = ("basic", "starter", "launch", "scale", "Performance")
CLUSTER = "/api/v1/postgresv2/{cluster}"
# fly.io/docs/mpg/extensions
EXTENSIONS = [
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "plpgsql",
    "seg",
    "tablefunc",
    "tcn",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
]


class Postgres(Part):
    """The handlers."""

    # Managed Postgres as 'fly mpg' sees it

    async def clusters(self, request: Request) -> Any:
        organization = self._organization(request)
        found = [cluster for cluster in self._world.fly.clusters if cluster.organization is organization]
        # Only the list has clusters of both versions, and distinguishes them.
        return {"data": [{**self._cluster_object(cluster), "version": cluster.version} for cluster in found]}

    async def cluster_regions(self, request: Request) -> Any:
        self._organization(request)
        return {"data": [{"code": code, "available": True} for code in REGIONS]}

    async def create_cluster(self, request: Request) -> Any:
        organization = self._organization(request)
        fields = {
            "name": str,
            "region": str,
            "org_slug": str,
            "plan": str,
            "pg_major_version": str,
            "storage_in_gb": int,
            "postgis_enabled": bool,
        }
        body = await read(request, fields, ("name", "region", "plan", "storage_in_gb"))
        cluster = self._created(organization, body, body["storage_in_gb"])
        return JSONResponse({"ok": True, "errors": {}, "data": self._cluster_object(cluster)}, 201)

    async def cluster(self, request: Request) -> Any:
        cluster = self._cluster(request)
        ready = cluster.status == "ready"
        credentials = {
            "status": "ready" if ready else "initializing",
            "user": cluster.user if ready else None,
            "password": cluster.password if ready else None,
            "dbname": cluster.database if ready else None,
            "pgbouncer_uri": cluster.url if ready else None,
        }
        return {"data": self._cluster_object(cluster), "credentials": credentials}

    async def attach(self, request: Request) -> Any:
        cluster = self._cluster(request)
        name = (await read(request, {"app_name": str}, ("app_name",)))["app_name"]
        self._app(name)
        if name in cluster.attached:
            raise error(409, f"{name} is attached already")
        cluster.attached.append(name)
        record = {"id": len(cluster.attached), "app_id": self._world.fly.apps[name].number, "managed_service_id": 1}
        return JSONResponse({"data": {**record, "attached_at": now()}}, 201)

    async def users(self, request: Request) -> Any:
        return {"data": [{"name": self._cluster(request).user, "role": "schema_admin"}]}

    async def user_credentials(self, request: Request) -> Any:
        cluster = self._cluster(request)
        if request.path_params["user"] not in (cluster.user, "fly-user"):
            raise error(404, "Not Found")
        return {"data": {"username": cluster.user, "password": cluster.password}}

    async def databases(self, request: Request) -> Any:
        return {"data": [{"name": self._cluster(request).database}]}

    async def extensions(self, request: Request) -> Any:
        cluster = self._cluster(request)
        installed = self._installed(cluster)
        return {"data": [{"name": name, "installed": installed.get(name)} for name in EXTENSIONS]}

    async def enable_extension(self, request: Request) -> Any:
        cluster = self._cluster(request)
        fields = {"name": str, "schema": str, "create_schema_if_needed": bool}
        body = await read(request, fields, ("name",))
        if body["name"] not in EXTENSIONS:
            raise error(422, f"extension {body['name']} is not available")
        names = {"name": sql.Identifier(body["name"]), "schema": sql.Identifier(body.get("schema") or "public")}
        connection = cluster.server.superuser(cluster.database)
        try:
            with connection.cursor() as cursor:
                if body.get("create_schema_if_needed") and body.get("schema"):
                    owner = sql.Identifier(cluster.user)
                    cursor.execute(
                        sql.SQL("create schema if not exists {schema} authorization {owner}").format(
                            **names, owner=owner
                        )
                    )
                cursor.execute(sql.SQL("create extension if not exists {name} with schema {schema}").format(**names))
        except psycopg2.Error as failed:
            raise error(422, str(failed.diag.message_primary)) from None
        finally:
            connection.close()
        return JSONResponse({"data": {"name": body["name"], "installed": self._installed(cluster)[body["name"]]}}, 201)

    # Managed Postgres as the Machines API has it

    async def create_public_cluster(self, request: Request) -> Any:
        fields = {
            "org_slug": str,
            "name": str,
            "region": str,
            "plan": str,
            "disk_size_gb": int,
            "pg_major_version": str,
            "postgis_enabled": bool,
        }
        body = await read(request, fields, ("org_slug", "name", "region", "plan"))
        organization = self._world.fly.organization(body["org_slug"])
        if organization is None:
            raise Refused(404, {"error": "organization not found", "status": "unknown"})
        cluster = self._created(organization, body, body.get("disk_size_gb") or 10)
        return JSONResponse({"data": self._public_cluster_object(cluster)}, 201)

    async def public_cluster(self, request: Request) -> Any:
        return {"data": self._public_cluster_object(self._cluster(request))}

    # Shapes

    def _public_cluster_object(self, cluster: Cluster) -> dict[str, Any]:
        endpoint = {"host": LOOPBACK, "port": cluster.server.port}
        return {
            "id": cluster.id,
            "name": cluster.name,
            "status": cluster.status,
            "region": cluster.region,
            "plan": cluster.plan,
            "disk_size_gb": cluster.disk,
            "replicas": 1,
            "pg_major_version": PG_MAJOR,
            "postgis_enabled": False,
            "endpoints": {"primary": {"direct": endpoint, "pooler": endpoint}},
            "organization": {"name": cluster.organization.slug, "slug": cluster.organization.slug},
            "created_at": cluster.created_at,
            "attached_apps": [{"name": name} for name in cluster.attached],
        }

    def _created(self, organization: Organization, body: dict[str, Any], disk: int) -> Cluster:
        if body["plan"] not in CLUSTER_PLANS:
            raise error(422, f"plan {body['plan']} is not available")
        if body["region"] not in REGIONS:
            raise error(422, f"region {body['region']} is not available")
        if not 10 <= disk <= 500:
            raise error(422, "storage must be between 10 and 500 GB")
        if body.get("pg_major_version", PG_MAJOR) not in ("16", "17"):
            raise error(422, "pg_major_version is not available")
        return self._world.fly.create_cluster(body["name"], organization, body["region"], body["plan"], disk)

    def _cluster_object(self, cluster: Cluster) -> dict[str, Any]:
        return {
            "id": cluster.id,
            "mpgd_cluster_id": cluster.id,
            "name": cluster.name,
            "status": cluster.status,
            "engine": "postgres",
            "plan": cluster.plan,
            "region": cluster.region,
            "organization": {"slug": cluster.organization.slug},
            "disk": cluster.disk,
            "replicas": 1,
            "postgis_enabled": False,
            # Not the name in the pooled URL, so that the two can be distinguished.
            "ip_assignments": {"direct": "localhost"},
            "attached_apps": [{"name": name, "id": self._world.fly.apps[name].number} for name in cluster.attached],
        }

    def _installed(self, cluster: Cluster) -> dict[str, dict[str, str]]:
        connection = cluster.server.superuser(cluster.database)
        with connection.cursor() as cursor:
            cursor.execute(
                "select extname, extversion, nspname from pg_extension join pg_namespace n on n.oid = extnamespace"
            )
            found = {name: {"version": version, "schema": schema} for name, version, schema in cursor.fetchall()}
        connection.close()
        return found

    def _cluster(self, request: Request) -> Cluster:
        for cluster in self._world.fly.clusters:
            if cluster.id == request.path_params["cluster"]:
                return cluster
        raise error(404, "Not Found")


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Postgres(world)
    extensions = CLUSTER + "/databases/{database}/extensions"
    return [
        part.route(f"{ORGANIZATION}/postgres", part.clusters),
        part.route(f"{ORGANIZATION}/postgresv2/regions", part.cluster_regions),
        part.route(f"{ORGANIZATION}/postgresv2", part.create_cluster, "POST"),
        part.route(CLUSTER, part.cluster),
        part.route(f"{CLUSTER}/attachments", part.attach, "POST"),
        part.route(f"{CLUSTER}/users", part.users),
        part.route(f"{CLUSTER}/users/{{user}}/credentials", part.user_credentials),
        part.route(f"{CLUSTER}/databases", part.databases),
        part.route(extensions, part.extensions),
        part.route(extensions, part.enable_extension, "POST"),
        part.route("/v1/postgres", part.create_public_cluster, "POST", authorized=authorize),
        part.route("/v1/postgres/{cluster}", part.public_cluster, authorized=authorize),
        part.route("/v1/postgres/{cluster}/users/{user}/credentials", part.user_credentials, authorized=authorize),
    ]
