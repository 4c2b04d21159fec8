# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Heroku's Platform API v3 and data host over HTTP: paths, fields, statuses, headers, ranges and error bodies.

Strict with requests as the real one is: an unknown field or a wrong type is refused. Lenient only where the official
command-line client itself leaves the published schema (quantities as text, the deprecated C(size)).
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..wire import Refused, new_id, now
from .one_off import OneOffDyno
from .state import OWNER, Dyno, HerokuApp, InstalledAddon, credential

if TYPE_CHECKING:
    from ..world import World

PAGE = 200
MOST = 1000
CONFIG_LIMIT = 64 * 1024
DAY = 24 * 60 * 60
SIZES = frozenset(
    {"eco", "basic", "standard-1x", "standard-2x"}
    | {f"performance-{size}" for size in ("m", "l", "l-ram", "xl", "2xl")}
)
NAME = re.compile(r"\w+", re.ASCII)
Handler = Callable[[Request], Awaitable[Any]]


def error(status: int, error_id: str, message: str, **more: Any) -> Refused:
    """Return Heroku's form of an error."""
    return Refused(status, {"id": error_id, "message": message, **more})


class API:
    """The handlers; each returns what the answer's body holds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._token = _token()

    # Apps

    async def apps(self, _request: Request) -> Any:
        return [self._app_object(app) for app in self._world.heroku.apps.values()]

    async def app(self, request: Request) -> Any:
        return self._app_object(self._app(request))

    async def update_app(self, request: Request) -> Any:
        app = self._app(request)
        body = await _body(request, {"build_stack": str, "maintenance": bool, "name": str})
        if "name" in body or "build_stack" in body:
            raise error(422, "invalid_params", "The sandbox renames no app and changes no stack.")
        if body.get("maintenance") and app.scenario.generation == "fir":
            raise error(422, "invalid_params", "Maintenance mode is not supported for Fir-generation apps.")
        app.maintenance = body.get("maintenance", app.maintenance)
        return self._app_object(app)

    async def account(self, _request: Request) -> Any:
        return {**OWNER, "name": "Owner", "verified": True, "two_factor_authentication": False, "created_at": now()}

    async def rate_limits(self, _request: Request) -> Any:
        return {"remaining": self._world.heroku.requests_left}

    # Config vars

    async def config_vars(self, request: Request) -> Any:
        return self._app(request).config()

    async def update_config_vars(self, request: Request) -> Any:
        app = self._app(request)
        body = await _body(request)
        for name, value in body.items():
            if not NAME.fullmatch(name) or name[0].isdigit():
                raise error(422, "invalid_params", f"Config var name {name} is invalid.")
            if value is not None and not isinstance(value, str):
                raise error(422, "invalid_params", f"Config var {name} must be a string or null.")
        owned = sorted(name for name in body if app.owner_of(name))
        if owned:
            raise error(422, "invalid_params", f"Cannot overwrite attachment values {', '.join(owned)}.")
        changed = {**app.own_config, **body}
        kept = {name: value for name, value in changed.items() if value is not None}
        if sum(len(name) + len(value.encode()) for name, value in {**app.config(), **kept}.items()) > CONFIG_LIMIT:
            raise error(422, "invalid_params", "Config vars exceed 64kb.")
        app.own_config = kept
        app.release(f"{'Set' if any(body.values()) else 'Remove'} {', '.join(sorted(body))} config vars")
        return app.config()

    # Formation and dynos

    async def formation(self, request: Request) -> Any:
        app = self._app(request)
        return [self._formation_object(app, kind) for kind in app.formation]

    async def update_formation(self, request: Request) -> Any:
        app = self._app(request)
        body = await _body(request, {"updates": list}, required=("updates",))
        updates = [self._scaling(app, update, cli=_is_cli(request)) for update in body["updates"]]
        for kind, quantity in updates:
            app.scale(kind, quantity)
        return [self._formation_object(app, kind) for kind, _quantity in updates]

    async def update_process(self, request: Request) -> Any:
        app = self._app(request)
        body = await _body(request)
        kind, quantity = self._scaling(app, {"type": request.path_params["kind"], **body}, cli=_is_cli(request))
        app.scale(kind, quantity)
        return self._formation_object(app, kind)

    async def dynos(self, request: Request) -> Any:
        app = self._app(request)
        return [self._dyno_object(app, dyno) for dyno in app.running_dynos()]

    async def dyno(self, request: Request) -> Any:
        app = self._app(request)
        return self._dyno_object(app, self._dyno(app, request))

    async def run_dyno(self, request: Request) -> Any:
        app = self._app(request)
        types = {"attach": bool, "command": str, "env": dict, "force_no_tty": (bool, type(None)), "size": str}
        body = await _body(request, {**types, "time_to_live": int, "type": str}, required=("command",))
        environment, seconds = body.get("env", {}), body.get("time_to_live", DAY)
        if not all(isinstance(value, str) for value in environment.values()):
            raise error(422, "invalid_params", "The field env has the wrong type.")
        if isinstance(seconds, bool) or not 0 < seconds <= DAY:
            raise error(422, "invalid_params", "The field time_to_live must be at most 86400.")
        size = body.get("size", "Standard-1X")
        if size.lower() not in SIZES:
            raise error(422, "invalid_params", f"No such size as {size}.")
        if app.scenario.generation == "fir":
            raise error(422, "invalid_params", "One-off dynos are not available for Fir-generation apps.")
        number = random.choice(list({*range(1000, 10000)} - {dyno.number for dyno in app.dynos}))
        given = {**app.run_time_config(), "DYNO": f"run.{number}", **environment}
        terminal = bool(body.get("attach")) and not body.get("force_no_tty")
        process = OneOffDyno(body["command"], self._world.source, given, terminal)
        dyno = Dyno(body.get("type", "run"), number, body["command"], size, process=process)
        app.dynos.append(dyno)
        return self._dyno_object(app, dyno) | {
            "attach_url": self._world.rendezvous.run(process, seconds, bool(body.get("attach"))),
            "state": "starting",
        }

    async def stop_dyno(self, request: Request) -> Any:
        dyno = self._dyno(self._app(request), request)
        # Heroku starts one of the formation again.
        if dyno.process:
            await dyno.process.stop()
        return {}

    # Add-ons

    async def addons(self, request: Request) -> Any:
        app = self._app(request)
        return [self._addon_object(app, addon, _expands_plan(request)) for addon in app.addons]

    async def all_addons(self, request: Request) -> Any:
        return [
            self._addon_object(app, addon, _expands_plan(request))
            for app in self._world.heroku.apps.values()
            for addon in app.addons
        ]

    async def attachments(self, request: Request) -> Any:
        app = self._app(request)
        return [self._attachment_object(app, a, b, _is_sdk(request)) for a in app.addons for b in a.attachments]

    async def all_attachments(self, request: Request) -> Any:
        return [
            self._attachment_object(app, addon, attachment, _is_sdk(request))
            for app in self._world.heroku.apps.values()
            for addon in app.addons
            for attachment in addon.attachments
        ]

    async def addon_attachments(self, request: Request) -> Any:
        app, addon = self._addon(request)
        return [self._attachment_object(app, addon, attachment, _is_sdk(request)) for attachment in addon.attachments]

    async def resolve(self, request: Request) -> Any:
        body = await _body(request)
        wanted = str(body.get("addon_attachment", ""))
        for app in self._world.heroku.apps.values():
            for addon in app.addons:
                for attachment in addon.attachments:
                    named = {attachment.name, f"{app.name}::{attachment.name}", attachment.id, addon.name}
                    if wanted in named or wanted in attachment.config:
                        return [self._attachment_object(app, addon, attachment, sdk=True)]
        raise error(404, "not_found", "Couldn't find that add on attachment.", resource="attachment")

    # Everything that is only read

    async def domains(self, request: Request) -> Any:
        app = self._app(request)
        return [
            {
                **domain,
                "app": {"id": app.id, "name": app.name},
                "status": "succeeded" if domain["kind"] == "custom" else "none",
                "acm_status": "cert issued" if domain["kind"] == "custom" else None,
                "acm_status_reason": None,
                "sni_endpoint": None,
                "created_at": app.created_at,
                "updated_at": app.created_at,
            }
            for domain in app.domains
        ]

    async def releases(self, request: Request) -> Any:
        return self._app(request).releases

    async def release(self, request: Request) -> Any:
        app = self._app(request)
        for entry in app.releases:
            if request.path_params["release"] in (entry["id"], str(entry["version"]), f"v{entry['version']}"):
                return entry
        raise error(404, "not_found", "Couldn't find that release.", resource="release")

    async def slug(self, request: Request) -> Any:
        app = self._app(request)
        if request.path_params["slug"] != app.slug["id"] or app.scenario.generation != "cedar":
            raise error(404, "not_found", "Couldn't find that slug.", resource="slug")
        return {
            "id": app.slug["id"],
            "process_types": app.slug["process_types"],
            "commit": "0123abcd",
            "commit_description": "",
            "buildpack_provided_description": "Ruby",
            "checksum": "SHA256:" + "0" * 64,
            "size": 52428800,
            "stack": {"id": new_id(), "name": app.scenario.stack},
            "blob": {"method": "GET", "url": "https://example.com/slug"},
            "created_at": app.created_at,
            "updated_at": app.created_at,
            "deleted_at": None,
        }

    async def features(self, request: Request) -> Any:
        app = self._app(request)
        known = ("runtime-dyno-metadata", "http-session-affinity", "preboot", "runtime-heroku-metrics")
        return [
            {
                "id": new_id(),
                "name": name,
                "enabled": name in app.scenario.features,
                "description": "",
                "display_name": name,
                "doc_url": "https://devcenter.heroku.com",
                "feedback_email": "",
                "state": "general",
                "created_at": app.created_at,
                "updated_at": app.created_at,
            }
            for name in known
        ]

    async def log_drains(self, request: Request) -> Any:
        app = self._app(request)
        return [
            {"id": new_id(), "url": url, "token": f"d.{new_id()}", "addon": None, "extended": None}
            | {"created_at": app.created_at, "updated_at": app.created_at}
            for url in app.scenario.log_drains
        ]

    async def buildpacks(self, request: Request) -> Any:
        self._app(request)
        return [{"ordinal": 0, "buildpack": {"url": "urn:buildpack:heroku/ruby", "name": "heroku/ruby"}}]

    async def nothing(self, request: Request) -> Any:
        self._app(request)
        return []

    async def collaborators(self, request: Request) -> Any:
        app = self._app(request)
        return [{"id": new_id(), "app": {"id": app.id, "name": app.name}, "user": OWNER, "role": "owner"}]

    # The data host

    async def database(self, request: Request) -> Any:
        _app, addon = self._addon(request)
        connection = self._world.source_postgres.superuser(credential(addon)["database"])
        with connection.cursor() as cursor:
            cursor.execute("select pg_database_size(current_database()), current_setting('server_version')")
            size, version = cursor.fetchone()
            cursor.execute("select count(*) from information_schema.tables where table_type = 'BASE TABLE'")
            tables = cursor.fetchone()[0]
        connection.close()
        return {
            "addon_id": addon.id,
            "name": addon.name,
            "plan": addon.addon.plan.partition(":")[2],
            "postgres_version": version,
            "num_bytes": size,
            "num_tables": tables,
            "following": None,
            "forked_from": None,
            "waiting?": False,
            "info": [
                {"name": "Plan", "values": [addon.addon.plan.partition(":")[2].title()]},
                {"name": "Status", "values": ["Available"]},
                {"name": "PG Version", "values": [version]},
                {"name": "Data Size", "values": [f"{size / 1e6:.1f} MB"]},
            ],
        }

    async def credential(self, request: Request) -> Any:
        return credential(self._addon(request)[1])

    async def credentials(self, request: Request) -> Any:
        return [credential(self._addon(request)[1])]

    async def redis(self, request: Request) -> Any:
        _app, addon = self._addon(request)
        return {
            "addon_id": addon.id,
            "name": addon.name,
            "plan": addon.addon.plan.partition(":")[2],
            "port": credential(addon)["port"],
            "resource_url": addon.url,
            "version": "7.2",
            "prefer_native_tls": True,
            "formation": {"primary": addon.name},
            "info": [{"name": "Version", "values": ["7.2"]}],
        }

    # Shapes

    def _dyno_object(self, app: HerokuApp, dyno: Dyno) -> dict[str, Any]:
        return {
            "id": dyno.id,
            "attach_url": None,
            "name": dyno.name,
            "type": dyno.kind,
            "command": dyno.command,
            "size": dyno.size,
            "state": "up",
            "created_at": dyno.created_at,
            "updated_at": dyno.created_at,
            "app": {"id": app.id, "name": app.name},
            "release": {"id": app.releases[-1]["id"], "version": app.releases[-1]["version"]},
        }

    def _app_object(self, app: HerokuApp) -> dict[str, Any]:
        stack = {"id": f"stack-{app.scenario.stack}", "name": app.scenario.stack}
        return {
            "acm": True,
            "archived_at": None,
            "build_stack": stack,
            "buildpack_provided_description": "Ruby",
            "created_at": app.created_at,
            "generation": {"id": f"generation-{app.scenario.generation}", "name": app.scenario.generation},
            "git_url": f"https://git.heroku.com/{app.name}.git",
            "id": app.id,
            "internal_routing": False,
            "maintenance": app.maintenance,
            "name": app.name,
            "organization": None,
            "owner": OWNER,
            "region": {"id": f"region-{app.scenario.region}", "name": app.scenario.region},
            "released_at": app.releases[-1]["created_at"],
            "repo_size": 1048576,
            "slug_size": 52428800,
            "space": None,
            "stack": stack,
            "team": None,
            "updated_at": now(),
            "web_url": app.web_url,
        }

    def _formation_object(self, app: HerokuApp, kind: str) -> dict[str, Any]:
        entry = app.formation[kind]
        return {
            **entry,
            "type": kind,
            "dyno_size": {"id": f"size-{entry['size']}", "name": entry["size"]},
            "app": {"id": app.id, "name": app.name},
            "created_at": app.created_at,
            "updated_at": app.created_at,
        }

    def _addon_object(self, app: HerokuApp, addon: InstalledAddon, expanded: bool) -> dict[str, Any]:
        owner = addon.addon.app or app.name
        return {
            "id": addon.id,
            "name": addon.name,
            "actions": [],
            "addon_service": {"id": f"service-{addon.addon.service}", "name": addon.addon.service},
            "plan": {
                "id": f"plan-{addon.addon.plan}",
                "name": addon.addon.plan,
                **({"price": {"cents": 0, "contract": False, "unit": "month"}} if expanded else {}),
            },
            "app": {"id": app.id if owner == app.name else f"app-{owner}", "name": owner},
            "billed_price": None,
            "billing_entity": {"id": app.id, "name": owner, "type": "app"},
            "config_vars": sorted(name for b in addon.attachments for name in b.config),
            "provider_id": f"provider-{addon.name}",
            "provision_message": "",
            "state": "provisioned",
            "web_url": f"https://example.com/addons/{addon.name}",
            "created_at": addon.created_at,
            "updated_at": addon.created_at,
        }

    def _attachment_object(self, app: HerokuApp, addon: InstalledAddon, attachment: Any, sdk: bool) -> dict[str, Any]:
        owner = addon.addon.app or app.name
        found: dict[str, Any] = {
            "id": attachment.id,
            "name": attachment.name,
            "namespace": attachment.namespace,
            "addon": {
                "id": addon.id,
                "name": addon.name,
                "app": {"id": app.id if owner == app.name else f"app-{owner}", "name": owner},
            },
            "app": {"id": app.id, "name": app.name},
            "log_input_url": None,
            "web_url": f"https://example.com/addons/{addon.name}",
            "created_at": addon.created_at,
            "updated_at": addon.created_at,
        }
        if sdk:
            found["config_vars"] = sorted(attachment.config)
            found["addon"]["plan"] = {"id": f"plan-{addon.addon.plan}", "name": addon.addon.plan}
        return found

    def _scaling(self, app: HerokuApp, update: Any, cli: bool) -> tuple[str, int]:
        if not isinstance(update, dict):
            raise error(400, "bad_request", "Each update must be an object.")
        unknown = set(update) - {"type", "id", "quantity", "dyno_size", *(["size"] if cli else [])}
        if unknown:
            raise error(422, "invalid_params", f"Unknown field {sorted(unknown)[0]}.")
        kind, quantity = update.get("type"), update.get("quantity")
        if kind not in app.formation:
            raise error(404, "not_found", "Couldn't find that process type.", resource="formation")
        if cli and isinstance(quantity, str) and quantity.isdigit():
            quantity = int(quantity)
        size = update.get("size") or update.get("dyno_size")
        if size:
            app.formation[str(kind)]["size"] = size if isinstance(size, str) else size.get("name")
        if quantity is None:
            return str(kind), app.formation[kind]["quantity"]
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 0:
            raise error(422, "invalid_params", "Quantity must be a whole number.")
        return str(kind), quantity

    def _app(self, request: Request) -> HerokuApp:
        try:
            return self._world.heroku.app(request.path_params["app"])
        except KeyError:
            raise error(404, "not_found", "Couldn't find that app.", resource="app") from None

    def _dyno(self, app: HerokuApp, request: Request) -> Dyno:
        for dyno in app.running_dynos():
            if request.path_params["dyno"] in (dyno.id, dyno.name):
                return dyno
        raise error(404, "not_found", "Couldn't find that dyno.", resource="dyno")

    def _addon(self, request: Request) -> tuple[HerokuApp, InstalledAddon]:
        try:
            return self._world.heroku.addon(request.path_params["addon"])
        except KeyError:
            raise error(404, "not_found", "Couldn't find that add-on.", resource="addon") from None

    def wrapped(self, handler: Handler, data_host: bool, paged: str, status: int) -> Handler:
        """Return O(handler) behind what every request of Heroku passes: token, version, rate limit, ranges, ETag."""

        async def answer(request: Request) -> Response:
            self._authorize(request, data_host)
            state = self._world.heroku
            if request.url.path != "/account/rate-limits":
                if state.requests_left <= 0:
                    raise error(
                        429,
                        "rate_limit",
                        "Your account reached the API rate limit\nPlease wait a few minutes before making new requests",
                        url="https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
                    )
                state.requests_left -= 1
            found = await handler(request)
            headers = {"RateLimit-Remaining": str(state.requests_left)}
            code = status
            if paged and isinstance(found, list):
                found, code, more = _page(found, paged, request.headers.get("range", ""))
                headers |= more
            content = json.dumps(found).encode()
            headers["ETag"] = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            if request.method == "GET" and request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            return Response(content, code, headers, media_type="application/json")

        return answer

    def _authorize(self, request: Request, data_host: bool) -> None:
        scheme, _blank, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given).decode().partition(":")[2]
            except ValueError:
                given = ""
        if given != self._token:
            raise error(401, "unauthorized", "Invalid credentials provided.")
        accept = request.headers.get("accept", "")
        if not data_host and not re.search(r"application/vnd\.heroku\+json;\s*version=3(\.\w+)?", accept):
            raise error(406, "not_acceptable", "The Accept header must name version 3 of the API.")


def _token() -> str:
    from ..world import HEROKU_TOKEN

    return HEROKU_TOKEN


async def _body(
    request: Request, types: Mapping[str, Any] | None = None, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise error(400, "bad_request", "The Content-Type must be application/json.")
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise error(400, "bad_request", "The body is no JSON.") from None
    if not isinstance(body, dict):
        raise error(400, "bad_request", "The body must be an object.")
    for name in required:
        if name not in body:
            raise error(422, "invalid_params", f"The field {name} is missing.")
    for name, value in body.items():
        if types is None:
            break
        if name not in types:
            raise error(422, "invalid_params", f"Unknown field {name}.")
        if not isinstance(value, types[name]):
            raise error(422, "invalid_params", f"The field {name} has the wrong type.")
    return body


def _page(items: list[Any], key: str, header: str) -> tuple[list[Any], int, dict[str, str]]:
    """Return one page: C(Range: id FROM..TO; max=N,order=desc), answered with C(206) and C(Next-Range)."""
    found = re.fullmatch(r"(\w+)\s+(\]?)([^.;]*)\.\.([^;]*)(?:;(.*))?", header.strip()) if header else None
    if header and not found:
        raise error(416, "requested_range_not_satisfiable", f"The Range {header} is not valid.")
    options = re.findall(r"(\w+)=(\w+)", (found[5] or "") if found else "")
    settings = dict(options)
    key = found[1] if found and any(found[1] in item for item in items) else key
    ordered = sorted(items, key=lambda item: item.get(key, ""), reverse=settings.get("order") == "desc")
    if found and found[3]:
        position = next((n for n, item in enumerate(ordered) if str(item.get(key)) == found[3]), len(ordered))
        ordered = ordered[position + (1 if found[2] else 0) :]
    most = min(int(settings.get("max", PAGE)), MOST)
    page = ordered[:most]
    headers = {"Accept-Ranges": key}
    if page:
        headers["Content-Range"] = f"{key} {page[0].get(key)}..{page[-1].get(key)}"
    if len(ordered) <= most:
        return page, 200, headers
    order = f",order={settings['order']}" if "order" in settings else ""
    headers["Next-Range"] = f"{key} ]{page[-1].get(key)}..; max={most}{order}"
    return page, 206, headers


def _is_sdk(request: Request) -> bool:
    return "3.sdk" in request.headers.get("accept", "") and "config_vars" in request.headers.get("accept-inclusion", "")


def _expands_plan(request: Request) -> bool:
    return "plan" in request.headers.get("accept-expansion", "")


def _is_cli(request: Request) -> bool:
    return request.headers.get("user-agent", "").startswith("heroku-cli")


def routes(world: World) -> list[Route]:
    """Return all paths of both hosts."""
    api = API(world)

    def route(
        path: str,
        handler: Handler,
        method: str = "GET",
        data_host: bool = False,
        paged: str = "id",
        status: int = 200,
    ) -> Route:
        return Route(path, api.wrapped(handler, data_host, paged, status), methods=[method])

    app = "/apps/{app}"

    async def missing(_request: Request) -> Response:
        return JSONResponse({"id": "not_found", "message": "The requested API endpoint was not found."}, 404)

    return [
        route("/account", api.account),
        route("/account/rate-limits", api.rate_limits),
        route("/apps", api.apps),
        route(app, api.app),
        route(app, api.update_app, "PATCH"),
        route(f"{app}/config-vars", api.config_vars),
        route(f"{app}/config-vars", api.update_config_vars, "PATCH"),
        route(f"{app}/formation", api.formation, paged="type"),
        route(f"{app}/formation", api.update_formation, "PATCH", paged=""),
        route(f"{app}/formation/{{kind}}", api.update_process, "PATCH"),
        route(f"{app}/dynos", api.dynos),
        route(f"{app}/dynos", api.run_dyno, "POST", status=201),
        route(f"{app}/dynos/{{dyno}}", api.dyno),
        route(f"{app}/dynos/{{dyno}}/actions/stop", api.stop_dyno, "POST", status=202),
        route(f"{app}/addons", api.addons),
        route("/addons", api.all_addons),
        route(f"{app}/addon-attachments", api.attachments),
        route("/addon-attachments", api.all_attachments),
        route("/addons/{addon}/addon-attachments", api.addon_attachments),
        route("/actions/addon-attachments/resolve", api.resolve, "POST", paged=""),
        route(f"{app}/domains", api.domains),
        route(f"{app}/releases", api.releases, paged="version"),
        route(f"{app}/releases/{{release}}", api.release),
        route(f"{app}/slugs/{{slug}}", api.slug),
        route(f"{app}/features", api.features),
        route(f"{app}/log-drains", api.log_drains),
        route(f"{app}/buildpack-installations", api.buildpacks, paged=""),
        route(f"{app}/collaborators", api.collaborators),
        route(f"{app}/sni-endpoints", api.nothing),
        route(f"{app}/webhooks", api.nothing),
        route(f"{app}/builds", api.nothing),
        route("/client/v11/databases/{addon}", api.database, data_host=True),
        route("/postgres/v0/databases/{addon}/credentials", api.credentials, data_host=True, paged=""),
        route("/postgres/v0/databases/{addon}/credentials/{name}", api.credential, data_host=True),
        route("/redis/v0/databases/{addon}", api.redis, data_host=True),
        Route("/{path:path}", missing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
