# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Process types and their commands: from a Procfile, or as Heroku's API lists them.

Heroku has two Procfile parsers. Classic builds accept C(name command), with an optional colon and a required space. The
buildpack of the Fir generation accepts C(name:command), with a required colon and an optional space, and lower-cases
names (github.com/heroku/buildpacks-procfile, SPEC.md and src/procfile.rs). This parser accepts both.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.command import ProcessCommand, fly_command

_LINE = re.compile(r"\s*(?P<name>[A-Za-z0-9_-]+)(?P<colon>:?)(?P<blank>\s*)(?P<command>.*)", re.DOTALL)
# Names accepted without a colon; any other word before a space is more likely prose than a process.
_CONVENTIONAL = frozenset(["web", "worker", "release"])
# What Heroku's Ruby buildpack adds to every app; they are only run by hand.
_BUILDPACK_EXTRAS = frozenset(["console", "rake"])
# fly-go, machine_types.go: process groups of Machines that flyctl creates for itself.
_RESERVED_GROUPS = frozenset(["fly_app_release_command", "fly_app_console", "fly_app_test_machine_command"])
_MAX_GROUP = 63  # a group is a DNS label, in GROUP.process.APP.internal


@dataclass
class Processes:
    """What should run on Fly, by process group."""

    commands: dict[str, ProcessCommand] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    """The commands as Heroku runs them."""
    release: ProcessCommand | None = None
    release_source: str = ""
    warnings: list[str] = field(default_factory=list)


def from_procfile(
    text: str, name: str, known: Container[str] = (), defaults: Mapping[str, str] | None = None
) -> Processes:
    """Return the processes in a Procfile's O(text).

    O(known) are process types that certainly exist; O(defaults) are commands of those that need no line, because a
    buildpack adds them.

    Raises InputError with C(name) and line number for a line that is not a process, an empty command or a name that
    Fly does not accept.
    """
    processes = Processes()
    lines: dict[str, int] = {}
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        thing = f"{name}, line {number}"
        found = _LINE.fullmatch(line)
        if found is None or not _is_process(found, known):
            raise InputError(
                thing,
                f"{line.strip()!r} is not a process: a name (letters, digits, - and _), a colon and a command",
                "Correct the line, or comment it out with #.",
            )
        if not found["colon"]:
            processes.warnings.append(
                f"{thing}: {found['name']!r} has no colon after it. It is accepted, because Heroku's classic builds "
                "read it as a process. Add the colon."
            )
        group = fly_group(found["name"], thing)
        if group in lines:
            processes.warnings.append(f"{thing}: {group!r} is also in line {lines[group]}; the last one is used.")
        lines[group] = number
        _add(processes, found["name"], group, found["command"], thing)
    for process, command in (defaults or {}).items():
        group = fly_group(process, f"{name}, {process}")
        if group not in lines:
            processes.warnings.append(f"{name}: it has no {process!r}; the command that Heroku runs for it is used.")
            _add(processes, process, group, command, f"{name}, {process}")
    return _checked(processes, name)


def from_commands(commands: Mapping[str, Any], name: str, quantities: Mapping[str, Any]) -> Processes:
    """Return the processes in O(commands), by process type like a slug's C(process_types).

    C(rake) and C(console) are included only if they run. Raises InputError for a command that is not a string, a name
    that Fly does not accept, or two names that are the same on Fly.
    """
    processes = Processes()
    taken: dict[str, str] = {}
    for process, command in commands.items():
        thing = f"{name}.{process}"
        if not isinstance(command, str):
            raise InputError(thing, f"its type is {type(command).__name__}", "Give the command as one string.")
        if process in _BUILDPACK_EXTRAS and not quantities.get(process):
            continue
        group = fly_group(process, thing)
        if group in taken:
            raise InputError(
                thing, f"on Fly it and {taken[group]} are both called {group!r}", "Give one of them another name."
            )
        taken[group] = process
        _add(processes, process, group, command, thing)
    return _checked(processes, name)


def fly_group(name: str, thing: str) -> str:
    """Return the process group for Heroku's process type O(name): the same in lower case.

    Raises InputError for a name that Fly does not accept; O(thing) names it in the error.
    """
    group = name.lower()
    cause = ""
    if not re.fullmatch(r"[a-z0-9_-]+", group):
        cause = f"{name!r} cannot be the name of a process group"
    elif len(group) > _MAX_GROUP:
        cause = f"the name has {len(group)} characters, but a process group's has at most {_MAX_GROUP}"
    elif group in _RESERVED_GROUPS:
        cause = f"the name {group!r} is reserved for Fly's own client"
    elif group == "release" != name:
        cause = f"{name!r} is a process in classic builds but the release command on Fir"
    if cause:
        raise InputError(thing, cause, "Use another name, with letters a to z, digits, - and _.")
    return group


def _is_process(found: re.Match[str], known: Container[str]) -> bool:
    if found["colon"]:
        return True
    # Without requiring a colon, nearly any text would be a process.
    is_line = bool(found["blank"] and found["command"]) and found["command"][0] not in ":="
    return is_line and (found["name"] in _CONVENTIONAL or found["name"] in known)


def _add(processes: Processes, name: str, group: str, source: str, thing: str) -> None:
    command = fly_command(source, f"{thing}, {name}" if name not in thing else thing)
    if group == "release":
        processes.release, processes.release_source = command, source.strip()
        return
    processes.commands.pop(group, None)
    processes.commands[group] = command
    processes.sources[group] = source.strip()
    if group != name:
        processes.warnings.append(f"{thing}: process {name!r} is called {group!r} on Fly.")


def _checked(processes: Processes, name: str) -> Processes:
    if not processes.commands:
        raise InputError(name, "it has no process to run", "Add at least one, such as 'web: bundle exec puma'.")
    named = {**processes.commands, **({"release": processes.release} if processes.release else {})}
    for group, command in named.items():
        if command.shell == "bash":
            processes.warnings.append(f"{name}: the command of {group!r} needs bash, which the image must have.")
        if not command.signalled and group != "release":
            processes.warnings.append(
                f"{name}: in the command of {group!r} only the shell gets the stop signal, not what it started. "
                "Put the command into a script that ends in exec."
            )
        if command.heroku_variables:
            names = ", ".join(command.heroku_variables)
            processes.warnings.append(f"{name}: the command of {group!r} reads {names}, which Fly does not set.")
    return processes
