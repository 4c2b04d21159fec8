# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Heroku app that the sandbox starts with, as a file describes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

BUILT_IN = Path(__file__).parent / "scenarios" / "guide" / "scenario.yml"
GENERATIONS = ("cedar", "fir")
POSTGRES, REDIS = "heroku-postgresql", "heroku-redis"


class ScenarioError(Exception):
    """The scenario file cannot be used; the text names file, key and cause."""


@dataclass(frozen=True)
class Addon:
    """One add-on with its attachment."""

    plan: str
    attachment: str
    config: dict[str, str] = field(default_factory=dict)
    sql: Path | None = None
    commands: Path | None = None
    color: str = ""  # a second attachment HEROKU_POSTGRESQL_<COLOR>, like that of a promoted database
    tls_url: bool = False  # REDIS_TLS_URL in addition to REDIS_URL, as in old plans
    app: str = ""  # the app that is billed for it, if another one

    @property
    def service(self) -> str:
        """The add-on service's slug."""
        return self.plan.partition(":")[0]


@dataclass(frozen=True)
class Process:
    """One process type of the formation."""

    quantity: int
    size: str
    command: str
    runs: bool = False  # whether its dynos actually run the command


@dataclass(frozen=True)
class Scenario:
    """One Heroku app."""

    heroku_app: str
    generation: str = "cedar"
    stack: str = "heroku-24"
    region: str = "us"
    config: dict[str, str] = field(default_factory=dict)
    runtime_env: dict[str, str] = field(default_factory=dict)  # what buildpacks export at run time
    addons: tuple[Addon, ...] = ()
    formation: dict[str, Process] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    source: Path | None = None
    fly_org: str = "personal"
    upstash: bool = False  # Redis on Fly has Upstash's limits
    features: tuple[str, ...] = ()
    log_drains: tuple[str, ...] = ()
    maintenance: bool = False
    copies: int = 0  # that many more apps of the same account, without add-ons
    requests_left: int = 4500  # of the account's limit, of which 75 a minute come back


def load(path: Path) -> Scenario:
    """Return the scenario in a file; raises ScenarioError."""
    try:
        given = _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: {error}") from None
    return _Reader(path).scenario(given)


def _parsed(text: str) -> Any:
    try:
        # JSON is also YAML, but a YAML parser turns an escaped surrogate pair into two characters.
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def procfile(source: Path | None) -> dict[str, str]:
    """Return the process types in a source folder, {} if there is no Procfile."""
    path = source / "Procfile" if source else None
    if path is None or not path.is_file():
        return {}
    found = (re.match(r"\s*([A-Za-z0-9_-]+):?\s+(\S.*?)\s*$", line) for line in path.read_text().splitlines())
    return {line[1]: line[2] for line in found if line}


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def scenario(self, given: Any) -> Scenario:
        known = ("heroku_app", "generation", "stack", "region", "config", "addons", "formation", "domains", "source")
        more = ("runtime_env", "fly_org", "upstash", "features", "log_drains", "maintenance", "copies", "requests_left")
        entries = self._mapping(given, "scenario", (*known, *more))
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,28}[a-z0-9]", str(entries.get("heroku_app", ""))):
            raise self._error("heroku_app", "is missing or is not an app's name")
        if entries.get("generation", "cedar") not in GENERATIONS:
            raise self._error("generation", f"is not one of {', '.join(GENERATIONS)}")
        source = self._file(entries.get("source"), "source", folder=True)
        commands = procfile(source)
        formation = {
            kind: self._process(kind, entry, commands)
            for kind, entry in self._mapping(entries.get("formation", {}), "formation").items()
        }
        # A process type in the Procfile that was never scaled is also in the formation, with quantity 0.
        for kind, command in commands.items():
            formation.setdefault(kind, Process(0, "Standard-1X", command))
        as_given = ("generation", "stack", "region", "fly_org", "upstash", "maintenance", "copies", "requests_left")
        plain = {key: entries[key] for key in as_given if key in entries}
        return Scenario(
            heroku_app=entries["heroku_app"],
            config=self._config(entries.get("config", {}), "config"),
            runtime_env=self._config(entries.get("runtime_env", {}), "runtime_env"),
            addons=tuple(self._addon(number, entry) for number, entry in enumerate(entries.get("addons", []))),
            formation=formation,
            domains=tuple(entries.get("domains", [])),
            source=source,
            features=tuple(entries.get("features", [])),
            log_drains=tuple(entries.get("log_drains", [])),
            **plain,
        )

    def _addon(self, number: int, given: Any) -> Addon:
        where = f"addons[{number}]"
        entry = self._mapping(given, where, ("plan", "as", "config", "sql", "commands", "color", "tls_url", "app"))
        if ":" not in str(entry.get("plan", "")):
            raise self._error(f"{where}.plan", "is not in the form service:plan")
        service = entry["plan"].partition(":")[0]
        return Addon(
            plan=entry["plan"],
            attachment=entry.get("as") or service.upper().replace("-", "_"),
            config=self._config(entry.get("config", {}), f"{where}.config"),
            sql=self._file(entry.get("sql"), f"{where}.sql"),
            commands=self._file(entry.get("commands"), f"{where}.commands"),
            color=entry.get("color", ""),
            tls_url=bool(entry.get("tls_url", False)),
            app=entry.get("app", ""),
        )

    def _process(self, kind: str, given: Any, commands: dict[str, str]) -> Process:
        entry = self._mapping(given, f"formation.{kind}", ("quantity", "size", "command", "runs"))
        quantity = entry.get("quantity", 0)
        if not isinstance(quantity, int) or quantity < 0:
            raise self._error(f"formation.{kind}.quantity", "is not a whole number")
        command = entry.get("command") or commands.get(kind) or f"bundle exec {kind}"
        return Process(quantity, entry.get("size", "Standard-1X"), command, bool(entry.get("runs", False)))

    def _config(self, given: Any, where: str) -> dict[str, str]:
        for name, value in self._mapping(given, where).items():
            if not isinstance(value, str):
                raise self._error(f"{where}.{name}", "is not a string; put it in quotes")
        return dict(given)

    def _mapping(self, given: Any, where: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise self._error(where, "is not a mapping")
        unknown = sorted(set(given) - set(known)) if known else []
        if unknown:
            raise self._error(where, f"has the unknown key {unknown[0]}; known: {', '.join(known)}")
        return given

    def _file(self, given: Any, where: str, folder: bool = False) -> Path | None:
        if given is None:
            return None
        path = (self._path.parent / str(given)).resolve()
        if not (path.is_dir() if folder else path.is_file()):
            raise self._error(where, f"names {path}, which is not a {'folder' if folder else 'file'}")
        return path

    def _error(self, where: str, cause: str) -> ScenarioError:
        return ScenarioError(f"{self._path}: {where} {cause}.")
