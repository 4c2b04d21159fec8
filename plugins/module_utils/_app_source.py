# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What the folder of an app's source tells about how to run it on Fly."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._errors import InputError

_EXPOSE = re.compile(r"^\s*EXPOSE\s+(?:.*\s)?(\d+)(?:/tcp)?\s*$", re.IGNORECASE | re.MULTILINE)
_WORKDIR = re.compile(r"^\s*WORKDIR\s+[\"']?(/[\w./-]*)", re.IGNORECASE | re.MULTILINE)
# Rails 7.1 and later: get "up" => "rails/health#show"
_HEALTH = re.compile(r"^\s*get\s*\(?\s*[\"']/?([\w/-]+)[\"']\s*(?:=>|,\s*to:)\s*[\"']rails/health#show", re.MULTILINE)


@dataclass(frozen=True)
class AppSource:
    """What was found."""

    dockerfile: bool = False
    exposed_port: int | None = None
    """As flyctl reads C(EXPOSE): 8000 is added to a port that only root may listen on."""
    health_path: str = ""
    console_command: str = ""


def look_at(folder: Path, dockerfile: str | None = None) -> AppSource:
    """Look at the app in O(folder), whose C(Dockerfile) may be called otherwise; what is not there tells nothing."""
    path = folder / (dockerfile or "Dockerfile")
    docker = _text(path)
    ports = [int(port) for port in _EXPOSE.findall(docker)]
    port = ports[-1] if ports else None
    routes = _HEALTH.search(_text(folder / "config" / "routes.rb"))
    workdirs = _WORKDIR.findall(docker)
    # fly console starts in /, not in the image's WORKDIR.
    console = (
        f"{workdirs[-1].rstrip('/')}/bin/rails console" if workdirs and (folder / "bin" / "rails").is_file() else ""
    )
    return AppSource(
        dockerfile=path.is_file(),
        exposed_port=port + 8000 if port and port < 1024 else port,
        health_path=f"/{routes.group(1)}" if routes else "",
        console_command=console,
    )


def read_text(path: Path, remedy: str) -> str:
    """Return the file's text with its line breaks and BOM as they are.

    Raises InputError for one that is missing (with O(remedy)), is no file, can not be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", remedy) from None
    except IsADirectoryError:
        raise InputError(str(path), "it is a folder", "Give the path of the file in it.") from None
    except UnicodeDecodeError as error:
        raise InputError(
            str(path), f"it is not UTF-8 from byte {error.start + 1} on", "Save the file in UTF-8."
        ) from None
    except OSError as error:
        raise InputError(str(path), f"it can not be read: {os.strerror(error.errno or 0)}", "Correct that.") from None


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() and os.access(path, os.R_OK) else ""
