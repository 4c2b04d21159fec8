# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How fly.toml says to build the image, and how commands start in that kind of image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.document import Document
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import AppSource
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import (
    BUILDPACKS,
    DOCKERFILE,
    LAUNCHER,
    UNSAID,
    way,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import Processes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.text import TomlText

_ENTRYPOINT = ("experimental", "entrypoint")
_SERVER = ["./bin/rails", "server"]


def build_of(text: str, name: str) -> Mapping[str, Any]:
    """Return the table C([build]) from fly.toml's O(text); raises InputError if the text is not TOML."""
    build = TomlText(text, name).get(("build",))
    return build if isinstance(build, Mapping) else {}


def write_build(document: Document, wanted: str | None, processes: Processes, found: AppSource) -> None:
    """Write how to build the image, unless something already says so, and how commands start in that kind of image.

    O(wanted) is the builder to use if neither the file nor a Dockerfile says how.
    """
    build = document.toml.get(("build",)) or {}
    if not isinstance(build, Mapping):
        raise document.malformed("build", "a table")
    how = way(build, bool(found.dockerfile))
    if how == BUILDPACKS and wanted and build["builder"] != wanted:
        document.conflicts.append("builder")
        document.warn(f"[build] has the builder {build['builder']}, not {wanted}; it was kept.")
    elif how == UNSAID and wanted:
        document.toml.set(("build", "builder"), wanted)
        how = BUILDPACKS
    entrypoint = document.toml.get(_ENTRYPOINT)
    if how == BUILDPACKS:
        _write_launcher(document, entrypoint)
    elif how == DOCKERFILE and not entrypoint:
        _warn_of_entrypoint(document, processes, found)


def _write_launcher(document: Document, entrypoint: Any) -> None:
    if not entrypoint:
        document.toml.set(_ENTRYPOINT, LAUNCHER)
    elif entrypoint != LAUNCHER:
        document.conflicts.append("entrypoint")
        document.warn(
            "[experimental] entrypoint was kept. An image built by buildpacks has to run the commands "
            f"below through {' '.join(LAUNCHER)}."
        )


def _warn_of_entrypoint(document: Document, processes: Processes, found: AppSource) -> None:
    if found.deaf_entrypoint:
        document.warn(
            f"the Dockerfile's ENTRYPOINT {found.deaf_entrypoint} ignores the command that it is given, "
            'so every process group runs the same program. End it with exec "$@".'
        )
    for group, command in processes.commands.items():
        words = command.text.split()
        if found.prepares_database and _SERVER in (words[:2], words[-2:]):
            document.warn(
                f"the Dockerfile's ENTRYPOINT runs db:prepare whenever a Machine of {group!r} "
                "starts. On Heroku only the release process changes the database."
            )
