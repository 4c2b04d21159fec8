# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""fly.toml while it is edited: process groups, the tables that belong to them, and warnings about the file.

Semantics and forms, including legacy ones, follow flyctl (github.com/superfly/flyctl, internal/appconfig: patches.go,
processgroups.go, validation.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.scan import Path
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.text import TomlText

# The order in which flyctl writes tables (appconfig/config.go).
TABLE_ORDER = [
    *("experimental", "build", "deploy", "env", "processes", "mount", "mounts", "http_service", "services", "checks"),
    *("files", "machine_checks", "restart", "compute", "computes", "vm", "statics", "metric", "metrics"),
]
# Tables with a list C(processes). Without one, DEFAULTING tables belong to the default group only, VM tables to every
# group, and a service is refused.
SERVICES = ("http_service", "services")
DEFAULTING = ("mount", "mounts", "checks", "files", "restart", "metric", "metrics")
VM = ("compute", "computes", "vm")


@dataclass(frozen=True)
class Section:
    """A table that belongs to process groups."""

    path: Path
    table: Mapping[str, Any]
    groups: list[str]

    @property
    def name(self) -> str:
        """The table's own name."""
        return str(self.path[0])

    def __str__(self) -> str:
        """Return its name for messages: [[services]] 2."""
        if len(self.path) == 1:
            return f"[{self.name}]"
        last = self.path[-1]
        return f"[[{self.name}]] {last + 1}" if isinstance(last, int) else f"[{self.name}.{last}]"


class Document:
    """The text of a fly.toml while it is edited, with warnings about it."""

    def __init__(self, text: str, name: str) -> None:
        """Take the text, and the file's O(name) for messages; raises InputError if the text is not TOML."""
        self.toml = TomlText(text, name, TABLE_ORDER)
        self.name = name
        self.warnings: list[str] = []
        self.conflicts: list[str] = []

    def warn(self, text: str) -> None:
        """Add a warning about something that the user should know or decide."""
        self.warnings.append(f"{self.name}: {text}")

    def malformed(self, what: str, expected: str) -> InputError:
        """Return the error for a part of the file that has the wrong type."""
        return InputError(f"{self.name}, {what}", f"it is not {expected}", "Correct the file; nothing was written.")

    def definitions(self) -> dict[str, tuple[Path, str]]:
        """Return each process group that the file defines, with the path and text of its command."""
        value = self.toml.get(("processes",))
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
            raise self.malformed("processes", "a table")
        for group, (_path, command) in found.items():
            if not isinstance(command, str):
                raise self.malformed(f"processes.{group}", "a string")
        return found

    def sections(self, *names: str) -> list[Section]:
        """Return the tables named O(names) and the elements of arrays with these names, in order."""
        return [self._section(path, table) for name in names for path, table in self._tables(name)]

    def services(self) -> list[Section]:
        """Return the services that flyctl sees: it ignores empty ones."""
        empty: dict[str, list[Any]] = {"tcp_checks": [], "http_checks": []}
        return [
            service
            for service in self.sections(*SERVICES)
            if service.name == "http_service" or any(value != empty.get(key) for key, value in service.table.items())
        ]

    def _tables(self, name: str) -> list[tuple[Path, Any]]:
        value = self.toml.get((name,))
        if name == "checks" and isinstance(value, Mapping):
            return [((name, key), table) for key, table in value.items()]
        if isinstance(value, Mapping):
            return [((name,), value)]
        if isinstance(value, list) and name != "http_service":
            return [((name, index), table) for index, table in enumerate(value)]
        if value is not None:
            raise self.malformed(name, "a table")
        return []

    def _section(self, path: Path, table: Any) -> Section:
        if not isinstance(table, Mapping):
            raise self.malformed(".".join(str(part) for part in path), "a table")
        groups = table.get("processes", [])
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise self.malformed(".".join(str(part) for part in (*path, "processes")), "a list of strings")
        return Section(path, table, groups)
