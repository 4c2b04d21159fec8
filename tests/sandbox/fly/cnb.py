# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an image of Heroku's Cloud Native Buildpacks starts a command: its ENTRYPOINT and the launcher.

Modelled on github.com/buildpacks/lifecycle (phase/exporter.go, launch/process.go, launch/bash.go) and
github.com/heroku/buildpacks-procfile (src/launch.rs).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..scenario import procfile

LAUNCHER = "/cnb/lifecycle/launcher"
PROCESSES = "/cnb/process"
MARK = ".made-by-buildpacks"
NO_COMMAND = "ERROR: failed to launch: determine start command: when there is no default process a command is required"


def mark(image: Path) -> None:
    """Mark the folder O(image) as an image built by buildpacks."""
    (image / MARK).touch()


def is_cnb(image: Path) -> bool:
    """Return whether buildpacks built O(image)."""
    return (image / MARK).exists()


def argv(image: Path, entrypoint: list[str], command: list[str]) -> list[str]:
    """Return what a container of O(image) runs; without O(entrypoint), the image's own is used."""
    processes = procfile(image)
    default = "web" if "web" in processes else next(iter(processes), "") if len(processes) == 1 else ""
    entrypoint = entrypoint or [f"{PROCESSES}/{default}" if default else LAUNCHER]
    program, arguments = PurePosixPath(entrypoint[0]), [*entrypoint[1:], *command]
    if str(program.parent) == PROCESSES and program.name in processes:
        # Arguments replace the Procfile's line, but not 'bash -c' before it.
        return ["bash", "-c", *(arguments or [processes[program.name]])]
    if str(program) not in (LAUNCHER, "launcher"):
        return [*entrypoint, *command]
    if not arguments:
        return ["sh", "-c", f"echo '{NO_COMMAND}'; exit 82"]
    if arguments[0] == "--" and len(arguments) > 1:
        return arguments[1:]
    if len(arguments) == 1:
        return ["bash", "-c", arguments[0]]
    # The launcher makes bash evaluate each word once more.
    words = " ".join(f'"$(eval echo \\"${{{number}}}\\")"' for number in range(len(arguments)))
    return ["bash", "-c", words, *arguments]
