# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The service that sends requests to the web process: which one it is, its port, and PORT in the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.document import Document, Section
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.groups import DEFAULT_GROUP, Groups
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import AppSource
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.command import literal_port
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.scan import Path

DEFAULT_PORT = 8080
_AUTOSTOP = ("auto_stop_machines", "auto_start_machines", "min_machines_running")


@dataclass(frozen=True)
class Web:
    """The web process's port (maybe C(unknown)), the services on it, and services on other ports that had no group."""

    port: int | str | None = None
    serving: tuple[Section, ...] = ()
    extra: tuple[Section, ...] = ()


class Services:
    """The services in one fly.toml."""

    def __init__(self, document: Document, groups: Groups, source_command: str, found: AppSource) -> None:
        """Take the web process's command as Heroku runs it (O(source_command)), "" if there is no web process."""
        self._document = document
        self._groups = groups
        self._command = source_command
        self._found = found
        self.all = document.services()

    def web(self, wanted: int | None) -> Web:
        """Return what serves the web process, on the port O(wanted) if given.

        Raises InputError if more than one port is possible.
        """
        groups = self._groups
        if not groups.web:
            return Web()
        unassigned = [service for service in self.all if not service.groups]
        # Services without a group will belong to the web process, so they count like those that already do.
        candidates = [service for service in self.all if not service.groups or groups.web in groups.after(service)]
        # Otherwise, those that served the default group so far, whether or not that group stays.
        candidates = candidates or [service for service in self.all if DEFAULT_GROUP in service.groups]
        port = self._port(candidates, wanted)
        moved = wanted and len(self._ports(candidates)) == 1
        serving = [service for service in candidates if moved or self._internal_port(service) in (port, None)]
        extra = [service for service in unassigned if service not in serving]
        for service in extra:
            self._document.warn(
                f"{service} on port {self._internal_port(service)} did not name a process group; "
                f"it now belongs to {groups.web!r}."
            )
        return Web(port, tuple(serving), tuple(extra))

    def write(self, web: Web) -> None:
        """Set the port of the web process's services, and keep Machines running as dynos did."""
        for service in web.serving:
            self._write(service, web.port)

    def write_new(self, web: Web) -> None:
        """Add a service for the web process if it has none."""
        if not self._groups.web or web.serving:
            return
        taken = next((s for s in self.all if s.name == "http_service" or _is_public(s.table)), None)
        if taken and self._groups.after(taken):
            self._document.warn(
                f"no request reaches {self._groups.web!r}, because {taken} belongs to {', '.join(taken.groups)}. "
                "Add the process to it, or choose another web_process."
            )
            return
        self._document.toml.set(("http_service",), self._new(web.port))

    def write_port(self, port: int | str | None) -> None:
        """Write PORT into C([env])."""
        toml, tables = self._document.toml, self._env_tables()
        if port is None:
            return
        if not tables and toml.get(("env",)) is not None:
            toml.remove(("env",))  # env = []
        path, table = next(
            (found for found in reversed(tables) if "PORT" in found[1]), tables[-1] if tables else (("env",), {})
        )
        if "PORT" not in table:
            toml.set((*path, "PORT"), str(port))
        elif str(table["PORT"]) != str(port):
            self._document.warn(f"PORT in [env] is changed to {port}, the web service's internal_port.")
            toml.set((*path, "PORT"), str(port))

    def _port(self, candidates: Sequence[Section], wanted: int | None) -> int | str:
        """Return the port that the web process should listen on."""
        literal = literal_port(self._command)
        ports = self._ports(candidates)
        port: int | str
        if wanted:
            port = wanted
            if len(ports) > 1 and port not in ports:
                raise self._ambiguous(ports)
        elif len(ports) == 1:
            port = ports[0]
        elif ports:
            port = self._likeliest(candidates, ports, literal)
        else:
            port = self._env_port() or literal or self._found.exposed_port or DEFAULT_PORT
        if literal and literal != port:
            self._document.warn(
                f"the command of {self._groups.web!r} listens on port {literal}, "
                f"but requests go to port {port}. Make it listen on $PORT."
            )
        return port

    def _likeliest(self, candidates: Sequence[Section], ports: Sequence[int], literal: int | None) -> int:
        public = [service for service in candidates if service.name == "http_service" or _is_public(service.table)]
        for found in (self._ports([s for s in candidates if s.name == "http_service"]), self._ports(public)):
            if len(found) == 1:
                return found[0]
        for port in (self._env_port(), literal):
            if port in ports and port:
                return port
        raise self._ambiguous(ports)

    def _ports(self, services: Sequence[Section]) -> list[int]:
        ports = [self._internal_port(service) for service in services]
        return list(dict.fromkeys(port for port in ports if port))

    def _internal_port(self, service: Section) -> int | None:
        value = service.table.get("internal_port")
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and value.isdigit():
            return int(value)
        raise self._document.malformed(".".join(str(part) for part in (*service.path, "internal_port")), "a number")

    def _write(self, service: Section, port: int | str | None) -> None:
        # Only [[services]] may have the port as text.
        exact = service.table.get("internal_port") == port
        if self._internal_port(service) != port or (service.name == "http_service" and not exact):
            self._document.toml.set((*service.path, "internal_port"), port)
        if not any(key in service.table for key in _AUTOSTOP):
            self._document.toml.set((*service.path, "auto_stop_machines"), "off")
        elif service.table.get("auto_stop_machines") in (True, "stop", "suspend") and not service.table.get(
            "min_machines_running"
        ):
            self._document.warn(
                f"{service} stops idle Machines, so the next request waits for a cold start. "
                "To match Heroku, set auto_stop_machines = 'off' or min_machines_running = 1."
            )

    def _new(self, port: int | str | None) -> dict[str, Any]:
        service: dict[str, Any] = {
            "internal_port": port,
            "force_https": True,
            "auto_stop_machines": "off",
            "auto_start_machines": True,
            "min_machines_running": 1,
            "processes": [self._groups.web],
        }
        if self._found.health_path:
            service["checks"] = [
                {
                    "method": "GET",
                    "path": self._found.health_path,
                    "interval": "15s",
                    "timeout": "5s",
                    "grace_period": "30s",
                    # Without it, config.force_ssl answers the check with a redirect.
                    "headers": {"X-Forwarded-Proto": "https"},
                }
            ]
        return service

    def _env_tables(self) -> list[tuple[Path, Mapping[str, Any]]]:
        value = self._document.toml.get(("env",))
        if value is None or isinstance(value, Mapping):
            return [] if value is None else [(("env",), value)]
        if isinstance(value, list) and all(isinstance(table, Mapping) for table in value):
            return [(("env", index), table) for index, table in enumerate(value)]  # legacy: [[env]], the last counts
        raise self._document.malformed("env", "a table")

    def _env_port(self) -> int | None:
        for _path, table in reversed(self._env_tables()):
            if "PORT" in table:
                return int(table["PORT"]) if str(table["PORT"]).isdigit() else None
        return None

    def _ambiguous(self, ports: Sequence[int]) -> InputError:
        listed = " and ".join(str(port) for port in ports)
        return InputError(
            self._document.name,
            f"more than one service could belong to process {self._groups.web!r}: ports {listed}",
            "Choose one with the option internal_port, or name the process in the service's 'processes'.",
        )


def _is_public(service: Mapping[str, Any]) -> bool:
    """Return whether a service listens on port 80 or 443."""
    ports = service.get("ports")
    listed = ports if isinstance(ports, list) else [ports]
    return any(isinstance(port, Mapping) and str(port.get("port")) in ("80", "443") for port in listed)
