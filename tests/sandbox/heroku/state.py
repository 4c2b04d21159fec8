# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Heroku knows: apps with config vars, add-ons, formation, dynos, domains and releases."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from ..scenario import POSTGRES, REDIS, Addon, Scenario
from ..wire import new_id, now
from .one_off import OneOffDyno

# Runs a command with an environment, like a dyno of the formation.
Launch = Callable[[str, Mapping[str, str]], OneOffDyno]
# How long a dyno keeps running after scaling down (seconds), which is asynchronous on Heroku too.
DYNO_SHUTDOWN = 1.0
# The account's requests: at most so many are saved up, and so many come back in a second.
LIMIT, REFILL = 4500, 75 / 60
OWNER = {"email": "owner@example.com", "id": "01234567-89ab-cdef-0123-456789abcdef"}
SERVICE_NAMES = {POSTGRES: "postgresql", REDIS: "redis"}


@dataclass
class Attachment:
    """An add-on attached to an app under a name, with the config vars that this gives the app."""

    name: str
    config: dict[str, str]
    namespace: str | None = None
    id: str = field(default_factory=new_id)


@dataclass
class InstalledAddon:
    """One add-on."""

    name: str
    addon: Addon
    url: str
    attachments: list[Attachment]
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass
class Dyno:
    """One dyno; it is gone after C(gone_at)."""

    kind: str
    number: int
    command: str
    size: str
    gone_at: float = 0.0
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)
    process: OneOffDyno | None = None
    ending: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        """The dyno's name."""
        return f"{self.kind}.{self.number}"

    @property
    def gone(self) -> bool:
        """Whether it has stopped completely."""
        return self.process.ended if self.process else 0 < self.gone_at <= time.monotonic()


class HerokuApp:
    """One app."""

    def __init__(self, scenario: Scenario, urls: dict[int, str], launch: Launch | None) -> None:
        """Take the URLs of the real servers, by the position of their add-on in the scenario."""
        self.id = new_id()
        self._launch = launch
        self.name = scenario.heroku_app
        self.scenario = scenario
        self.created_at = now()
        self.maintenance = scenario.maintenance
        self.own_config = dict(scenario.config)
        self.addons = [_install(number, addon, urls.get(number, "")) for number, addon in enumerate(scenario.addons)]
        self.formation: dict[str, dict[str, Any]] = {
            kind: {"id": new_id(), "quantity": process.quantity, "size": process.size, "command": process.command}
            for kind, process in scenario.formation.items()
        }
        self.slug: dict[str, Any] = {
            "id": new_id(),
            "process_types": {k: p.command for k, p in scenario.formation.items()},
        }
        suffix = uuid.uuid4().hex[:12]
        self.web_url = f"https://{self.name}-{suffix}.herokuapp.com/"
        self.domains: list[dict[str, Any]] = [
            {"id": new_id(), "hostname": f"{self.name}-{suffix}.herokuapp.com", "kind": "heroku", "cname": None},
            *(
                {"id": new_id(), "hostname": name, "kind": "custom", "cname": f"{uuid.uuid4().hex[:24]}.herokudns.com"}
                for name in scenario.domains
            ),
        ]
        self.dynos = [
            self._dyno(kind, number)
            for kind, entry in self.formation.items()
            if kind != "release"
            for number in range(1, entry["quantity"] + 1)
        ]
        self.releases: list[dict[str, Any]] = []
        for description in ("Initial release", "Enable Logplex", "Set config vars", "Deploy 0123abcd"):
            self.release(description)

    def config(self) -> dict[str, str]:
        """Return all config vars, including those of add-ons."""
        attached = {name: value for a in self.addons for b in a.attachments for name, value in b.config.items()}
        return {**self.own_config, **attached}

    def run_time_config(self) -> dict[str, str]:
        """Return a dyno's environment: what buildpacks export at run time fills in what the app does not set."""
        config = self.config()
        return {**config, **{name: config.get(name) or value for name, value in self.scenario.runtime_env.items()}}

    def owner_of(self, name: str) -> InstalledAddon | None:
        """Return the add-on that owns a config var."""
        return next((a for a in self.addons for b in a.attachments if name in b.config), None)

    def service_urls(self) -> dict[str, str]:
        """Return the first URL of each service with a real server."""
        found: dict[str, str] = {}
        for addon in self.addons:
            if addon.url:
                found.setdefault(addon.addon.service, addon.url)
        return found

    def scale(self, kind: str, quantity: int) -> None:
        """Start or stop dynos; a stopped one keeps running for a moment."""
        entry = self.formation[kind]
        entry["quantity"] = quantity
        running = [dyno for dyno in self.dynos if dyno.kind == kind and not dyno.gone_at]
        for dyno in running[quantity:]:
            dyno.gone_at = time.monotonic() + DYNO_SHUTDOWN
            if dyno.process:
                dyno.ending = asyncio.ensure_future(dyno.process.stop())
        for number in range(len(running) + 1, quantity + 1):
            self.dynos.append(self._dyno(kind, number))

    def _dyno(self, kind: str, number: int) -> Dyno:
        entry, process = self.formation[kind], None
        if self._launch and kind in self.scenario.formation and self.scenario.formation[kind].runs:
            process = self._launch(entry["command"], {**self.run_time_config(), "DYNO": f"{kind}.{number}"})
        return Dyno(kind, number, entry["command"], entry["size"], process=process)

    def running_dynos(self) -> list[Dyno]:
        """Return the dynos that exist now."""
        self.dynos = [dyno for dyno in self.dynos if not dyno.gone]
        return self.dynos

    def release(self, description: str) -> None:
        """Record a release; every change increments its version."""
        for entry in self.releases:
            entry["current"] = False
        self.releases.append(
            {
                "id": new_id(),
                "version": len(self.releases) + 1,
                "description": description,
                "status": "succeeded",
                "current": True,
                "created_at": now(),
                "updated_at": now(),
                "user": OWNER,
                "app": {"id": self.id, "name": self.name},
                "slug": {"id": self.slug["id"]} if self.scenario.generation == "cedar" else None,
                "addon_plan_names": [],
                "artifacts": [{"type": "slug", "id": self.slug["id"]}],
                "output_stream_url": None,
                "eligible_for_rollback": True,
            }
        )


class HerokuState:
    """All apps."""

    def __init__(self, scenario: Scenario, urls: dict[int, str], launch: Launch | None = None) -> None:
        self.apps = {scenario.heroku_app: HerokuApp(scenario, urls, launch)}
        for number in range(2, scenario.copies + 2):
            name = f"{scenario.heroku_app}-{number}"
            self.apps[name] = HerokuApp(replace(scenario, heroku_app=name, addons=()), {}, launch)
        self._left = float(scenario.requests_left)
        self._counted = time.monotonic()

    @property
    def requests_left(self) -> int:
        """How many requests the account may send now."""
        now_ = time.monotonic()
        self._left = min(LIMIT, self._left + (now_ - self._counted) * REFILL)
        self._counted = now_
        return int(self._left)

    @requests_left.setter
    def requests_left(self, left: int) -> None:
        self._left += left - int(self._left)

    def app(self, name: str) -> HerokuApp:
        """Return an app by name or id; raises KeyError."""
        for app in self.apps.values():
            if name in (app.name, app.id):
                return app
        raise KeyError(name)

    def addon(self, name: str) -> tuple[HerokuApp, InstalledAddon]:
        """Return an add-on by name or id, with its app; raises KeyError."""
        for app in self.apps.values():
            for addon in app.addons:
                if name in (addon.name, addon.id):
                    return app, addon
        raise KeyError(name)


def describe(heroku: HerokuState) -> dict[str, Any]:
    """Return Heroku's part of the sandbox's state, with values in plain text."""
    return {
        "apps": {
            app.name: {
                "maintenance": app.maintenance,
                "config": app.config(),
                "formation": {
                    kind: {key: entry[key] for key in ("quantity", "size", "command")}
                    for kind, entry in app.formation.items()
                },
                "domains": [domain["hostname"] for domain in app.domains if domain["kind"] == "custom"],
                "release_version": app.releases[-1]["version"],
                "dynos": [dyno.name for dyno in app.running_dynos()],
            }
            for app in heroku.apps.values()
        }
    }


def _install(number: int, addon: Addon, url: str) -> InstalledAddon:
    name = f"{SERVICE_NAMES.get(addon.service, addon.service)}-flat-{10001 + 7919 * number}"
    config = dict(addon.config)
    attachments = []
    if url:
        config[f"{addon.attachment}_URL"] = url
        if addon.tls_url:
            config[f"{addon.attachment}_TLS_URL"] = url
        if addon.color:
            color = f"HEROKU_POSTGRESQL_{addon.color}"
            attachments.append(Attachment(color, {f"{color}_URL": url}))
    attachments.insert(0, Attachment(addon.attachment, config))
    return InstalledAddon(name, addon, url, attachments)


def credential(addon: InstalledAddon) -> dict[str, Any]:
    """Return a database's credential as the data host returns it."""
    parts = urlsplit(addon.url)
    return {
        "database": parts.path.lstrip("/"),
        "host": parts.hostname,
        "port": parts.port,
        "name": "default",
        "state": "active",
        "credentials": [{"user": parts.username, "password": parts.password, "state": "active", "connections": 0}],
    }
