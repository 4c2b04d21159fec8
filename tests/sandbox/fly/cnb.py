# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an image of Heroku's Cloud Native Buildpacks starts a command: its ENTRYPOINT and the launcher.

After github.com/buildpacks/lifecycle (phase/exporter.go, launch/process.go, launch/bash.go) and
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
    """Let O(image), a folder, be known as made by buildpacks."""
    (image / MARK).touch()


def is_cnb(image: Path) -> bool:
    """Return whether buildpacks made O(image)."""
    return (image / MARK).exists()


def argv(image: Path, entrypoint: list[str], command: list[str]) -> list[str]:
    """Return what a container of O(image) runs; without O(entrypoint) it is the image's own."""
    processes = procfile(image)
    default = "web" if "web" in processes else next(iter(processes), "") if len(processes) == 1 else ""
    entrypoint = entrypoint or [f"{PROCESSES}/{default}" if default else LAUNCHER]
    program, arguments = PurePosixPath(entrypoint[0]), [*entrypoint[1:], *command]
    if str(program.parent) == PROCESSES and program.name in processes:
        # The line of the Procfile is what arguments replace; 'bash -c' before it stays.
        return ["bash", "-c", *(arguments or [processes[program.name]])]
    if str(program) not in (LAUNCHER, "launcher"):
        return [*entrypoint, *command]
    if not arguments:
        return ["sh", "-c", f"echo '{NO_COMMAND}'; exit 82"]
    if arguments[0] == "--" and len(arguments) > 1:
        return arguments[1:]
    if len(arguments) == 1:
        return ["bash", "-c", arguments[0]]
    # The launcher lets bash evaluate each word once more.
    words = " ".join(f'"$(eval echo \\"${{{number}}}\\")"' for number in range(len(arguments)))
    return ["bash", "-c", words, *arguments]
