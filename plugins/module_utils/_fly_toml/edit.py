# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Process groups in fly.toml: what has to change so that Fly runs what Heroku ran. Text in, text out.

Meanings and forms, the legacy ones too, are flyctl's (github.com/superfly/flyctl, internal/appconfig: patches.go,
processgroups.go, validation.go). docs/processes.md states the rules for users.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import AppSource
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import (
    BUILDPACKS,
    DOCKERFILE,
    LAUNCHER,
    UNSAID,
    way,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.command import literal_port
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import Processes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.vm_sizes import (
    VMSize,
    dyno,
    memory_mb,
    vm_size,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.scan import Path
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.text import TomlText

DEFAULT_PORT = 8080
KILL_SIGNAL = "SIGTERM"
KILL_TIMEOUT = 30
# fly-go: the group of Machines of an app without [processes], and where there are any, the default if it is among them.
_DEFAULT_GROUP = "app"
# The order in which flyctl writes tables (appconfig/config.go).
_TABLE_ORDER = [
    *("experimental", "build", "deploy", "env", "processes", "mount", "mounts", "http_service", "services", "checks"),
    *("files", "machine_checks", "restart", "compute", "computes", "vm", "statics", "metric", "metrics"),
]
# Tables with a list C(processes). Without one, those of the second kind belong to the default group alone, C(vm) to
# every group, and a service is refused.
_SERVICES = ("http_service", "services")
_DEFAULTING = ("mount", "mounts", "checks", "files", "restart", "metric", "metrics")
_VM = ("compute", "computes", "vm")
_VM_KEYS = frozenset(["size", "memory", "memory_mb", "cpus", "cpu_kind", "gpus", "gpu_kind", "host_dedication_id"])
_VM_INTEGERS = frozenset(["memory_mb", "cpus", "gpus"])
_AUTOSTOP = ("auto_stop_machines", "auto_start_machines", "min_machines_running")


@dataclass(frozen=True)
class Wish:
    """What the user asks for beside the processes; names are those of the module's options."""

    web_process: str = "web"
    internal_port: int | None = None
    release_command: str | None = None
    vm: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    formation: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unlisted: str = "keep"
    builder: str | None = None
    machines: Mapping[str, Sequence[str]] | None = None


@dataclass
class Edited:
    """The edited text and what to tell about it."""

    text: str
    processes: dict[str, str]
    release_command: str | None
    internal_port: int | None
    groups: dict[str, dict[str, Any]]
    removed_groups: list[str]
    kept_groups: list[str]
    conflicts: list[str]
    warnings: list[str]


def new_text(app: str, region: str, builder: str | None, found: AppSource) -> str:
    """Return the beginning of a fly.toml for an app that has none; edit() writes the rest."""
    toml = TomlText("", "fly.toml", _TABLE_ORDER)
    toml.set(("app",), app)
    if region:
        toml.set(("primary_region",), region)
    if found.console_command:
        toml.set(("console_command",), found.console_command)
    elif builder and found.rails and not found.dockerfile:
        toml.set(("console_command",), " ".join([*LAUNCHER, "bin/rails", "console"]))
    if found.dockerfile:
        toml.set(("build",), {"dockerfile": found.dockerfile})
    return toml.text


def build_of(text: str, name: str) -> Mapping[str, Any]:
    """Return the table C([build]) of fly.toml's O(text); raises InputError for text that is not TOML."""
    build = TomlText(text, name).get(("build",))
    return build if isinstance(build, Mapping) else {}


def edit(text: str, name: str, processes: Processes, wish: Wish, found: AppSource) -> Edited:
    """Return fly.toml's O(text), called O(name) in errors, with O(processes) written into it.

    Raises InputError for text that is not TOML, not a fly.toml, or that leaves open which service is the web's.
    """
    return _Edit(TomlText(text, name, _TABLE_ORDER), name, processes, wish, found).run()


@dataclass(frozen=True)
class _Section:
    """A table that belongs to process groups."""

    path: Path
    table: Mapping[str, Any]
    groups: list[str]

    @property
    def name(self) -> str:
        return str(self.path[0])

    def __str__(self) -> str:
        """Return its name for people: [[services]] 2."""
        if len(self.path) == 1:
            return f"[{self.name}]"
        last = self.path[-1]
        return f"[[{self.name}]] {last + 1}" if isinstance(last, int) else f"[{self.name}.{last}]"


class _Edit:
    def __init__(self, toml: TomlText, name: str, processes: Processes, wish: Wish, found: AppSource) -> None:
        self._toml = toml
        self._name = name
        self._processes = processes
        self._wish = wish
        self._found = found
        self._warnings = list(processes.warnings)
        self._conflicts: list[str] = []

        self._wanted = list(processes.commands)
        self._defined = self._definitions()
        web = wish.web_process
        self._web = web if web in self._wanted else None
        unlisted = [group for group in self._defined if group not in self._wanted]
        self._renamed: dict[str, str] = {}
        self._dropped: list[str] = []
        if not self._defined and _DEFAULT_GROUP not in self._wanted:
            # The implicit group ran the image's command; the web process, which runs the same app, succeeds it.
            self._renamed = {_DEFAULT_GROUP: self._web or self._wanted[0]}
        elif wish.unlisted == "rename_app" and _DEFAULT_GROUP in unlisted:
            if not self._web:
                raise self._no_web(f"process group {_DEFAULT_GROUP!r} is to be renamed to it")
            self._renamed = {_DEFAULT_GROUP: web}
        elif wish.unlisted == "remove":
            self._dropped = unlisted
        self._gone = [*self._renamed, *self._dropped]
        self._kept = [group for group in unlisted if group not in self._gone]
        self._final = [*self._wanted, *self._kept]

    def run(self) -> Edited:
        if self._toml.text.startswith("\ufeff"):
            self._warnings.append(f"{self._name}: it begins with a byte order mark, which flyctl refuses. Remove it.")
        services = self._services()
        self._check_references(services)
        port, serving, extra = self._web_services(services) if self._web else (None, [], [])
        if not self._web and any(set(service.groups) <= set(self._gone) for service in services):
            raise self._no_web("a service needs one")

        self._write_stop()
        self._write_build()
        self._write_port(port)
        self._write_processes()
        release = self._write_release()
        for service in serving:
            self._write_service(service, port)
        self._write_references([*serving, *extra])
        if self._web and not serving:
            self._write_new_service(port, services)
        groups = self._write_vm()
        self._check_result()
        self._warn_of_machines()
        return Edited(
            text=self._toml.text,
            processes={group: command for group, (_path, command) in self._definitions().items()},
            release_command=release,
            internal_port=port,
            groups=groups,
            removed_groups=self._gone,
            kept_groups=self._kept,
            conflicts=self._conflicts,
            warnings=self._warnings,
        )

    # Reading.

    def _definitions(self) -> dict[str, tuple[Path, str]]:
        """Return each process group that the file defines, with the path and the text of its command."""
        value = self._toml.get(("processes",))
        if isinstance(value, Mapping):
            found: dict[str, tuple[Path, Any]] = {
                str(group): (("processes", group), command) for group, command in value.items()
            }
        elif isinstance(value, list):  # legacy: [[processes]] with name and command
            found = {
                str(item["name"]): (("processes", index, "command"), str(item.get("command", "")))
                for index, item in enumerate(value)
                if isinstance(item, Mapping) and "name" in item
            }
        elif value is None:
            found = {}
        else:
            raise self._malformed("processes", "a table")
        for group, (_path, command) in found.items():
            if not isinstance(command, str):
                raise self._malformed(f"processes.{group}", "a string")
        return found

    def _sections(self, *names: str) -> list[_Section]:
        """Return the tables called O(names) and the elements of the arrays called so, in order."""
        sections = []
        for name in names:
            value = self._toml.get((name,))
            tables: list[tuple[Path, Any]] = []
            if name == "checks" and isinstance(value, Mapping):
                tables = [((name, key), table) for key, table in value.items()]
            elif isinstance(value, Mapping):
                tables = [((name,), value)]
            elif isinstance(value, list) and name != "http_service":
                tables = [((name, index), table) for index, table in enumerate(value)]
            elif value is not None:
                raise self._malformed(name, "a table")
            for path, table in tables:
                if not isinstance(table, Mapping):
                    raise self._malformed(".".join(str(part) for part in path), "a table")
                groups = table.get("processes", [])
                if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
                    raise self._malformed(".".join(str(part) for part in (*path, "processes")), "a list of strings")
                sections.append(_Section(path, table, groups))
        return sections

    def _services(self) -> list[_Section]:
        """Return the services that flyctl sees: it ignores those that say nothing."""
        empty: dict[str, list[Any]] = {"tcp_checks": [], "http_checks": []}
        return [
            service
            for service in self._sections(*_SERVICES)
            if service.name == "http_service" or any(value != empty.get(key) for key, value in service.table.items())
        ]

    def _after(self, section: _Section) -> list[str]:
        """Return the groups of O(section) once groups are renamed and dropped."""
        groups = [self._renamed.get(group, group) for group in section.groups if group not in self._dropped]
        return list(dict.fromkeys(groups))

    def _check_references(self, services: Sequence[_Section]) -> None:
        for section in [*services, *self._sections("restart")]:
            for group in self._after(section):
                if group not in self._final:
                    raise InputError(
                        f"{self._name}, {section}",
                        f"it belongs to process group {group!r}, which neither the Procfile nor [processes] has",
                        "Correct its 'processes', or add the process.",
                    )

    def _check_result(self) -> None:
        """Hold the result against what flyctl refuses (validation.go), as far as it is about process groups."""
        groups = self._definitions()
        for section in [*self._services(), *self._sections("restart")]:
            unknown = [group for group in section.groups if group not in groups]
            if unknown or (not section.groups and section.name != "restart"):
                raise StateError(
                    f"{self._name}, {section}",
                    f"its processes {', '.join(unknown)} are not there" if unknown else "it has no processes",
                    "Nothing was written. Give it the 'processes' that it serves.",
                )
        commands = {f"processes.{group}": command for group, (_path, command) in groups.items()}
        commands["deploy.release_command"] = self._toml.get(("deploy", "release_command")) or ""
        for what, command in commands.items():
            try:
                shlex.split(command)
            except ValueError as error:
                raise InputError(
                    f"{self._name}, {what}", f"it can not be split into words: {error}", "Correct its quotes."
                ) from None

    # The service of the web process.

    def _web_services(self, services: Sequence[_Section]) -> tuple[int, list[_Section], list[_Section]]:
        """Return the web's port, the services on it, and services on other ports that had no group."""
        unassigned = [service for service in services if not service.groups]
        # Those without a group are about to be the web's, so they have a say like those that it has.
        candidates = [service for service in services if not service.groups or self._web in self._after(service)]
        # Else what served the default group until now, whether it is to stay or not.
        candidates = candidates or [service for service in services if _DEFAULT_GROUP in service.groups]
        port = self._port(candidates)
        moved = self._wish.internal_port and len(self._ports(candidates)) == 1
        serving = [service for service in candidates if moved or self._internal_port(service) in (port, None)]
        extra = [service for service in unassigned if service not in serving]
        for service in extra:
            self._warnings.append(
                f"{self._name}: {service} on port {self._internal_port(service)} named no process group; "
                f"it is given to {self._web!r}."
            )
        return port, serving, extra

    def _port(self, candidates: Sequence[_Section]) -> int:
        """Return the port that the web process is to listen on."""
        command = self._processes.sources[str(self._web)]
        literal = literal_port(command)
        ports = self._ports(candidates)
        if self._wish.internal_port:
            port = self._wish.internal_port
            if len(ports) > 1 and port not in ports:
                raise self._ambiguous(ports)
        elif len(ports) == 1:
            port = ports[0]
        elif ports:
            port = self._likeliest(candidates, ports, literal)
        else:
            port = self._env_port() or literal or self._found.exposed_port or DEFAULT_PORT
        if literal and literal != port:
            self._warnings.append(
                f"{self._name}: the command of {self._web!r} listens on port {literal}, "
                f"but requests go to {port}. Let it listen on $PORT."
            )
        return port

    def _ports(self, services: Sequence[_Section]) -> list[int]:
        ports = [self._internal_port(service) for service in services]
        return list(dict.fromkeys(port for port in ports if port))

    def _likeliest(self, candidates: Sequence[_Section], ports: Sequence[int], literal: int | None) -> int:
        public = [service for service in candidates if service.name == "http_service" or _is_public(service.table)]
        for found in (self._ports([s for s in candidates if s.name == "http_service"]), self._ports(public)):
            if len(found) == 1:
                return found[0]
        for port in (self._env_port(), literal):
            if port in ports and port:
                return port
        raise self._ambiguous(ports)

    def _internal_port(self, service: _Section) -> int | None:
        value = service.table.get("internal_port")
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and value.isdigit():
            return int(value)
        raise self._malformed(".".join(str(part) for part in (*service.path, "internal_port")), "a number")

    def _write_service(self, service: _Section, port: int | None) -> None:
        # As text only [[services]] may have it.
        exact = service.table.get("internal_port") == port
        if self._internal_port(service) != port or (service.name == "http_service" and not exact):
            self._toml.set((*service.path, "internal_port"), port)
        if not any(key in service.table for key in _AUTOSTOP):
            self._toml.set((*service.path, "auto_stop_machines"), "off")
        elif service.table.get("auto_stop_machines") in (True, "stop", "suspend") and not service.table.get(
            "min_machines_running"
        ):
            self._warnings.append(
                f"{self._name}: {service} stops its Machines when nobody asks, and the next visitor waits. "
                "As on Heroku it would be auto_stop_machines = 'off', or min_machines_running = 1."
            )

    def _write_new_service(self, port: int | None, services: Sequence[_Section]) -> None:
        taken = next((s for s in services if s.name == "http_service" or _is_public(s.table)), None)
        if taken and self._after(taken):
            self._warnings.append(
                f"{self._name}: no request reaches {self._web!r}, since {taken} belongs to {', '.join(taken.groups)}. "
                "Add the process to it, or name another one as web_process."
            )
            return
        service: dict[str, Any] = {
            "internal_port": port,
            "force_https": True,
            "auto_stop_machines": "off",
            "auto_start_machines": True,
            "min_machines_running": 1,
            "processes": [self._web],
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
        self._toml.set(("http_service",), service)

    # The environment.

    def _env_tables(self) -> list[tuple[Path, Mapping[str, Any]]]:
        value = self._toml.get(("env",))
        if value is None or isinstance(value, Mapping):
            return [] if value is None else [(("env",), value)]
        if isinstance(value, list) and all(isinstance(table, Mapping) for table in value):
            return [(("env", index), table) for index, table in enumerate(value)]  # legacy: [[env]], the last counts
        raise self._malformed("env", "a table")

    def _env_port(self) -> int | None:
        for _path, table in reversed(self._env_tables()):
            if "PORT" in table:
                return int(table["PORT"]) if str(table["PORT"]).isdigit() else None
        return None

    def _write_port(self, port: int | None) -> None:
        tables = self._env_tables()
        if port is None:
            return
        if not tables and self._toml.get(("env",)) is not None:
            self._toml.remove(("env",))  # env = []
        path, table = next(
            (found for found in reversed(tables) if "PORT" in found[1]), tables[-1] if tables else (("env",), {})
        )
        if "PORT" not in table:
            self._toml.set((*path, "PORT"), str(port))
        elif str(table["PORT"]) != str(port):
            self._warnings.append(f"{self._name}: PORT in [env] becomes {port}, the web service's internal_port.")
            self._toml.set((*path, "PORT"), str(port))

    # Everything else.

    def _write_stop(self) -> None:
        anchors = ("app", "primary_region", "kill_signal", "kill_timeout")
        signal, timeout = self._toml.get(("kill_signal",)), self._toml.get(("kill_timeout",))
        if timeout is None:
            timeout = self._toml.get(("experimental", "kill_timeout"))  # legacy
        if signal is None:
            self._toml.set(("kill_signal",), KILL_SIGNAL, after=anchors[:2])
        if timeout is None:
            self._toml.set(("kill_timeout",), f"{KILL_TIMEOUT}s", after=anchors[:3])
        stays = []
        if signal not in (None, KILL_SIGNAL):
            stays.append("kill_signal")
        if timeout is not None and _seconds(timeout) < KILL_TIMEOUT:
            stays.append("kill_timeout")
        if stays:
            stay = "stays as it is" if len(stays) == 1 else "stay as they are"
            self._warnings.append(
                f"{self._name}: {' and '.join(stays)} {stay}. "
                f"Heroku sends {KILL_SIGNAL} and waits {KILL_TIMEOUT} seconds."
            )

    def _write_build(self) -> None:
        """Say how the image is built where nothing does, and start commands as that kind of image has to be asked."""
        build = self._toml.get(("build",)) or {}
        if not isinstance(build, Mapping):
            raise self._malformed("build", "a table")
        how, wanted = way(build, bool(self._found.dockerfile)), self._wish.builder
        if how == BUILDPACKS and wanted and build["builder"] != wanted:
            self._conflicts.append("builder")
            self._warnings.append(
                f"{self._name}: the builder of [build] is {build['builder']} and not {wanted}; it stays."
            )
        elif how == UNSAID and wanted:
            self._toml.set(("build", "builder"), wanted)
            how = BUILDPACKS
        path = ("experimental", "entrypoint")
        entrypoint = self._toml.get(path)
        if how == BUILDPACKS and not entrypoint:
            self._toml.set(path, LAUNCHER)
        elif how == BUILDPACKS and entrypoint != LAUNCHER:
            self._conflicts.append("entrypoint")
            self._warnings.append(
                f"{self._name}: [experimental] entrypoint stays as it is. An image of buildpacks runs the commands "
                f"below through {' '.join(LAUNCHER)}."
            )
        elif how == DOCKERFILE and not entrypoint:
            self._warn_of_entrypoint()

    def _warn_of_entrypoint(self) -> None:
        if self._found.deaf_entrypoint:
            self._warnings.append(
                f"{self._name}: the Dockerfile's ENTRYPOINT {self._found.deaf_entrypoint} does not run the command "
                'that it is given, so that all process groups run the same. Let it end in exec "$@".'
            )
        server = ["./bin/rails", "server"]
        for group, command in self._processes.commands.items():
            words = command.text.split()
            if self._found.prepares_database and server in (words[:2], words[-2:]):
                self._warnings.append(
                    f"{self._name}: the Dockerfile's ENTRYPOINT runs db:prepare whenever a Machine of {group!r} "
                    "starts. On Heroku only the release process changes the database."
                )

    def _write_processes(self) -> None:
        if not self._defined and isinstance(self._toml.get(("processes",)), list):
            self._toml.remove(("processes",))  # legacy: processes = []
        array = isinstance(self._toml.get(("processes",)), list)
        successor = self._renamed.get(_DEFAULT_GROUP)
        if successor and successor not in self._defined and _DEFAULT_GROUP in self._defined:
            path = self._defined[_DEFAULT_GROUP][0]
            if array:
                self._toml.set((*path[:-1], "name"), successor)
            else:
                self._toml.rename(path, successor)
        for group, command in self._processes.commands.items():
            definition = self._definitions().get(group)
            if definition:
                self._toml.set(definition[0], command.text)
            elif array:
                self._toml.append(("processes",), {"name": group, "command": command.text})
            else:
                self._toml.set(("processes", group), command.text)
        for group in self._gone:
            definition = self._definitions().get(group)
            if definition:
                self._toml.remove(definition[0][:-1] if array else definition[0], comment=True)
        if self._toml.get(("experimental", "exec")):
            self._warnings.append(
                f"{self._name}: [experimental] exec takes the place of every process's command. Remove it."
            )

    def _write_release(self) -> str | None:
        if not isinstance(self._toml.get(("deploy",)), (Mapping, type(None))):
            raise self._malformed("deploy", "a table")
        path = ("deploy", "release_command")
        present = self._toml.get(path)
        wanted = self._processes.release.text if self._processes.release else None
        if self._wish.release_command is not None:
            wanted = self._wish.release_command or None
        elif present and wanted and present not in (wanted, self._processes.release_source):
            self._conflicts.append("release_command")
            self._warnings.append(
                f"{self._name}: its release_command is another than the Procfile's release process; it stays. "
                "Choose one with the option release_command."
            )
            wanted = None
        if wanted:
            self._toml.set(path, wanted)
        return self._toml.get(path) or None

    def _write_references(self, of_web: Sequence[_Section]) -> None:
        """Rename and drop groups wherever they are named, and give the web its services."""
        before = _default_group(self._defined)
        owner = self._renamed.get(before, before)
        if owner in self._dropped:
            owner = self._web or self._wanted[0]
        pin = owner != _default_group(self._final)
        # From the end, so that what is removed moves nothing that is still to come.
        for section in reversed(self._sections(*_SERVICES, *_DEFAULTING, *_VM)):
            groups = self._after(section)
            if self._web and any(section.path == service.path for service in of_web):
                groups = list(dict.fromkeys([*groups, self._web]))
                if _DEFAULT_GROUP in groups and _DEFAULT_GROUP in self._kept:
                    self._warnings.append(
                        f"{self._name}: {section} goes on serving the group {_DEFAULT_GROUP!r} beside {self._web!r}."
                    )
            elif section.groups and not groups:
                self._toml.remove(section.path, comment=True)
                self._warnings.append(
                    f"{self._name}: {section} is removed with its process group {', '.join(section.groups)}."
                )
                continue
            elif not section.groups and pin and section.name in _DEFAULTING:
                # Without a list it belongs to the default group, which another one has become.
                groups = [owner]
            if groups != section.groups:
                self._toml.set((*section.path, "processes"), groups)

    def _write_vm(self) -> dict[str, dict[str, Any]]:
        """Write each group's C([[vm]]); return what is known of each group's Machines."""
        for group in self._wish.vm:
            if group not in self._final:
                raise InputError(f"vm.{group}", "there is no such process group", f"Take {', '.join(self._final)}.")
        groups: dict[str, dict[str, Any]] = {}
        for group in self._final:
            dynos = self._wish.formation.get(group, {})
            size = self._size_of(group, dynos)
            groups[group] = {
                "count": dynos.get("quantity"),
                "dyno": dynos.get("size"),
                "size": size.size if size else None,
                "memory_mb": size.memory_mb if size else None,
            }
            if group in self._wish.vm:
                self._set_vm(group, self._wish.vm[group])
            elif size:
                self._suggest_vm(group, size, dynos)
        return groups

    def _size_of(self, group: str, dynos: Mapping[str, Any]) -> VMSize | None:
        name = dynos.get("size")
        if not name or group not in self._wanted:
            return None
        known = dyno(str(name))
        if known is None:
            self._warnings.append(
                f"{self._name}: dyno type {name!r} of {group!r} is not known; choose a size with the option vm."
            )
            return None
        return vm_size(known)

    def _set_vm(self, group: str, vm: Mapping[str, Any]) -> None:
        """Give O(group) a section of its own that says O(vm) and nothing else of size."""
        for section in self._sections(*_VM):
            if group not in section.groups:
                continue
            if section.groups == [group]:
                for key in [key for key in section.table if key in _VM_KEYS and key not in vm]:
                    self._toml.remove((*section.path, key))
                for key, value in vm.items():
                    if str(section.table.get(key)) != str(value):
                        self._toml.set((*section.path, key), value)
                return
            self._toml.set((*section.path, "processes"), [other for other in section.groups if other != group])
            break
        self._append_vm({**vm, "processes": [group]})

    def _suggest_vm(self, group: str, size: VMSize, dynos: Mapping[str, Any]) -> None:
        """Give O(group) a section unless the file has one for it, or a general one with enough memory."""
        sections = self._sections(*_VM)
        needed = dyno(str(dynos["size"]))
        least = needed.memory_mb if needed else 0
        own = next((section for section in sections if group in section.groups), None)
        if own:
            if memory_mb(own.table) < least:
                self._warnings.append(
                    f"{self._name}: {own} has {memory_mb(own.table)} MB, and the dyno of {group!r} had {least} MB."
                )
            return
        general = next((section for section in sections if not section.groups), None)
        if general is None or memory_mb(general.table) < least:
            self._append_vm({"size": size.size, "memory": size.memory, "processes": [group]})

    def _append_vm(self, vm: Mapping[str, Any]) -> None:
        # Legacy: one table; where it can not be made an array, its other name takes the rest.
        single = isinstance(self._toml.get(("vm",)), Mapping) and not self._toml.make_array(("vm",))
        self._toml.append(("compute",) if single else ("vm",), vm)

    def _warn_of_machines(self) -> None:
        for group in self._gone:
            machines = self._wish.machines
            if machines is not None and not machines.get(group):
                continue
            names = f" ({', '.join(machines[group])})" if machines else ", if there are any"
            self._warnings.append(
                f"{self._name}: the next deploy destroys the Machines of process group {group!r}{names}, "
                "since fly.toml does not have it any more."
            )

    # Errors.

    def _malformed(self, what: str, expected: str) -> InputError:
        return InputError(f"{self._name}, {what}", f"it is not {expected}", "Correct the file; nothing was written.")

    def _ambiguous(self, ports: Sequence[int]) -> InputError:
        listed = " and ".join(str(port) for port in ports)
        return InputError(
            self._name,
            f"more than one service could be that of process {self._web!r}: ports {listed}",
            "Say which with the option internal_port, or name the process in the service's 'processes'.",
        )

    def _no_web(self, why: str) -> InputError:
        return InputError(
            self._name,
            f"there is no process {self._wish.web_process!r}, and {why}",
            f"Name the process that serves requests as web_process; there is {', '.join(self._wanted)}.",
        )


def vm_option(group: str, vm: Any) -> dict[str, Any]:
    """Return the size that a user gives O(group): a preset's name, or the keys of a C([[vm]]) section.

    Raises InputError for other keys and types.
    """
    thing = f"vm.{group}"
    if isinstance(vm, str):
        return {"size": vm}
    if not isinstance(vm, Mapping) or not vm:
        raise InputError(thing, "it is no size", "Give a preset's name, as shared-cpu-1x, or a dict of [[vm]]'s keys.")
    size: dict[str, Any] = {}
    for key, value in vm.items():
        if key not in _VM_KEYS:
            raise InputError(thing, f"there is no {key!r} in it", f"Take {', '.join(sorted(_VM_KEYS))}.")
        if key in _VM_INTEGERS:
            if not re.fullmatch(r"\d+", str(value)):
                raise InputError(f"{thing}.{key}", "it is no whole number", "Give one.")
            size[key] = int(value)
        else:
            size[key] = str(value)
    return size


def _default_group(groups: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the group to which belongs what names none (flyctl's DefaultProcessName)."""
    return _DEFAULT_GROUP if not groups or _DEFAULT_GROUP in groups else min(groups)


def _is_public(service: Mapping[str, Any]) -> bool:
    """Return whether a service answers on the web's own ports, 80 or 443."""
    ports = service.get("ports")
    listed = ports if isinstance(ports, list) else [ports]
    return any(isinstance(port, Mapping) and str(port.get("port")) in ("80", "443") for port in listed)


def _seconds(duration: Any) -> float:
    """Return a duration of fly.toml in seconds; one that can not be read counts as long."""
    if isinstance(duration, (int, float)):
        return duration
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", str(duration))
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in parts) if parts else float("inf")
