# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Process groups in fly.toml: the changes that make Fly run what Heroku ran. Text in, text out.

docs/processes.md has the rules for users.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.build import write_build
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.document import TABLE_ORDER, Document
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.groups import Groups
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.service import Services
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.vm import write_vm
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import AppSource
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import LAUNCHER
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import Processes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.text import TomlText

KILL_SIGNAL = "SIGTERM"
KILL_TIMEOUT = 30


@dataclass(frozen=True)
class Wish:
    """What the user wants besides the processes; named like the module's options."""

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
    """The edited text and what to report about it."""

    text: str
    processes: dict[str, str]
    release_command: str | None
    internal_port: int | str | None
    groups: dict[str, dict[str, Any]]
    removed_groups: list[str]
    kept_groups: list[str]
    conflicts: list[str]
    warnings: list[str]


def new_text(app: str, region: str, builder: str | None, found: AppSource) -> str:
    """Return the start of a fly.toml for an app that has none; edit() writes the rest."""
    toml = TomlText("", "fly.toml", TABLE_ORDER)
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


def edit(text: str, name: str, processes: Processes, wish: Wish, found: AppSource) -> Edited:
    """Return fly.toml's O(text), called O(name) in errors, with O(processes) written into it.

    Raises InputError if the text is not TOML, is not a fly.toml, or has more than one possible web service.
    """
    document = Document(text, name)
    document.warnings += processes.warnings
    groups = Groups(document, processes, wish.web_process, wish.unlisted)
    services = Services(document, groups, processes.sources[groups.web] if groups.web else "", found)
    if text.startswith("\ufeff"):
        document.warn("it starts with a byte order mark, which flyctl refuses. Remove it.")
    groups.check_references([*services.all, *document.sections("restart")])
    web = services.web(wish.internal_port)
    if not groups.web and any(set(service.groups) <= set(groups.gone) for service in services.all):
        raise groups.no_web("a service needs one")

    _write_stop(document)
    write_build(document, wish.builder, processes, found)
    services.write_port(web.port)
    groups.write_processes()
    release = _write_release(document, processes, wish.release_command)
    services.write(web)
    groups.write_references([*web.serving, *web.extra])
    services.write_new(web)
    sizes = write_vm(document, groups, wish.vm, wish.formation)
    _check_result(document)
    groups.warn_of_machines(wish.machines)
    return Edited(
        text=document.toml.text,
        processes={group: command for group, (_path, command) in document.definitions().items()},
        release_command=release,
        internal_port=web.port,
        groups=sizes,
        removed_groups=groups.gone,
        kept_groups=groups.kept,
        conflicts=document.conflicts,
        warnings=document.warnings,
    )


def _write_stop(document: Document) -> None:
    """Stop Machines as Heroku stops dynos, unless the file says how."""
    toml = document.toml
    anchors = ("app", "primary_region", "kill_signal", "kill_timeout")
    signal, timeout = toml.get(("kill_signal",)), toml.get(("kill_timeout",))
    if timeout is None:
        timeout = toml.get(("experimental", "kill_timeout"))  # legacy
    if signal is None:
        toml.set(("kill_signal",), KILL_SIGNAL, after=anchors[:2])
    if timeout is None:
        toml.set(("kill_timeout",), f"{KILL_TIMEOUT}s", after=anchors[:3])
    kept = []
    if signal not in (None, KILL_SIGNAL):
        kept.append("kill_signal")
    if timeout is not None and _seconds(timeout) < KILL_TIMEOUT:
        kept.append("kill_timeout")
    if kept:
        were = "was" if len(kept) == 1 else "were"
        document.warn(f"{' and '.join(kept)} {were} kept. Heroku sends {KILL_SIGNAL} and waits {KILL_TIMEOUT} seconds.")


def _write_release(document: Document, processes: Processes, asked: str | None) -> str | None:
    """Write the release command, which O(asked) overrides, and return the one that the file ends up with."""
    toml = document.toml
    if not isinstance(toml.get(("deploy",)), (Mapping, type(None))):
        raise document.malformed("deploy", "a table")
    path = ("deploy", "release_command")
    present = toml.get(path)
    wanted = processes.release.text if processes.release else None
    if asked is not None:
        wanted = asked or None
    elif present and wanted and present not in (wanted, processes.release_source):
        document.conflicts.append("release_command")
        document.warn(
            "release_command differs from the Procfile's release process and was kept. "
            "Choose one with the option release_command."
        )
        wanted = None
    if wanted:
        toml.set(path, wanted)
    return toml.get(path) or None


def _check_result(document: Document) -> None:
    """Check the result for what flyctl refuses about process groups (validation.go)."""
    groups = document.definitions()
    for section in [*document.services(), *document.sections("restart")]:
        unknown = [group for group in section.groups if group not in groups]
        if unknown or (not section.groups and section.name != "restart"):
            raise StateError(
                f"{document.name}, {section}",
                f"its processes {', '.join(unknown)} do not exist" if unknown else "it has no processes",
                "List the process groups that it serves in its 'processes'; nothing was written.",
            )
    commands = {f"processes.{group}": command for group, (_path, command) in groups.items()}
    commands["deploy.release_command"] = document.toml.get(("deploy", "release_command")) or ""
    for what, command in commands.items():
        try:
            shlex.split(command)
        except ValueError as error:
            raise InputError(
                f"{document.name}, {what}", f"it cannot be split into words: {error}", "Correct its quotation marks."
            ) from None


def _seconds(duration: Any) -> float:
    """Return a duration from fly.toml in seconds; infinity if it cannot be parsed."""
    if isinstance(duration, (int, float)):
        return duration
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", str(duration))
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in parts) if parts else float("inf")
