# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Fly.io's three APIs, with typed errors: Machines, GraphQL, and the REST API for releases and Managed Postgres.

Facts: fly.io/docs/machines/api, docs.machines.dev, and the official clients (superfly/flyctl, superfly/fly-go) for
what is not documented: which API each command uses, each API's Authorization header, error bodies.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    APIError,
    Conflict,
    FlyoverError,
    Forbidden,
    InputError,
    NotFound,
    Unauthorized,
    Unprocessable,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import HTTPClient, Response, error_class

FLY_MACHINES_URL = "https://api.machines.dev"
FLY_API_URL = "https://api.fly.io"
APP_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
REMEDIES = {
    401: "Give a valid token that has not expired: fly tokens create org. "
    "A token from 'fly auth token' lacks what other clients need.",
    402: "Add a payment method for the organization at fly.io/dashboard, then run again.",
    403: "Use a token for the organization that owns it, neither read-only nor limited to one app "
    "(fly tokens create org), or choose another name.",
    404: "Check the name, and that the token's organization owns it.",
    409: "Another change is in progress, or the name is taken; run again or choose another name.",
    422: "Correct what Fly's message names.",
    429: "Run again in a minute: Fly allows one request a second for each action and app.",
}
GRAPHQL_ERRORS: dict[str, type[APIError]] = {
    "NOT_FOUND": NotFound,
    "UNAUTHORIZED": Unauthorized,
    "FORBIDDEN": Forbidden,
    "CONFLICT": Conflict,
}


class FlyAPI:
    """Read and change Fly.io. Every method may raise an APIError or ConnectionFailed.

    A list may be null: the Machines API is written in Go, where an empty list can be nil.
    """

    def __init__(self, machines: HTTPClient, graphql: HTTPClient, uiex: HTTPClient, macaroon: bool) -> None:
        """Take clients with base URL and C(Authorization) header; O(macaroon) is has_macaroon() of the token."""
        self.macaroon = macaroon
        self._machines = machines
        self._graphql = graphql
        self._uiex = uiex

    # Apps

    def app(self, app: str) -> dict[str, Any] | None:
        """Return the app, or None if no app has this name; raises Forbidden if another organization owns the name."""
        try:
            return self._rest(self._machines, "GET", f"/v1/apps/{app_name(app)}", f"Fly app {app}")
        except NotFound:
            return None

    def create_app(self, app: str, org: str) -> None:
        """Create the app in the organization with this slug; raises Conflict if the name is taken."""
        body = {"name": app, "org_slug": org}
        self._rest(self._machines, "POST", "/v1/apps", f"Fly app {app}", body, query={"wait": "true"}, repeatable=False)

    def ip_assignments(self, app: str) -> list[dict[str, Any]]:
        """Return the app's inbound IP addresses, without those for outbound traffic."""
        return [ip for ip in self._app(app, "GET", "/ip_assignments")["ips"] or [] if not ip.get("egress")]

    def assign_ip(self, app: str, kind: str) -> dict[str, Any]:
        """Assign an address of O(kind): C(v6), C(shared_v4), C(v4) or C(private_v6)."""
        return self._app(app, "POST", "/ip_assignments", {"type": kind}, repeatable=False)

    # Secrets

    def secrets(self, app: str) -> list[dict[str, Any]]:
        """Return name, digest, created_at and updated_at of each secret."""
        return self._app(app, "GET", "/secrets")["secrets"] or []

    def update_secrets(self, app: str, values: Mapping[str, str | None]) -> dict[str, Any]:
        """Set and unset (None) secrets in one version, without any restart. Return RV(secrets) and RV(version)."""
        return self._app(app, "POST", "/secrets", {"values": dict(values)})

    # Machines

    def machines(self, app: str) -> list[dict[str, Any]]:
        """Return the app's Machines, without destroyed ones."""
        return self._app(app, "GET", "/machines") or []

    def machine(self, app: str, machine: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request about one Machine, such as POST C(/start), and return the answer."""
        return self._app(app, method, f"/machines/{_part(machine)}{path}", body, **options)

    def lease(self, app: str, machine: str) -> dict[str, Any] | None:
        """Return owner and expires_at (seconds since 1970) of the lease that keeps others from changing a Machine."""
        try:
            answer = self._app(app, "GET", f"/machines/{_part(machine)}/lease")
        except NotFound:
            return None
        # fly-go reads data; Fly's specification has no such level.
        return answer.get("data") or answer

    def destroy_machine(self, app: str, machine: str) -> None:
        """Destroy a Machine, even a started one; it may already be gone."""
        with contextlib.suppress(NotFound):
            self._app(app, "DELETE", f"/machines/{_part(machine)}", query={"kill": "true"})

    def exec(self, app: str, machine: str, command: list[str], timeout: int) -> dict[str, Any]:
        """Run a command in a started Machine for at most O(timeout) seconds; fields missing from the answer are zero.

        A command killed by a signal gets the exit code that a shell would report; otherwise it would look successful.
        """
        body = {"command": command, "timeout": timeout}
        path = f"/machines/{_part(machine)}/exec"
        answer = self._app(app, "POST", path, body, repeatable=False, patience=timeout)
        killed = (answer.get("exit_signal") or 0) > 0 and not answer.get("exit_code")
        return {**answer, "exit_code": 128 + answer["exit_signal"]} if killed else answer

    # Certificates

    def certificates(self, app: str) -> list[dict[str, Any]]:
        """Return the summaries of all the app's certificates."""
        found: list[dict[str, Any]] = []
        query = {"limit": "50"}
        while True:
            page = self._app(app, "GET", "/certificates", query=query)
            found.extend(page["certificates"] or [])
            if not page.get("next_cursor"):
                return found
            query["cursor"] = page["next_cursor"]

    def certificate(self, app: str, hostname: str) -> dict[str, Any]:
        """Return one certificate with its DNS requirements."""
        return self._app(app, "GET", f"/certificates/{_part(hostname)}")

    def request_certificate(self, app: str, hostname: str) -> dict[str, Any]:
        """Request a certificate for O(hostname)."""
        return self._app(app, "POST", "/certificates/acme", {"hostname": hostname}, repeatable=False)

    def check_certificate(self, app: str, hostname: str) -> dict[str, Any]:
        """Make Fly check the DNS of O(hostname) now; return the certificate. Failed checks count against a limit."""
        return self._app(app, "POST", f"/certificates/{_part(hostname)}/check")

    def delete_certificate(self, app: str, hostname: str) -> None:
        """Delete the certificate of O(hostname)."""
        self._app(app, "DELETE", f"/certificates/{_part(hostname)}")

    # Releases

    def releases(self, app: str, limit: int = 20) -> list[dict[str, Any]]:
        """Return the releases, newest first; an app that was never released has none."""
        path = f"/api/v1/apps/{app}/releases"
        try:
            answer = self._rest(self._uiex, "GET", path, f"releases of Fly app {app}", query={"limit": str(limit)})
        except NotFound:
            return []
        return answer["releases"] or []

    # Managed Postgres

    def postgres_clusters(self, org: str) -> list[dict[str, Any]]:
        """Return the clusters of the organization with this raw slug."""
        thing = f"Managed Postgres clusters of organization {org}"
        return self._rest(self._uiex, "GET", f"/api/v1/organizations/{_part(org)}/postgres", thing)["data"] or []

    def postgres_regions(self, org: str) -> list[dict[str, Any]]:
        """Return the regions that offer Managed Postgres."""
        path = f"/api/v1/organizations/{_part(org)}/postgresv2/regions"
        return self._rest(self._uiex, "GET", path, "regions of Managed Postgres")["data"]

    def postgres_cluster(self, cluster: str, version: int = 2) -> dict[str, Any]:
        """Return a cluster's C(data) and C(credentials); O(version) is its C(version) in the list."""
        return self._rest(self._uiex, "GET", _cluster_path(cluster, version), f"Managed Postgres cluster {cluster}")

    def create_postgres_cluster(self, org: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a cluster of version 2, which is billed from then on; return its C(data)."""
        path = f"/api/v1/organizations/{_part(org)}/postgresv2"
        thing = f"Managed Postgres cluster {body['name']}"
        return self._rest(self._uiex, "POST", path, thing, dict(body), repeatable=False)["data"]

    def attach_postgres_cluster(self, cluster: str, app: str, version: int = 2) -> None:
        """Record that O(app) uses the cluster, without setting a secret; raises Conflict if it already does."""
        path = f"{_cluster_path(cluster, version)}/attachments"
        self._rest(self._uiex, "POST", path, f"Managed Postgres cluster {cluster}", {"app_name": app})

    def postgres_extensions(self, cluster: str, database: str, version: int = 2) -> list[dict[str, Any]]:
        """Return the extensions available to a database; C(installed) is None, or has version and schema."""
        path = f"{_cluster_path(cluster, version)}/databases/{_part(database)}/extensions"
        return self._rest(self._uiex, "GET", path, f"extensions of {database} in cluster {cluster}")["data"]

    def enable_postgres_extension(
        self, cluster: str, database: str, name: str, schema: str = "", version: int = 2
    ) -> None:
        """Enable an extension, in O(schema) if given, which is created if it is missing."""
        path = f"{_cluster_path(cluster, version)}/databases/{_part(database)}/extensions"
        body = {"name": name, "create_schema_if_needed": bool(schema), **({"schema": schema} if schema else {})}
        self._rest(self._uiex, "POST", path, f"extension {name} in cluster {cluster}", body)

    # The token

    def token_apps(self) -> list[str]:
        """Return the ids of the apps that the token is limited to; [] if it is not limited or Fly does not say.

        Fly's own clients do not use this endpoint: use it to warn, not to refuse anything.
        """
        if not self.macaroon:
            return []
        try:
            tokens = self._rest(self._machines, "GET", "/v1/tokens/current", "Fly token")["tokens"]
            limits = [token.get("apps") or [] for token in tokens]
        except (FlyoverError, KeyError, TypeError, AttributeError):
            return []
        return sorted({str(app) for apps in limits for app in apps}) if all(limits) else []

    # GraphQL: organizations, Redis, the configuration of a release

    def organization(self, slug: str) -> dict[str, Any]:
        """Return id, slug, rawSlug and billingStatus of an organization; C(personal) is an alias slug.

        Raises NotFound, which names similar slugs that the token may see.
        """
        query = "query($slug: String!) { organization(slug: $slug) { id slug rawSlug name billingStatus } }"
        missing: NotFound | None = None
        try:
            found = self._query(query, {"slug": slug}, f"Fly organization {slug}")["organization"]
        except NotFound as error:
            found, missing = None, error
        if found is not None:
            return found
        cause = missing.cause if missing else "no such organization"
        raise NotFound(f"Fly organization {slug}", cause, self._other_organizations(slug), status=404)

    def _other_organizations(self, slug: str) -> str:
        """Return the remedy for a slug that the token cannot see."""
        try:
            answer = self._query("query { organizations { nodes { slug } } }", {}, "Fly organizations")
            slugs = sorted(node["slug"] for node in answer["organizations"]["nodes"])
        except (FlyoverError, KeyError, TypeError):
            slugs = []
        if not slugs:
            return "Give a slug from 'fly orgs list', and a token for that organization."
        near = ", ".join(get_close_matches(slug, slugs) or slugs)
        return f"Use an organization that this token may see ({near}), or another token."

    def redis(self, name: str) -> dict[str, Any] | None:
        """Return the Upstash Redis with this name, or None."""
        query = """query($name: String, $provider: String) { addOn(name: $name, provider: $provider) {
            id name publicUrl status errorMessage primaryRegion readRegions options organization { slug rawSlug }
            addOnPlan { id name displayName } } }"""
        try:
            return self._query(query, {"name": name, "provider": "upstash_redis"}, f"Fly Redis {name}")["addOn"]
        except NotFound:
            return None

    def redis_regions(self) -> list[str]:
        """Return the codes of the regions that offer Upstash Redis."""
        query = """query($name: String!) { platform { regions { code deprecated } }
            addOnProvider(name: $name) { excludedRegions { code } } }"""
        answer = self._query(query, {"name": "upstash_redis"}, "regions of Fly Redis")
        excluded = {region["code"] for region in answer["addOnProvider"]["excludedRegions"] or []}
        regions = [region["code"] for region in answer["platform"]["regions"] if not region.get("deprecated")]
        return sorted(set(regions) - excluded)

    def redis_plans(self) -> list[dict[str, Any]]:
        """Return the plans of Upstash Redis."""
        query = """query($type: AddOnType!) { addOnPlans(type: $type) {
            nodes { id name displayName description maxDataSize pricePerMonth } } }"""
        return self._query(query, {"type": "upstash_redis"}, "plans of Fly Redis")["addOnPlans"]["nodes"]

    def create_redis(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an Upstash Redis from a C(CreateAddOnInput) and return its name and URL."""
        query = """mutation($input: CreateAddOnInput!) { createAddOn(input: $input) {
            addOn { id name publicUrl primaryRegion } } }"""
        answer = self._query(query, {"input": dict(body)}, f"Fly Redis {body['name']}", repeatable=False)
        return answer["createAddOn"]["addOn"]

    def update_redis(self, name: str, body: Mapping[str, Any]) -> None:
        """Change the plan and options of an Upstash Redis with an C(UpdateAddOnInput)."""
        query = "mutation($input: UpdateAddOnInput!) { updateAddOn(input: $input) { addOn { id } } }"
        self._query(query, {"input": dict(body)}, f"Fly Redis {name}")

    def release_config(self, app: str) -> dict[str, Any] | None:
        """Return the configuration of the current release as flyctl stored it, or None before the first release."""
        query = """query($name: String!) { app(name: $name) {
            currentReleaseUnprocessed { version imageRef configDefinition } } }"""
        found = self._query(query, {"name": app}, f"Fly app {app}")["app"]
        return found and found["currentReleaseUnprocessed"]

    # Transport

    def _app(self, app: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        return self._rest(self._machines, method, f"/v1/apps/{_part(app)}{path}", f"Fly app {app}", body, **options)

    def _rest(self, client: HTTPClient, method: str, path: str, thing: str, body: Any = None, **options: Any) -> Any:
        response = client.send(method, path, body=body, **options)
        if response.status >= 300 or (response.is_foreign if method == "GET" else response.is_page):
            raise _rest_error(response, method, path, thing)
        return response.json()

    def _query(self, query: str, variables: Mapping[str, Any], thing: str, repeatable: bool = True) -> Any:
        body = {"query": " ".join(query.split()), "variables": dict(variables)}
        response = self._graphql.send("POST", "/graphql", body=body, repeatable=repeatable)
        if response.status >= 300 or response.is_foreign:
            raise _rest_error(response, "POST", "/graphql", thing)
        answer = response.json() or {}
        if not answer.get("errors"):
            return answer["data"]
        error = answer["errors"][0]
        code = str((error.get("extensions") or {}).get("code", "UNKNOWN"))
        raised = GRAPHQL_ERRORS.get(code, Unprocessable)
        status = {NotFound: 404, Unauthorized: 401, Forbidden: 403, Conflict: 409}.get(raised, 422)
        cause = f"{error.get('message', 'no message')} ({code}, GraphQL, request {response.request_id})"
        raise raised(thing, cause, REMEDIES[status], status=status, request_id=response.request_id, error_id=code)


def app_name(app: str) -> str:
    """Return O(app); raises InputError if no app can have this name."""
    if not APP_NAME.fullmatch(app):
        raise InputError(
            f"Fly app {app!r}",
            "an app name has at most 63 lower-case letters, digits and hyphens",
            "Give a name that 'fly apps list' shows, or a new one in this form.",
        )
    return app


def _rest_error(response: Response, method: str, path: str, thing: str) -> APIError:
    answer = response.json()
    code = str(answer.get("status") or "unknown") if isinstance(answer, dict) else "unknown"
    message = "; ".join(_messages(answer)) or ("the answer is not JSON" if response.is_foreign else "no message")
    # Without a code, the text shows it (fly-go, flaps/flaps_error.go).
    taken = code == "name_taken" or (code == "unknown" and "Name has already been taken" in message)
    # A page that says 404 does not mean that the app is not there.
    kind = Conflict if taken else APIError if response.is_page else error_class(response.status)
    return kind(
        thing,
        f"{message.rstrip('.')} ({response.outcome} {code}, {method} {path}, request {response.request_id})",
        (None if response.is_page else REMEDIES.get(409 if kind is Conflict else response.status))
        or response.remedy("Fly", "status.flyio.net"),
        status=response.status,
        request_id=response.request_id,
        error_id=code,
    )


def _messages(answer: Any) -> Iterator[str]:
    """Yield the texts of C({"error": ...}), C({"message": ...}) and C({"errors": {"detail": ...}})."""
    if not isinstance(answer, dict):
        return
    for key in ("error", "message"):
        if isinstance(answer.get(key), str):
            yield answer[key]
    errors = answer.get("errors")
    if isinstance(errors, dict):
        yield from (str(text) for text in errors.values())
    elif isinstance(errors, list):
        yield from (str(text) for text in errors)


def _cluster_path(cluster: str, version: int) -> str:
    return f"/api/v1/{'postgres' if version == 1 else 'postgresv2'}/{_part(cluster)}"


def _part(text: str) -> str:
    return quote(text, safe="")
