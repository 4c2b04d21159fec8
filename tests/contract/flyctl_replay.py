# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flyctl asks for each of its commands, call by call, and what it needs of each answer.

Read in the sources of superfly/flyctl and superfly/fly-go, whose files the comments name, and told here in our own
words; flyctl_answers has what the client reads of the answers.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from ansible_collections.flyover.heroku_to_fly.tests.contract.flyctl_answers import (
    ADDRESS,
    APP,
    BUILD,
    LEASE,
    LOGS,
    MACHINE,
    OPERATIONS,
    PROCESS,
    REST_ORGANIZATION,
    REST_RELEASE,
    SECRET,
)
from ansible_collections.flyover.heroku_to_fly.tests.contract.go_types import MapOf, Maybe, Raw, Time, misfits
from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import Sandbox

NONCE = "fly-machine-lease-nonce"
WAIT_TIMEOUT = 300  # seconds; 'deploy --wait-timeout'
DEPLOY_LEASE = 13  # seconds; internal/command/deploy/machines.go
SCALE_LEASE = 120  # seconds; internal/machine/lease.go


class Refused(Exception):
    """An answer whose status flyctl does not count as success."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


class Wire:
    """Sends requests with flyctl's headers; every answer is checked against its shape."""

    def __init__(self, sandbox: Sandbox, macaroon: bool = False) -> None:
        """A token that flyctl cannot decode is dropped, and only the other one is sent, unless O(macaroon) is true."""
        self.sandbox = sandbox
        self._base = sandbox.environment["FLY_FLAPS_BASE_URL"]
        tokens = sandbox.environment["FLY_API_TOKEN"].split(",")
        self._token = next(token for token in tokens if token.startswith("fm2_") == macaroon)
        self._scheme = "FlyV1" if macaroon else "Bearer"

    def send(self, method: str, path: str, body: Any, headers: dict[str, str], *statuses: int) -> Any:
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode()) from None
        assert status in statuses, (method, path, status)
        return json.loads(content) if content else None

    def flaps(self, method: str, path: str, shape: Any = None, body: Any = None, nonce: str = "") -> Any:
        """Call the Machines API, where any status below 300 is a success (flaps/flaps.go)."""
        headers = {"Authorization": f"{self._scheme} {self._token}", "User-Agent": "flyctl/0.0.0"}
        if nonce:
            headers[NONCE] = nonce
        return self._held(shape, self.send(method, f"/v1{path}", body, headers, *range(200, 300)), path)

    def rest(self, method: str, path: str, shape: Any, body: Any = None, *statuses: int) -> Any:
        """Call the REST API without a user agent; apart from O(statuses), only 200 counts as success."""
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "Go-http-client/1.1"}
        return self._held(shape, self.send(method, f"/api/v1{path}", body, headers, *(statuses or (200,))), path)

    def graphql(self, operation: str, **variables: Any) -> Any:
        """Run an operation; errors of it are a refusal of status 200."""
        query, shape = OPERATIONS[operation]
        headers = {"Authorization": f"{self._scheme} {self._token}", "User-Agent": "flyctl/0.0.0"}
        body = {"query": " ".join(query.split()), "variables": variables}
        answer = self.send("POST", "/graphql", body, headers, 200)
        if answer.get("errors"):
            assert list(misfits([{"message": str, "path": [str], "extensions": MapOf(Raw)}], answer["errors"])) == []
            raise Refused(200, answer["errors"][0]["message"])
        return self._held(shape, answer["data"], operation)

    def logs(self, app: str, token: str = "", instance: str = "") -> Any:
        """Ask for logs: beside GraphQL, with the header of the Machines API (resource_logs.go)."""
        headers = {"Authorization": f"{self._scheme} {self._token}", "User-Agent": "flyctl/0.0.0"}
        query = f"next_token={token}" + (f"&instance={instance}" if instance else "")
        return self._held(LOGS, self.send("GET", f"/api/v1/apps/{app}/logs?{query}", None, headers, 200), "logs")

    @staticmethod
    def _held(shape: Any, answer: Any, at: str) -> Any:
        if shape is not None:
            assert list(misfits(shape, answer, at)) == []
        return answer


class Replay:
    """flyctl's commands for one app, each with the calls of its source in their order."""

    def __init__(self, wire: Wire, app: str, org: str = "personal") -> None:
        self.wire, self.app, self.org = wire, app, org
        self._path = f"/apps/{app}"
        self.secrets_version: int | None = None  # flyctl keeps it in config.yml

    # internal/command/apps/create.go, fly-go flaps/flaps_apps.go

    def apps_create(self) -> dict[str, Any]:
        organizations = self.wire.graphql("organizations", admin=False)["organizations"]["nodes"]
        assert self.org in [organization["slug"] for organization in organizations]
        body = {"name": self.app, "org_slug": self.org, "network": "", "app_role_id": ""}
        self.wire.flaps("POST", "/apps?wait=true", APP, body)
        self.wire.flaps("GET", self._path, APP)
        return self.wire.graphql("app", appName=self.app)["app"]

    # internal/command/secrets, internal/appsecrets

    def secrets_list(self) -> dict[str, str]:
        """Return the statuses by name, as internal/command/secrets/list.go computes them."""
        version = f"?version={self.secrets_version}" if self.secrets_version is not None else ""
        secrets = self.wire.flaps("GET", f"{self._path}/secrets{version}", {"secrets": [SECRET]})["secrets"]
        machines = self.wire.flaps("GET", f"{self._path}/machines", [MACHINE])
        versions = [machine["config"]["metadata"].get("fly_release_version", "") for machine in machines]
        created = {}
        if any(versions):
            shape = {"releases": [REST_RELEASE]}
            releases = self.wire.rest("GET", f"{self._path}/releases?limit=20", shape)["releases"]
            created = {str(release["version"]): release["created_at"] for release in releases}

        def status(secret: dict[str, Any]) -> str:
            having = sum(secret["updated_at"] <= created.get(version, "") for version in versions)
            return "Staged" if not having else "Deployed" if having == len(versions) else "Partial"

        return {secret["name"]: status(secret) for secret in secrets}

    def secrets_update(self, values: dict[str, str | None], stage: bool) -> None:
        """Set, import or unset: one request for all three."""
        app = self.wire.graphql("app compact", appName=self.app)["appcompact"]
        self._write_secrets(values)
        if not stage:
            self.secrets_deploy(app)

    def secrets_sync(self) -> None:
        self._write_secrets({"BogusDummySecret_0123456789abcdef": None})

    def secrets_deploy(self, app: dict[str, Any] | None = None) -> None:
        """Restart the Machines with a release of their own (secrets.go DeploySecrets, deploy/machines.go)."""
        app = app or self.wire.graphql("app compact", appName=self.app)["appcompact"]
        machines = self._deployed_machines()
        if not app["deployed"] and not machines:
            return  # staged for the first deployment
        self.wire.graphql("release config", appName=self.app)
        self.wire.flaps("GET", self._path, APP)
        machines = self._deployed_machines()
        image = self.wire.graphql("latest image", appName=self.app)["app"]["currentReleaseUnprocessed"]["imageRef"]
        release = self._create_release(image, {"app": self.app})
        self._update_release(release, "running", None)
        self._update_machines(machines, [machine["config"] for machine in machines], release)
        self._update_release(release, "complete", {"post_deployment_info": {"flyctl_version": "0", "error": ""}})

    def _write_secrets(self, values: dict[str, str | None]) -> None:
        shape = {"secrets": [SECRET], "version": int}
        written = self.wire.flaps("POST", f"{self._path}/secrets", shape, {"values": values})
        self.secrets_version = written["version"]

    # internal/command/deploy, with --image; internal/build/imgsrc/resolver.go

    def find_image(self, image: str) -> str:
        app = self.wire.flaps("GET", self._path, APP)
        shape = {"organization": REST_ORGANIZATION}
        self.wire.rest("GET", f"/organizations/{app['organization']['slug']}", shape)
        strategies = ["Local Image Reference", "Remote Image Reference"]
        started = {"app_name": self.app, "builder_type": "depot.dev", "strategies_available": strategies}
        number = self.wire.rest("POST", "/builds", BUILD, started)["id"]
        found = self.wire.graphql("image", appName=self.app, imageRef=image)["app"]["image"]
        self._finish_build(number, found)
        if found is None:
            raise Refused(200, f"could not find image {image}")
        assert int(found["compressedSize"]) > 0
        return str(found["ref"])

    def build_only(self) -> None:
        """Build from source as far as there is no builder (deploy --build-only; imgsrc/depot.go)."""
        started = {"app_name": self.app, "builder_type": "depot.dev", "strategies_available": ["depot.dev"]}
        number = self.wire.rest("POST", "/builds", BUILD, started)["id"]
        wanted = {"app_name": self.app, "builder_scope": "organization"}
        try:
            self.wire.rest("POST", "/builds/depot_builder", {"build_id": str, "build_token": str}, wanted)
        finally:
            self._finish_build(number, None)

    def deploy(self, image: str, groups: dict[str, dict[str, Any]], release_command: list[str]) -> int:
        """Deploy two groups or more, a Machine each (--ha=false); return the release command's exit code."""
        reference = self.find_image(image)
        app = self.wire.flaps("GET", self._path, APP)
        machines = self._deployed_machines()
        if not machines:
            self.wire.flaps("GET", f"{self._path}/machines", [MACHINE])  # any that are not of a deploy
        if not machines and app["status"] not in ("deployed", "suspended"):
            self._provision_addresses()
        release = self._create_release(reference, {"app": self.app, "processes": dict.fromkeys(groups, "")})
        self.wire.graphql("egress addresses", appName=self.app)
        self._update_release(release, "running", None)
        code = self._run_release_command(reference, release, release_command) if release_command else 0
        if not code:
            configs = {group: {**config, "image": reference} for group, config in groups.items()}
            present = {machine["config"]["metadata"]["fly_process_group"] for machine in machines}
            for group in sorted(set(configs) - present):
                self._spawn(group, configs[group], release)
            wanted = [configs[machine["config"]["metadata"]["fly_process_group"]] for machine in machines]
            self._update_machines(machines, wanted, release)
        error = f"machine exited with non-zero status of {code}" if code else ""
        metadata = {"post_deployment_info": {"flyctl_version": "0", "error": error}}
        self._update_release(release, "failed" if code else "complete", metadata)
        return code

    def _finish_build(self, number: int, image: dict[str, Any] | None) -> None:
        final = {"id": image["id"], "size_bytes": 1, "tag": image["ref"]} if image else {}
        names = ("build_and_push_ms", "build_ms", "builder_init_ms", "context_build_ms", "image_build_ms", "push_ms")
        attempt = {"error": "", "note": "", "result": "success", "strategy": "Remote Image Reference"}
        body = {
            "build_id": number,
            "app_name": self.app,
            "machine_id": "",
            "status": "completed" if image else "failed",
            "strategies_attempted": [attempt],
            "builder_meta": {"builder_type": "", "buildkit_enabled": False, "docker_version": "", "platform": ""},
            "final_image": {"id": "", "size_bytes": 0, "tag": "", **final},
            "timings": dict.fromkeys(names, -1),
            "logs": "",
        }
        self.wire.rest("POST", "/builds/finish", BUILD, body)

    def _provision_addresses(self) -> None:
        if self.wire.flaps("GET", f"{self._path}/ip_assignments", {"ips": [ADDRESS]})["ips"]:
            return
        for kind in ("v6", "shared_v4"):
            body = {"type": kind, "region": "", "org_slug": self.org, "network": "", "service_name": ""}
            self.wire.flaps("POST", f"{self._path}/ip_assignments", ADDRESS, body)

    def _create_release(self, image: str, definition: dict[str, Any]) -> dict[str, Any]:
        body = {
            "app_name": self.app,
            "build_id": 0,
            "definition": definition,
            "image": image,
            "strategy": "ROLLING",
        }
        # No more is needed, though more is decoded.
        shape = {"release": {"id": str, "version": int, "created_at": Maybe(Time)}}
        return self.wire.rest("POST", "/releases", shape, body, 200, 201)["release"]

    def _update_release(self, release: dict[str, Any], status: str, metadata: Any) -> None:
        body = {"status": status, "metadata": metadata}
        assert self.wire.rest("PATCH", f"/releases/{release['id']}", REST_RELEASE, body)["status"] == status

    def _launch(self, config: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {"config": config, "region": "iad", "skip_secrets": False, **more}
        if self.secrets_version is not None:
            body["min_secrets_version"] = self.secrets_version
        return self.wire.flaps("POST", f"{self._path}/machines", MACHINE, body)

    def _run_release_command(self, image: str, release: dict[str, Any], command: list[str]) -> int:
        """Return its exit code (internal/command/deploy/machines_releasecommand.go)."""
        config = {
            "image": image,
            "init": {"cmd": command},
            "env": {"RELEASE_COMMAND": "1", "FLY_PROCESS_GROUP": "fly_app_release_command"},
            "guest": {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512},
            "restart": {"policy": "no"},
            "auto_destroy": True,
            "dns": {"skip_registration": True},
            "metadata": _metadata("fly_app_release_command", release),
        }
        machine = self._launch(config, skip_launch=True)["id"]
        path = f"{self._path}/machines/{machine}"
        self.wire.flaps("GET", f"{path}/wait?state=stopped&timeout=60")
        self.wire.flaps("POST", f"{path}/start", {"previous_state": str})
        try:
            self.wire.flaps("GET", f"{path}/wait?state=started&timeout=60")
            self.wire.flaps("GET", f"{path}/wait?state=destroyed&timeout=60")
        except Refused as refused:
            assert refused.status == 404  # it had already ended, which is not a failure
        events = self.wire.flaps("GET", path, MACHINE)["events"]
        started = [event["type"] for event in events].index("start")
        (ended,) = [event for event in events[:started] if event["type"] == "exit"]
        self._read_log_to_its_end(machine)
        return int(ended["request"]["exit_event"].get("exit_code", 0))

    def _read_log_to_its_end(self, machine: str) -> None:
        """Poll as logs/polling.go, until the line that the client takes for the end."""
        token = ""
        for _poll in range(10):
            answer = self.wire.logs(self.app, token, machine)
            token = answer["meta"]["next_token"] or token
            lines = [entry["attributes"]["message"] for entry in answer["data"]]
            if any("Main child exited normally" in line for line in lines):
                return
        raise AssertionError(f"the log of {machine} has no end")

    def _spawn(self, group: str, config: dict[str, Any], release: dict[str, Any]) -> None:
        """Create a Machine and wait until it is healthy (machines_deploymachinesapp.go spawnMachineInGroup)."""
        config = {**config, "metadata": _metadata(group, release)}
        machine = self._launch(config, lease_ttl=WAIT_TIMEOUT)
        path = f"{self._path}/machines/{machine['id']}"
        self._await_health(machine)
        self.wire.flaps("DELETE", f"{path}/lease", nonce=machine["nonce"])

    def _await_health(self, machine: dict[str, Any]) -> None:
        path = f"{self._path}/machines/{machine['id']}"
        self.wire.flaps("GET", f"{path}/wait?state=started&timeout=60")
        events = [event["type"] for event in self.wire.flaps("GET", path, MACHINE)["events"]]
        # MostRecentStartTimeAfterLaunch: the newest event comes first.
        assert events.index("start") < events.index("launch")
        configured = [check for service in machine["config"].get("services") or [] for check in service["checks"]]
        checks: list[dict[str, Any]] = []
        for _poll in range(20):
            checks = self.wire.flaps("GET", path, MACHINE)["checks"]
            if not configured or (checks and all(check["status"] == "passing" for check in checks)):
                break
            time.sleep(1)
        assert len(checks) == len(configured)
        if configured:
            ports = {service["internal_port"] for service in machine["config"]["services"]}
            processes = self.wire.flaps("GET", f"{path}/ps", [PROCESS])
            sockets = [socket["address"] for process in processes for socket in process["listen_sockets"]]
            assert {int(address.rpartition(":")[2]) for address in sockets} == ports

    def _update_machines(
        self, machines: list[dict[str, Any]], configs: list[dict[str, Any]], release: dict[str, Any]
    ) -> None:
        """Lease, update, wait and release (machines_deploymachinesapp.go updateExistingMachines)."""
        nonces = {machine["id"]: self._lease(machine, DEPLOY_LEASE) for machine in machines}
        for machine, config in zip(machines, configs):
            group = machine["config"]["metadata"]["fly_process_group"]
            path, nonce = f"{self._path}/machines/{machine['id']}", nonces[machine["id"]]
            refreshed = self.wire.flaps("POST", f"{path}/lease?ttl={DEPLOY_LEASE}", LEASE, nonce=nonce)
            assert refreshed["data"]["nonce"] == nonce
            body = {"config": {**config, "metadata": _metadata(group, release)}, "region": "iad", "skip_secrets": False}
            if self.secrets_version is not None:
                body["min_secrets_version"] = self.secrets_version
            self._await_health(self.wire.flaps("POST", path, MACHINE, body, nonce=nonce))
        for machine in machines:
            self.wire.flaps("DELETE", f"{self._path}/machines/{machine['id']}/lease", nonce=nonces[machine["id"]])

    def _lease(self, machine: dict[str, Any], seconds: int) -> str:
        lease = self.wire.flaps("POST", f"{self._path}/machines/{machine['id']}/lease?ttl={seconds}", LEASE)
        assert lease["status"] == "success"
        if lease["data"]["version"] != machine["instance_id"]:
            self.wire.flaps("GET", f"{self._path}/machines/{machine['id']}", MACHINE)
        return str(lease["data"]["nonce"])

    def _deployed_machines(self) -> list[dict[str, Any]]:
        """Return what ListFlyAppsMachines does."""
        return [
            machine
            for machine in self.wire.flaps("GET", f"{self._path}/machines", [MACHINE])
            if machine["config"]["metadata"].get("fly_platform_version") == "v2"
            and machine["config"]["metadata"].get("fly_process_group") != "fly_app_release_command"
        ]

    # internal/command/scale/count_machines.go

    def scale_count(self, group: str, count: int) -> None:
        self.wire.graphql("release config", appName=self.app)
        machines = self._deployed_machines()
        releases = self.wire.graphql("releases", appName=self.app, limit=1, status="complete")["app"]["releases"][
            "nodes"
        ]
        assert releases
        self.wire.flaps("GET", f"{self._path}/volumes", [Raw])
        nonces = {machine["id"]: self._lease(machine, SCALE_LEASE) for machine in machines}
        present = [machine for machine in machines if machine["config"]["metadata"]["fly_process_group"] == group]
        for _number in range(len(present), count):
            self._launch(present[0]["config"])
        for machine in present[count:]:
            path = f"{self._path}/machines/{machine['id']}"
            self.wire.flaps("DELETE", f"{path}?kill=true", nonce=nonces.pop(machine["id"]))
        for machine_id, nonce in nonces.items():
            self.wire.flaps("DELETE", f"{self._path}/machines/{machine_id}/lease", nonce=nonce)
        self.wire.graphql("egress addresses", appName=self.app)


def _metadata(group: str, release: dict[str, Any]) -> dict[str, str]:
    return {
        "fly_platform_version": "v2",
        "fly_process_group": group,
        "fly_release_id": release["id"],
        "fly_release_version": str(release["version"]),
        "fly_flyctl_version": "0.0.0",
    }
