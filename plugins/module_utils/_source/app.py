# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What an app's source folder says about how to run it on Fly."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError

_EXPOSE = re.compile(r"^\s*EXPOSE\s+(?:.*\s)?(\d+)(?:/tcp)?\s*$", re.IGNORECASE | re.MULTILINE)
_WORKDIR = re.compile(r"^\s*WORKDIR\s+[\"']?(/[\w./-]*)", re.IGNORECASE | re.MULTILINE)
_ENTRYPOINT = re.compile(r"^\s*ENTRYPOINT\s+(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_ARGUMENTS = re.compile(r"\$\{?[@*1]")
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")
# Rails 7.1 and later: get "up" => "rails/health#show"
_HEALTH = re.compile(r"^\s*get\s*\(?\s*[\"']/?([\w/-]+)[\"']\s*(?:=>|,\s*to:)\s*[\"']rails/health#show", re.MULTILINE)
# The table of heroku/deb-packages, which replaces an Aptfile.
_DEB_PACKAGES = "com.heroku.buildpacks.deb-packages"

# In check mode, for what depends on a Dockerfile that an earlier task would write.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class AppSource:
    """What was found."""

    dockerfile: str = ""
    """Its name, if flyctl finds it."""
    exposed_port: int | str | None = None
    """As flyctl reads C(EXPOSE): a port that only root may use gets 8000 added. Or UNKNOWN."""
    health_path: str = ""
    console_command: str = ""
    """In an image built from the C(Dockerfile)."""
    rails: bool = False
    """Whether C(bin/rails) exists."""
    deaf_entrypoint: str = ""
    """The C(ENTRYPOINT), if it does not run the command that it is given."""
    prepares_database: bool = False
    """Whether the C(ENTRYPOINT) is Rails' own, which runs C(db:prepare) before C(./bin/rails server)."""
    aptfile: bool = False
    """Whether there is one whose packages are not also listed in C(project.toml)."""


def look_at(folder: Path, dockerfile: str | None = None) -> AppSource:
    """Return what the app in O(folder) says; O(dockerfile) is its C(Dockerfile)'s name, if it has another one."""
    names = [dockerfile] if dockerfile else ["Dockerfile", "dockerfile"]
    name = next((name for name in names if (folder / name).is_file()), "")
    docker = _CONTINUED.sub(" ", _text(folder / name)) if name else ""
    ports = [int(port) for port in _EXPOSE.findall(docker)]
    port = ports[-1] if ports else None
    routes = _HEALTH.search(_text(folder / "config" / "routes.rb"))
    workdirs = _WORKDIR.findall(docker)
    rails = (folder / "bin" / "rails").is_file()
    # fly console starts in /, not in the image's WORKDIR.
    console = f"{workdirs[-1].rstrip('/')}/bin/rails console" if workdirs and rails else ""
    entrypoint = " ".join((_ENTRYPOINT.findall(docker) or [""])[-1].split())
    script = _entrypoint_script(folder, entrypoint, workdirs[-1] if workdirs else "/")
    return AppSource(
        dockerfile=name,
        exposed_port=port + 8000 if port and port < 1024 else port,
        health_path=f"/{routes.group(1)}" if routes else "",
        console_command=console,
        rails=rails,
        deaf_entrypoint="" if script is None or _ARGUMENTS.search(script) else entrypoint,
        prepares_database="db:prepare" in (script or ""),
        aptfile=(folder / "Aptfile").is_file() and _DEB_PACKAGES not in _text(folder / "project.toml"),
    )


def awaited_dockerfile(found: AppSource) -> AppSource:
    """Return O(found) as it will be with the C(Dockerfile) that an earlier task would write."""
    return replace(found, dockerfile="Dockerfile", exposed_port=UNKNOWN, console_command=UNKNOWN if found.rails else "")


def _entrypoint_script(folder: Path, entrypoint: str, workdir: str) -> str | None:
    """Return the text of the shell script that an C(ENTRYPOINT) runs, or is itself; None if it is something else."""
    if not entrypoint:
        return None
    try:
        words = json.loads(entrypoint)
    except ValueError:
        return entrypoint  # docker runs it as sh -c ENTRYPOINT
    if not isinstance(words, list) or len(words) != 1:
        return None
    inside = PurePosixPath(workdir, str(words[0]))
    if not inside.is_relative_to(workdir) or ".." in inside.parts:
        return None
    text = _text(folder / inside.relative_to(workdir))
    return text if re.match(r"#!.*sh\b", text) else None


def read_text(path: Path, remedy: str) -> str:
    """Return the file's text with its line breaks and BOM unchanged.

    Raises InputError if it is missing (with O(remedy)), is not a file, cannot be read or is not UTF-8.
    """
    try:
        # Opening a named pipe would wait for whoever writes to it, and a device may never end.
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise InputError(
                str(path), "it is not a regular file", "Replace it with one: it may be a pipe or a device."
            )
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(str(path), "it does not exist", remedy) from None
    except IsADirectoryError:
        raise InputError(str(path), "it is a folder", "Give the path of the file in it.") from None
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"byte {error.start + 1} is not valid UTF-8", "Save the file as UTF-8.") from None
    except OSError as error:
        cause = f"it cannot be read ({os.strerror(error.errno or 0)})"
        raise InputError(str(path), cause, "Make it readable, or run as its owner.") from None


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() and os.access(path, os.R_OK) else ""
