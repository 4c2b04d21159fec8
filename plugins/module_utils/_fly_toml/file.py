# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""fly.toml on disk: read, handed to the editor, and written in one step that keeps mode, owner and symbolic links."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.edit import (
    Wish,
    build_of,
    edit,
    new_text,
    vm_option,
)
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


def ensure_processes(module: AnsibleModule) -> dict[str, Any]:
    """Bring the fly.toml of O(module)'s options up to them; return the module's result.

    Raises InputError for files and options that can not be used, before anything is written.
    """
    params = module.params
    path = Path(params["path"])
    formation = _formation(params["formation"])
    processes = _processes(params["procfile"], params["processes"], formation, params["web_process"].lower())
    wish = Wish(
        web_process=params["web_process"].lower(),
        internal_port=_port(params["internal_port"]),
        release_command=params["release_command"],
        vm={group: vm_option(group, vm) for group, vm in params["vm"].items()},
        formation=formation,
        unlisted=params["unlisted"],
        builder=params["builder"] or None,
        machines=_machines(params["machines"]),
    )
    before = _present(path, params["create"])
    build = build_of(before or "", str(path))
    source = look_at(path.parent, _dockerfile(build))
    unknown_port = None
    if module.check_mode and params["awaits_dockerfile"] and way(build, bool(source.dockerfile)) == UNSAID:
        unknown_port = _unused_port(f"{before} {processes} {params}")
        source = awaited_dockerfile(source, unknown_port)
    text = before
    if text is None:
        text = new_text(_app_name(params["app"], path), params["primary_region"] or "", wish.builder, source)
    edited = edit(text, str(path), processes, wish, source)

    changed = edited.text != before
    if unknown_port:
        edited.text = edited.text.replace(str(unknown_port), UNKNOWN)
        edited.internal_port = None if edited.internal_port == unknown_port else edited.internal_port
    result: dict[str, Any] = {
        "changed": changed,
        "processes": edited.processes,
        "release_command": edited.release_command,
        "internal_port": edited.internal_port,
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
    if changed and not module.check_mode:
        if params["backup"] and before is not None:
            result["backup_file"] = module.backup_local(str(path))
        _write(module, path, edited.text)
    for warning in edited.warnings:
        module.warn(warning)
    return result


def image_source(folder: Path) -> ImageSource:
    """Return what O(folder), the source of an app, says of how its image is built.

    Raises InputError for a fly.toml that can not be read.
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
    # Heroku's Ruby buildpack adds a web process to a Procfile without one.
    command = formation.get(web, {}).get("command")
    return from_procfile(text, procfile, known=formation, defaults={web: command} if command else {})


def _present(path: Path, create: bool) -> str | None:
    """Return the text of fly.toml, or None for one that is to be created."""
    if path.suffix in (".json", ".yaml", ".yml"):
        raise InputError(str(path), "only the TOML form of Fly's configuration is edited", _CONVERT)
    others = [name for name in ("fly.json", "fly.yaml", "fly.yml") if os.path.isfile(path.parent / name)]
    if os.path.exists(path) or others or not create:
        return read_text(
            path,
            f"There is {others[0]}, but only the TOML form is edited. {_CONVERT}"
            if others
            else "Write it with 'fly launch --no-deploy', or let it be created with the options create and app.",
        )
    if not path.parent.is_dir():
        raise InputError(str(path.parent), "there is no such folder", "Give the folder of the app's source.")
    return None


_CONVERT = "Convert it with 'fly config show --local --toml'."


def _app_name(app: str | None, path: Path) -> str:
    if not app:
        raise InputError(str(path), "it is to be created, and for which app is not said", "Give the option app.")
    return app


def _unused_port(text: str) -> int:
    """Return a port that O(text) does not name, to stand for the one that is not known yet."""
    return next(port for port in range(65535, 0, -1) if str(port) not in text)


def _port(port: int | None) -> int | None:
    if port is not None and not 0 < port < 65536:
        raise InputError("internal_port", f"{port} is no port", "Give a number from 1 to 65535.")
    return port


def _formation(formation: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the dynos by process group, whose names are in lower case."""
    for name, dynos in formation.items():
        if not isinstance(dynos, Mapping):
            raise InputError(f"formation.{name}", "it is no dict", "Give quantity and size, as in Heroku's formation.")
    return {str(name).lower(): dynos for name, dynos in formation.items()}


def _machines(machines: Mapping[str, Any] | None) -> dict[str, list[str]] | None:
    if machines is None:
        return None
    for group, ids in machines.items():
        if not isinstance(ids, list):
            raise InputError(f"machines.{group}", "it is no list", "Give the ids of its Machines as a list.")
    return {str(group): [str(machine) for machine in ids] for group, ids in machines.items()}


def _check_writable(path: Path) -> None:
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise InputError(str(path), f"it is a link into {folder}, which is no folder", "Correct the link.")
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise InputError(str(path), "it can not be written", "Allow it, or run as its owner.")
    if not os.access(folder, os.W_OK):
        raise InputError(str(path), f"the folder {folder} can not be written", "Allow it, or run as its owner.")


def _write(module: AnsibleModule, path: Path, text: str) -> None:
    target = os.path.realpath(path)  # a symbolic link stays one
    # Beside the file, so that the last step is a rename and nobody ever sees half of it.
    handle, temporary = tempfile.mkstemp(prefix=".fly.toml.", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        module.atomic_move(temporary, target)
    finally:
        module.cleanup(temporary)
