# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Process groups: which ones the Procfile wants, and what happens to the others in fly.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.document import (
    DEFAULTING,
    SERVICES,
    VM,
    Document,
    Section,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import Processes

# From fly-go: the only group of an app without [processes], and the default group of an app that defines it.
DEFAULT_GROUP = "app"


class Groups:
    """The process groups before and after the edit."""

    def __init__(self, document: Document, processes: Processes, web_process: str, unlisted: str) -> None:
        """Apply O(unlisted) to the groups that O(processes) lacks; raises InputError if that is impossible."""
        self._document = document
        self._processes = processes
        self._web_process = web_process
        self.wanted = list(processes.commands)
        self.web = web_process if web_process in self.wanted else None
        self._defined = document.definitions()
        others = [group for group in self._defined if group not in self.wanted]
        self._renamed: dict[str, str] = {}
        self._dropped: list[str] = []
        if not self._defined and DEFAULT_GROUP not in self.wanted:
            # The implicit group ran the image's command; the web process runs the same app and takes its place.
            self._renamed = {DEFAULT_GROUP: self.web or self.wanted[0]}
        elif unlisted == "rename_app" and DEFAULT_GROUP in others:
            if not self.web:
                raise self.no_web(f"process group {DEFAULT_GROUP!r} is to be renamed to it")
            self._renamed = {DEFAULT_GROUP: web_process}
        elif unlisted == "remove":
            self._dropped = others
        self.gone = [*self._renamed, *self._dropped]
        self.kept = [group for group in others if group not in self.gone]
        self.final = [*self.wanted, *self.kept]

    def after(self, section: Section) -> list[str]:
        """Return the groups of O(section) once groups are renamed and dropped."""
        groups = [self._renamed.get(group, group) for group in section.groups if group not in self._dropped]
        return list(dict.fromkeys(groups))

    def check_references(self, sections: Sequence[Section]) -> None:
        """Raise InputError for a section that names a group that does not and will not exist."""
        for section in sections:
            for group in self.after(section):
                if group not in self.final:
                    raise InputError(
                        f"{self._document.name}, {section}",
                        f"it belongs to process group {group!r}, which is in neither the Procfile nor [processes]",
                        "Correct its 'processes', or add the process.",
                    )

    def no_web(self, why: str) -> InputError:
        """Return the error for a web process that is needed but not in the Procfile."""
        return InputError(
            self._document.name,
            f"there is no process {self._web_process!r}, and {why}",
            f"Set web_process to the process that serves requests ({', '.join(self.wanted)}).",
        )

    def write_processes(self) -> None:
        """Update C([processes]) to match the Procfile."""
        toml, document = self._document.toml, self._document
        if not self._defined and isinstance(toml.get(("processes",)), list):
            toml.remove(("processes",))  # legacy: processes = []
        array = isinstance(toml.get(("processes",)), list)
        self._rename_default(array)
        for group, command in self._processes.commands.items():
            definition = document.definitions().get(group)
            if definition:
                toml.set(definition[0], command.text)
            elif array:
                toml.append(("processes",), {"name": group, "command": command.text})
            else:
                toml.set(("processes", group), command.text)
        for group in self.gone:
            definition = document.definitions().get(group)
            if definition:
                toml.remove(definition[0][:-1] if array else definition[0], comment=True)
        if toml.get(("experimental", "exec")):
            document.warn("[experimental] exec replaces every process's command. Remove it.")

    def write_references(self, of_web: Sequence[Section]) -> None:
        """Rename and drop groups wherever they are named, and give the web process its services."""
        before = _default_group(self._defined)
        owner = self._renamed.get(before, before)
        if owner in self._dropped:
            owner = self.web or self.wanted[0]
        pin = owner if owner != _default_group(self.final) else None
        webs = [service.path for service in of_web] if self.web else []
        # From the end, so that a removal does not shift the remaining sections.
        for section in reversed(self._document.sections(*SERVICES, *DEFAULTING, *VM)):
            groups = self._rewritten(section, section.path in webs, pin)
            if groups is None:
                self._document.toml.remove(section.path, comment=True)
                gone = ", ".join(section.groups)
                self._document.warn(f"{section} is removed together with its process group {gone}.")
            elif groups != section.groups:
                self._document.toml.set((*section.path, "processes"), groups)

    def warn_of_machines(self, machines: Mapping[str, Sequence[str]] | None) -> None:
        """Warn which Machines the next deploy destroys. O(machines) are the existing ones by group, None if unknown."""
        for group in self.gone:
            if machines is not None and not machines.get(group):
                continue
            names = f" ({', '.join(machines[group])})" if machines else ", if there are any"
            self._document.warn(
                f"the next deploy destroys the Machines of process group {group!r}{names}, "
                "because fly.toml no longer has it."
            )

    def _rename_default(self, array: bool) -> None:
        successor = self._renamed.get(DEFAULT_GROUP)
        if not successor or successor in self._defined or DEFAULT_GROUP not in self._defined:
            return
        path = self._defined[DEFAULT_GROUP][0]
        if array:
            self._document.toml.set((*path[:-1], "name"), successor)
        else:
            self._document.toml.rename(path, successor)

    def _rewritten(self, section: Section, of_web: bool, pin: str | None) -> list[str] | None:
        """Return the groups that O(section) should name, None if all its groups are gone and it goes too."""
        groups = self.after(section)
        if of_web:
            if DEFAULT_GROUP in groups and DEFAULT_GROUP in self.kept:
                self._document.warn(
                    f"{section} continues to serve the group {DEFAULT_GROUP!r} as well as {self.web!r}."
                )
            return list(dict.fromkeys([*groups, str(self.web)]))
        if section.groups and not groups:
            return None
        if not section.groups and pin and section.name in DEFAULTING:
            # Without a list it belongs to the default group, which is now another group.
            return [pin]
        return groups


def _default_group(groups: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the group of sections that name none (flyctl's DefaultProcessName)."""
    return DEFAULT_GROUP if not groups or DEFAULT_GROUP in groups else min(groups)
