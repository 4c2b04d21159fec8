# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""fly.toml on disk: read, edited, and written in one step that keeps its mode, owner and symbolic links."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import update_file
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.build import build_of
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.edit import (
    Edited,
    Wish,
    edit,
    new_text,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.vm import vm_option
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import (
    UNKNOWN,
    awaited_dockerfile,
    look_at,
    read_text,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import UNSAID, ImageSource, way
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import (
    Processes,
    from_commands,
    from_procfile,
)


def ensure_processes(
    params: Mapping[str, Any], check_mode: bool, warn: Callable[[str], None], backup: Callable[[str], str]
) -> dict[str, Any]:
    """Update fly.toml to match the module's options O(params); return the module's result.

    O(backup) copies a file and returns the copy's path. Raises InputError, before anything is written, for files and
    options that cannot be used.
    """
    path = Path(params["path"])
    before = _present(path, params["create"])
    edited = _edited(path, before, params, check_mode)
    changed = edited.text != before
    result: dict[str, Any] = {
        "changed": changed,
        "differs": changed,
        "processes": edited.processes,
        "release_command": edited.release_command,
        "internal_port": None if edited.internal_port == UNKNOWN else edited.internal_port,
        "groups": edited.groups,
        "removed_groups": edited.removed_groups,
        "kept_groups": edited.kept_groups,
        "conflicts": edited.conflicts,
        "diff": {
            "before": before or "",
            "after": edited.text,
            "before_header": str(path),
            "after_header": str(path),
        },
    }
    if changed:
        _check_writable(path)
    if changed and not check_mode:
        if params["backup"] and before is not None:
            result["backup_file"] = backup(str(path))
        update_file(path, edited.text.encode("utf-8"), str(path))
    for warning in edited.warnings:
        warn(warning)
    return result


def _edited(path: Path, before: str | None, params: Mapping[str, Any], check_mode: bool) -> Edited:
    """Return the file's text O(before), edited according to the options O(params)."""
    web = params["web_process"].lower()
    formation = _formation(params["formation"])
    processes = _processes(params["procfile"], params["processes"], formation, web)
    wish = _wish(params, web, formation)
    build = build_of(before or "", str(path))
    source = look_at(path.parent, _dockerfile(build))
    if check_mode and params["awaits_dockerfile"] and way(build, bool(source.dockerfile)) == UNSAID:
        source = awaited_dockerfile(source)
    text = before
    if text is None:
        text = new_text(_app_name(params["app"], path), params["primary_region"] or "", wish.builder, source)
    return edit(text, str(path), processes, wish, source)


def _wish(params: Mapping[str, Any], web: str, formation: Mapping[str, Mapping[str, Any]]) -> Wish:
    return Wish(
        web_process=web,
        internal_port=_port(params["internal_port"]),
        release_command=params["release_command"],
        vm={group: vm_option(group, vm) for group, vm in params["vm"].items()},
        formation=formation,
        unlisted=params["unlisted"],
        builder=params["builder"] or None,
        machines=_machines(params["machines"]),
    )


def image_source(folder: Path) -> ImageSource:
    """Return what an app's source O(folder) says about how to build its image.

    Raises InputError if fly.toml cannot be read.
    """
    path = folder / "fly.toml"
    build = build_of(read_text(path, ""), str(path)) if path.is_file() else {}
    found = look_at(folder, _dockerfile(build))
    return ImageSource(way(build, bool(found.dockerfile)), str(build.get("builder") or ""), found.aptfile)


def _dockerfile(build: Mapping[str, Any]) -> str | None:
    name = build.get("dockerfile")
    return name if isinstance(name, str) else None


def _processes(
    procfile: str | None, commands: Mapping[str, Any] | None, formation: Mapping[str, Any], web: str
) -> Processes:
    if procfile is None:
        quantities = {name: dynos.get("quantity") for name, dynos in formation.items()}
        return from_commands(commands or {}, "processes", quantities)
    text = read_text(Path(procfile), "Give the path of the app's Procfile, or its commands as processes.")
    # Heroku's Ruby buildpack adds a web process if the Procfile has none.
    command = formation.get(web, {}).get("command")
    return from_procfile(text, procfile, known=formation, defaults={web: command} if command else {})


def _present(path: Path, create: bool) -> str | None:
    """Return the text of fly.toml, or None if it is to be created."""
    if path.suffix in (".json", ".yaml", ".yml"):
        raise InputError(str(path), "only TOML can be edited", _CONVERT)
    others = [name for name in ("fly.json", "fly.yaml", "fly.yml") if os.path.isfile(path.parent / name)]
    if os.path.exists(path) or others or not create:
        return read_text(
            path,
            f"There is {others[0]}, but only TOML can be edited. {_CONVERT}"
            if others
            else "Create it with 'fly launch --no-deploy', or with the options create and app.",
        )
    if not path.parent.is_dir():
        raise InputError(str(path.parent), "it is not a folder", "Give the folder of the app's source.")
    return None


_CONVERT = "Convert it with 'fly config show --local --toml'."


def _app_name(app: str | None, path: Path) -> str:
    if not app:
        raise InputError(str(path), "it does not exist yet, and no app name was given", "Give the option app.")
    return app


def _port(port: int | None) -> int | None:
    if port is not None and not 0 < port < 65536:
        raise InputError("internal_port", f"{port} is not a port", "Give a number from 1 to 65535.")
    return port


def _formation(formation: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the dynos by process group, with names in lower case."""
    for name, dynos in formation.items():
        if not isinstance(dynos, Mapping):
            raise InputError(
                f"formation.{name}", "it is not a dict", "Give quantity and size, as in Heroku's formation."
            )
    return {str(name).lower(): dynos for name, dynos in formation.items()}


def _machines(machines: Mapping[str, Any] | None) -> dict[str, list[str]] | None:
    if machines is None:
        return None
    for group, ids in machines.items():
        if not isinstance(ids, list):
            raise InputError(f"machines.{group}", "it is not a list", "Give the ids of its Machines as a list.")
    return {str(group): [str(machine) for machine in ids] for group, ids in machines.items()}


def _check_writable(path: Path) -> None:
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise InputError(str(path), f"it is a link into {folder}, which is not a folder", "Correct the link.")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise InputError(str(path), "it is not writable", "Make it writable, or run as its owner.")
    if not os.access(folder, os.W_OK):
        raise InputError(str(path), f"the folder {folder} is not writable", "Make it writable, or run as its owner.")
