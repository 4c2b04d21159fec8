# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fly.toml: what flyctl reads, what it refuses, and the Machine configuration that it makes from it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import tomllib

from .api import Failed

CPU_KINDS = {"shared": 256, "performance": 2048}  # MB per CPU


def configuration(arguments: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Return fly.toml's path and content, checked."""
    path = Path(arguments.config or "fly.toml").resolve()
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"failed to load {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise Failed(f"failed to parse {path}: {error}") from None
    for text in problems(config):
        raise Failed(f"App configuration is not valid: {text}")
    return path, config


def processes(config: dict[str, Any]) -> dict[str, str]:
    """Return [processes] in its modern form, with the default group if there is none."""
    given = config.get("processes") or {}
    if isinstance(given, list):
        given = {entry.get("name"): entry.get("command", "") for entry in given}
    return given or {"app": ""}


def services(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every service, including http_service."""
    http = config.get("http_service")
    return [*([{**http, "http": True}] if http else []), *(s for s in config.get("services") or [] if s)]


def problems(config: dict[str, Any]) -> list[str]:
    """Return what flyctl's own validation refuses (internal/appconfig/validation.go)."""
    found = []
    groups = processes(config)
    defined = bool(config.get("processes"))
    for service in services(config):
        named = service.get("processes") or []
        if defined and not named:
            found.append(
                f"Service has no processes set but app has {len(groups)} processes defined; update fly.toml to set "
                "processes for each service"
            )
        found += [f"Service specifies '{g}' as one of its processes, but no processes are defined with that name"
                  for g in named if g not in groups]  # fmt: skip
    for key in ("vm", "mounts", "restart", "statics", "files", "metrics"):
        sections = config.get(key)
        for section in sections if isinstance(sections, list) else []:
            found += [
                f"[[{key}]] names the unknown process group '{g}'"
                for g in section.get("processes") or []
                if g not in groups
            ]
    commands = dict(groups)
    if (config.get("deploy") or {}).get("release_command"):
        commands["release_command"] = config["deploy"]["release_command"]
    for name, command in commands.items():
        try:
            shlex.split(command)
        except ValueError as error:
            found.append(f"can't shell split command of {name}: {error}")
    strategy = (config.get("deploy") or {}).get("strategy", "rolling")
    if strategy not in ("rolling", "canary", "immediate", "bluegreen"):
        found.append(f"unsupported deployment strategy '{strategy}'")
    return found


def guest(config: dict[str, Any], group: str) -> dict[str, Any]:
    """Return a group's guest from [[vm]]."""
    sections = config.get("vm") or config.get("compute") or []
    sections = sections if isinstance(sections, list) else [sections]
    own = [s for s in sections if group in (s.get("processes") or [])] or [
        s for s in sections if not s.get("processes")
    ]
    section = own[0] if own else {}
    size = section.get("size", "shared-cpu-1x")
    kind = "performance" if size.startswith("performance") else "shared"
    cpus = int(section.get("cpus") or size.rstrip("x").rpartition("-")[2])
    memory = section.get("memory_mb") or section.get("memory") or CPU_KINDS[kind] * cpus
    if isinstance(memory, str):
        number = memory.lower().removesuffix("b")
        memory = int(float(number.rstrip("mg")) * (1024 if number.endswith("g") else 1))
    return {"cpu_kind": section.get("cpu_kind", kind), "cpus": cpus, "memory_mb": memory}


def machine_config(config: dict[str, Any], group: str, image: str, release: dict[str, Any]) -> dict[str, Any]:
    """Return a Machine's configuration for one group."""
    default = "app" if "app" in processes(config) else min(processes(config))
    found: dict[str, Any] = {
        "image": image,
        "env": {
            **{name: str(value) for name, value in (config.get("env") or {}).items()},
            "FLY_PROCESS_GROUP": group,
            "PRIMARY_REGION": config.get("primary_region", "iad"),
        },
        "guest": guest(config, group),
        "init": {},
        "metadata": {
            "fly_platform_version": "v2",
            "fly_process_group": group,
            "fly_release_id": str(release["id"]),
            "fly_release_version": str(release["version"]),
            "fly_flyctl_version": "sandbox",
        },
        "restart": {"policy": "on-failure", "max_retries": 10},
        "services": [
            {
                "protocol": service.get("protocol", "tcp"),
                "internal_port": int(service.get("internal_port") or 8080),
                "ports": service.get("ports") or [{"port": 80}, {"port": 443}],
                "checks": checks(service),
            }
            for service in services(config)
            if group in (service.get("processes") or [default])
        ],
    }
    command = processes(config)[group]
    if command:
        found["init"]["cmd"] = shlex.split(command)
    entrypoint = (config.get("experimental") or {}).get("entrypoint")
    if entrypoint:
        found["init"]["entrypoint"] = [entrypoint] if isinstance(entrypoint, str) else entrypoint
    if config.get("kill_signal"):
        found["stop_config"] = {"signal": config["kill_signal"], "timeout": str(config.get("kill_timeout", "5s"))}
    return found


def checks(service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a service's health checks."""
    http = [*(service.get("checks") or []), *(service.get("http_checks") or [])]
    return [
        {
            "type": "http",
            "method": check.get("method", "get"),
            "path": check.get("path", "/"),
            "headers": [{"name": n, "values": [v]} for n, v in (check.get("headers") or {}).items()],
        }
        for check in http
    ] + [{"type": "tcp"} for _check in service.get("tcp_checks") or []]


def region(config: dict[str, Any]) -> str:
    """Return the app's primary region."""
    return str(config.get("primary_region") or "iad")
