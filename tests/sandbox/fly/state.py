# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Fly knows: organizations, apps with secrets, Machines, releases, certificates and addresses; Postgres; Redis."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..postgres import PostgresServer
from ..redis_server import RedisServer
from ..wire import new_id, now
from . import cnb
from .runner import Machine

# An app in an organization that the token cannot see.
TAKEN = "taken-elsewhere"
REGIONS = ("ams", "fra", "gru", "iad", "lax", "lhr", "nrt", "ord", "sin", "sjc", "syd", "yyz")
CLUSTER_STARTS = 1.0  # seconds
PG_MAJOR = "17"


@dataclass
class Organization:
    """One organization; C(personal) is an alias of its raw slug."""

    slug: str
    raw_slug: str
    number: int
    id: str = field(default_factory=lambda: new_id().replace("-", "")[:20])


@dataclass
class Secret:
    """One secret."""

    value: str
    digest: str
    created_at: str
    updated_at: str


class FlyApp:
    """One app."""

    def __init__(self, name: str, organization: Organization, number: int) -> None:
        self.id = new_id().replace("-", "")[:16]
        self.name = name
        self.number = number
        self.organization = organization
        self.secrets: dict[str, Secret] = {}
        self.secrets_version = 0
        self.machines: dict[str, Machine] = {}
        self.releases: list[dict[str, Any]] = []
        self.certificates: dict[str, dict[str, Any]] = {}
        self.ips: list[dict[str, Any]] = []
        self.attached_to: list[str] = []
        self._digest_key = os.urandom(16)

    def secret_values(self) -> dict[str, str]:
        """Return all secrets in plain text."""
        return {name: secret.value for name, secret in self.secrets.items()}

    def update_secrets(self, values: dict[str, str | None]) -> int:
        """Set and unset secrets in one version."""
        for name, value in values.items():
            if value is None:
                self.secrets.pop(name, None)
                continue
            digest = hmac.new(self._digest_key, f"{name}={value}".encode(), hashlib.sha256).hexdigest()[:16]
            created = self.secrets[name].created_at if name in self.secrets else now()
            self.secrets[name] = Secret(value, digest, created, now())
        self.secrets_version += 1
        return self.secrets_version

    @property
    def cname_target(self) -> str:
        """The target for CNAME records of the app's hostnames."""
        return f"{self.id[:7]}.{self.name}.fly.dev"

    def active_machines(self) -> list[Machine]:
        """Return the Machines that are not destroyed, in their current state."""
        for machine in self.machines.values():
            machine.refresh()
        return [machine for machine in self.machines.values() if machine.state != "destroyed"]

    def current_release(self) -> dict[str, Any] | None:
        """Return the newest completed release."""
        return next((r for r in reversed(self.releases) if r["status"] == "complete"), None)


@dataclass
class Cluster:
    """One Managed Postgres cluster: a database of the real server."""

    id: str
    name: str
    organization: Organization
    region: str
    plan: str
    disk: int
    user: str
    password: str
    database: str
    server: PostgresServer
    version: int = 2
    ready_at: float = 0.0
    attached: list[str] = field(default_factory=list)
    created_at: str = field(default_factory=now)

    @property
    def status(self) -> str:
        """V(creating) for a moment, then V(ready)."""
        return "ready" if time.monotonic() >= self.ready_at else "creating"

    @property
    def url(self) -> str:
        """The URL that an attached app gets."""
        return self.server.url(self.user, self.password, self.database)


@dataclass
class Redis:
    """One Upstash Redis."""

    name: str
    organization: Organization
    region: str
    plan: str
    options: dict[str, Any]
    server: RedisServer
    id: str = field(default_factory=lambda: new_id().replace("-", "")[:20])


class FlyState:
    """All of Fly's state."""

    def __init__(self, directory: Path, org: str, postgres: PostgresServer, redis: list[RedisServer]) -> None:
        """Take the server for all clusters (O(postgres)), and the list O(redis), which grows from its first server."""
        self._directory = directory
        self._postgres = postgres
        self._redis_servers = redis
        self.organizations = [Organization("personal", "sandbox-person", 1)]
        if org not in ("personal", "sandbox-person"):
            self.organizations.append(Organization(org, org, 2))
        self.apps: dict[str, FlyApp] = {}
        self.clusters: list[Cluster] = []
        self.redis: list[Redis] = []
        self.images: dict[str, Path] = {}
        self.digests: dict[str, str] = {}
        self.builds: list[str] = []  # their statuses
        # The first cluster's database exists from the start, so that its URL is known.
        self._first_password = "p" + os.urandom(12).hex()
        postgres.create_database("fly-db", "fly-user", self._first_password)

    def first_cluster_url(self) -> str:
        """Return the URL of the database that the first cluster will have."""
        return self._postgres.url("fly-user", self._first_password, "fly-db")

    def organization(self, slug: str) -> Organization | None:
        """Return an organization by its slug or raw slug."""
        return next((o for o in self.organizations if slug in (o.slug, o.raw_slug, o.id)), None)

    def create_app(self, name: str, organization: Organization) -> FlyApp:
        """Create an app."""
        self.apps[name] = FlyApp(name, organization, 1000 + len(self.apps))
        return self.apps[name]

    def create_cluster(self, name: str, organization: Organization, region: str, plan: str, disk: int) -> Cluster:
        """Create a cluster."""
        user, password, database = "fly-user", self._first_password, "fly-db"
        if self.clusters:
            number = len(self.clusters) + 1
            user, password, database = f"fly-user-{number}", "p" + os.urandom(12).hex(), f"fly-db-{number}"
            self._postgres.create_database(database, user, password)
        cluster = Cluster(
            id=os.urandom(7).hex()[:13],
            name=name,
            organization=organization,
            region=region,
            plan=plan,
            disk=disk,
            user=user,
            password=password,
            database=database,
            server=self._postgres,
            ready_at=time.monotonic() + CLUSTER_STARTS,
        )
        self.clusters.append(cluster)
        return cluster

    async def create_redis(
        self, name: str, organization: Organization, region: str, plan: str, options: dict[str, Any]
    ) -> Redis:
        """Create a Redis; the first one uses the existing server."""
        if self.redis:
            server = RedisServer(self._directory / "redis" / f"fly-{len(self.redis)}")
            await server.start()
            self._redis_servers.append(server)
        redis = Redis(name, organization, region, plan, options, self._redis_servers[len(self.redis)])
        self.redis.append(redis)
        return redis

    def store_image(self, reference: str, source: Path, buildpacks: bool) -> None:
        """Keep a copy of a source folder as an image, as built by buildpacks or from a Dockerfile."""
        folder = self._directory / "images" / reference.replace("/", "_").replace(":", "_")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder, symlinks=True)
        if buildpacks:
            cnb.mark(folder)
        content = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
        self.images[reference], self.digests[reference] = folder, f"sha256:{content.hexdigest()}"

    def machine_folder(self, machine_id: str) -> Path:
        """Return where a Machine keeps its files."""
        return self._directory / "machines" / machine_id

    async def close(self) -> None:
        """Stop every Machine."""
        machines = [machine for app in self.apps.values() for machine in app.machines.values()]
        await asyncio.gather(*(asyncio.to_thread(machine.stop) for machine in machines))


async def describe(fly: FlyState) -> dict[str, Any]:
    """Return Fly's part of the sandbox's state, with values in plain text."""
    return {
        "apps": {app.name: _app(app) for app in fly.apps.values()},
        "postgres": [
            {
                "id": cluster.id,
                "name": cluster.name,
                "org": cluster.organization.slug,
                "region": cluster.region,
                "plan": cluster.plan,
                "disk_gb": cluster.disk,
                "status": cluster.status,
                "attached_apps": cluster.attached,
                "url": cluster.url,
            }
            for cluster in fly.clusters
        ],
        "redis": [
            {
                "name": redis.name,
                "org": redis.organization.slug,
                "region": redis.region,
                "plan": redis.plan,
                "options": redis.options,
                "url": redis.server.url,
            }
            for redis in fly.redis
        ],
    }


def _app(app: FlyApp) -> dict[str, Any]:
    return {
        "org": app.organization.slug,
        "secrets": app.secret_values(),
        "secrets_version": app.secrets_version,
        "machines": [
            {
                "id": machine.id,
                "group": machine.group,
                "state": machine.state,
                "image": machine.config.get("image", ""),
                "secrets_version": machine.secrets_version,
                "url": machine.url,
                "instance_id": machine.instance_id,
                "guest": machine.config.get("guest", {}),
            }
            for machine in app.active_machines()
        ],
        "certificates": [{"hostname": name, "status": c["status"]} for name, c in app.certificates.items()],
        "ips": app.ips,
        "releases": [{key: r[key] for key in ("version", "status", "image_ref")} for r in app.releases],
    }
