# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Machine sizes: C([[vm]]) of each process group, from the user's options or the group's dynos."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.document import VM, Document
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.groups import Groups
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.vm_sizes import (
    VMSize,
    dyno,
    memory_mb,
    vm_size,
)

_KEYS = frozenset(["size", "memory", "memory_mb", "cpus", "cpu_kind", "gpus", "gpu_kind", "host_dedication_id"])
_INTEGERS = frozenset(["memory_mb", "cpus", "gpus"])


def vm_option(group: str, vm: Any) -> dict[str, Any]:
    """Return the size that the user wants for O(group): a preset's name, or the keys of a C([[vm]]) section.

    Raises InputError for other keys and types.
    """
    thing = f"vm.{group}"
    if isinstance(vm, str):
        return {"size": vm}
    if not isinstance(vm, Mapping) or not vm:
        raise InputError(
            thing, "it is not a size", "Give the name of a preset, such as shared-cpu-1x, or a dict of [[vm]] keys."
        )
    size: dict[str, Any] = {}
    for key, value in vm.items():
        if key not in _KEYS:
            raise InputError(thing, f"[[vm]] has no key {key!r}", f"Use {', '.join(sorted(_KEYS))}.")
        if key in _INTEGERS:
            if not re.fullmatch(r"\d+", str(value)):
                raise InputError(f"{thing}.{key}", "it is not a whole number", "Give a whole number.")
            size[key] = int(value)
        else:
            size[key] = str(value)
    return size


def write_vm(
    document: Document,
    groups: Groups,
    asked: Mapping[str, Mapping[str, Any]],
    formation: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Write each group's C([[vm]]) and return what is known about its Machines.

    O(asked) are sizes by group, O(formation) the dynos that the other groups had.
    """
    for group in asked:
        if group not in groups.final:
            raise InputError(f"vm.{group}", "there is no such process group", f"Use {', '.join(groups.final)}.")
    known: dict[str, dict[str, Any]] = {}
    for group in groups.final:
        dynos = formation.get(group, {})
        size = _size_of(document, group, dynos) if group in groups.wanted else None
        known[group] = {
            "count": dynos.get("quantity"),
            "dyno": dynos.get("size"),
            "size": size.size if size else None,
            "memory_mb": size.memory_mb if size else None,
        }
        if group in asked:
            _set(document, group, asked[group])
        elif size:
            _suggest(document, group, size, dynos)
    return known


def _size_of(document: Document, group: str, dynos: Mapping[str, Any]) -> VMSize | None:
    name = dynos.get("size")
    if not name:
        return None
    known = dyno(str(name))
    if known is None:
        document.warn(f"dyno type {name!r} of {group!r} is unknown; choose a size with the option vm.")
        return None
    return vm_size(known)


def _set(document: Document, group: str, vm: Mapping[str, Any]) -> None:
    """Give O(group) its own section with O(vm) and no other size keys."""
    for section in document.sections(*VM):
        if group not in section.groups:
            continue
        if section.groups == [group]:
            for key in [key for key in section.table if key in _KEYS and key not in vm]:
                document.toml.remove((*section.path, key))
            for key, value in vm.items():
                if str(section.table.get(key)) != str(value):
                    document.toml.set((*section.path, key), value)
            return
        document.toml.set((*section.path, "processes"), [other for other in section.groups if other != group])
        break
    _append(document, {**vm, "processes": [group]})


def _suggest(document: Document, group: str, size: VMSize, dynos: Mapping[str, Any]) -> None:
    """Give O(group) a section unless the file has one for it, or a general one with enough memory."""
    sections = document.sections(*VM)
    needed = dyno(str(dynos["size"]))
    least = needed.memory_mb if needed else 0
    own = next((section for section in sections if group in section.groups), None)
    if own:
        if memory_mb(own.table) < least:
            document.warn(f"{own} has {memory_mb(own.table)} MB, but the dyno of {group!r} had {least} MB.")
        return
    general = next((section for section in sections if not section.groups), None)
    if general is None or memory_mb(general.table) < least:
        _append(document, {"size": size.size, "memory": size.memory, "processes": [group]})


def _append(document: Document, vm: Mapping[str, Any]) -> None:
    # Legacy: a single table; if it cannot become an array, add the rest under its other name.
    single = isinstance(document.toml.get(("vm",)), Mapping) and not document.toml.make_array(("vm",))
    document.toml.append(("compute",) if single else ("vm",), vm)
