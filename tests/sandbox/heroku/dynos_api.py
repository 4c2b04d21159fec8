# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formation and dynos."""

from __future__ import annotations

import random
from typing import Any

from starlette.requests import Request

from .one_off import OneOffDyno
from .request import Part, body_of, error, is_cli
from .state import Dyno, HerokuApp

DAY = 24 * 60 * 60
SIZES = frozenset(
    {"eco", "basic", "standard-1x", "standard-2x"}
    | {f"performance-{size}" for size in ("m", "l", "l-ram", "xl", "2xl")}
)


class Dynos(Part):
    """The formation and dynos."""

    async def formation(self, request: Request) -> Any:
        app = self._app(request)
        return [self._formation_object(app, kind) for kind in app.formation]

    async def update_formation(self, request: Request) -> Any:
        app = self._app(request)
        body = await body_of(request, {"updates": list}, required=("updates",))
        updates = [self._scaling(app, update, cli=is_cli(request)) for update in body["updates"]]
        for kind, quantity in updates:
            app.scale(kind, quantity)
        return [self._formation_object(app, kind) for kind, _quantity in updates]

    async def update_process(self, request: Request) -> Any:
        app = self._app(request)
        body = await body_of(request)
        kind, quantity = self._scaling(app, {"type": request.path_params["kind"], **body}, cli=is_cli(request))
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
        body = await body_of(request, {**types, "time_to_live": int, "type": str}, required=("command",))
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
        # Heroku restarts a dyno of the formation.
        if dyno.process:
            await dyno.process.stop()
        return {}

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

    def _dyno(self, app: HerokuApp, request: Request) -> Dyno:
        for dyno in app.running_dynos():
            if request.path_params["dyno"] in (dyno.id, dyno.name):
                return dyno
        raise error(404, "not_found", "Couldn't find that dyno.", resource="dyno")
