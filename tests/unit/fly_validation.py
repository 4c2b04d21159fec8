# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether Fly takes a fly.toml: what flyctl says where there is one, and always its rules on process groups.

Those rules come from flyctl's internal/appconfig (validation.go, processgroups.go, patches.go).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import tomlkit

FLYCTL = shutil.which("flyctl")


def validate(path: Path, strict: bool = False) -> None:
    """Fail for a file that flyctl refuses; O(strict) refuses keys that it does not know, too."""
    data = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    processes = data["processes"]
    if isinstance(processes, list):  # legacy
        processes = {element["name"]: element["command"] for element in processes}
    assert processes
    for command in [*processes.values(), data.get("deploy", {}).get("release_command", "true")]:
        assert shlex.split(command)
    services = [service for service in _listed(data, "services") if any(service.values())]
    services += _listed(data, "http_service")
    for service in services:
        assert service["processes"], "Service has no processes set"
        assert set(service["processes"]) <= set(processes)
        assert 0 < int(service["internal_port"]) < 65536
    for name in ("mounts", "mount", "files", "restart", "vm", "compute", "metrics"):
        for table in _listed(data, name):
            assert set(table.get("processes", [])) <= set(processes)
    for check in data.get("checks", {}).values():
        assert set(check.get("processes", [])) <= set(processes)
    # The web process can only serve requests that reach it.
    ports = [table["PORT"] for table in _listed(data, "env") if "PORT" in table]
    assert not ports or str(ports[-1]) in {str(service["internal_port"]) for service in services}
    if FLYCTL is not None:
        _ask(FLYCTL, path, strict)


def _listed(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the tables called O(name), be it one or an array."""
    tables = data.get(name, [])
    return [tables] if isinstance(tables, dict) else list(tables)


def _ask(flyctl: str, path: Path, strict: bool) -> None:
    environment = {
        "PATH": os.defpath,
        "HOME": str(path.parent),
        "FLY_CONFIG_DIR": str(path.parent / "flyctl"),
        "FLY_API_TOKEN": "fo1_none",
        "FLY_API_BASE_URL": "http://127.0.0.1:9",
        "FLY_FLAPS_BASE_URL": "http://127.0.0.1:9",
        "FLY_NO_UPDATE_CHECK": "1",
        "FLY_SEND_METRICS": "0",
    }
    command = [flyctl, "config", "validate", "--app", "paper-crane", "--config", str(path)]
    command += ["--strict"] if strict else []
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
