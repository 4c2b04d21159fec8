# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines as real processes: each runs its group's command with the app's secrets in its environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..processes import LOOPBACK, answers, free_port, spawn, stop
from ..wire import new_id, now
from . import cnb

# Printed by Fly's init; flyctl reads a release command's log up to this line.
ENDED = " INFO Main child exited normally"


class App(Protocol):
    """What a Machine's process gets from its app."""

    name: str
    secrets_version: int

    def secret_values(self) -> dict[str, str]:
        """Return all secrets in plain text."""


@dataclass
class Lease:
    """One client's temporary right to change a Machine."""

    nonce: str
    expires_at: int
    owner: str = "owner@example.com"


def _words(given: list[str] | str | None) -> list[str]:
    return shlex.split(given) if isinstance(given, str) else list(given or [])


@dataclass
class Machine:
    """One Machine and its process."""

    app: App
    id: str
    name: str
    region: str
    config: dict[str, Any]
    image_folder: Path
    image_digest: str
    folder: Path
    state: str = "created"
    instance_id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    secrets_version: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    lease: Lease | None = None
    cordoned: bool = False

    @property
    def group(self) -> str:
        """The process group."""
        return str((self.config.get("metadata") or {}).get("fly_process_group", "app"))

    @property
    def url(self) -> str:
        """Where the Machine's service answers, "" if it has none."""
        return f"http://{LOOPBACK}:{self.port}" if self.port and self.state == "started" else ""

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.folder / "log"

    def environment(self) -> dict[str, str]:
        """Return the process's environment; secrets win over [env], as on Fly."""
        path = [
            self.image_folder / "bin",
            Path(sys.executable).parent,
            Path("/usr/local/bin"),
            Path("/usr/bin"),
            Path("/bin"),
        ]
        environment = {
            "PATH": os.pathsep.join(map(str, path)),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            **{name: str(value) for name, value in (self.config.get("env") or {}).items()},
            **self.app.secret_values(),
            "FLY_APP_NAME": self.app.name,
            "FLY_MACHINE_ID": self.id,
            "FLY_REGION": self.region,
            "FLY_PROCESS_GROUP": self.group,
            "FLY_MACHINE_VERSION": self.instance_id,
        }
        if self.port:
            # All Machines share this computer's loopback, so each gets its own port.
            environment["PORT"] = str(self.port)
        return environment

    def start(self) -> None:
        """Start the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port() if self.config.get("services") else 0
        self.secrets_version = self.app.secrets_version
        command = self._command()
        try:
            self.process = spawn(command, self.log, self.environment(), folder=self.image_folder)
        except OSError as error:
            self.log.write_text(f"could not start {command[0]}: {error.strerror}\n")
            self._exited(127)
            return
        self.state, self.started_at, self.updated_at = "started", time.monotonic(), now()
        self.note("start", "started", "flyd")

    def stop(self) -> None:
        """Stop the process as the configuration says."""
        self.refresh()
        if self.process and self.state == "started":
            stop(self.process, patience=5)
            self._exited(0, requested=True)

    def refresh(self) -> None:
        """Record that the process has ended."""
        if self.process and self.state == "started" and self.process.poll() is not None:
            self._exited(int(self.process.returncode))

    def note(self, kind: str, status: str, source: str, **request: Any) -> None:
        """Add an event, newest first. flyctl looks for a start after the launch, and an exit after the start."""
        event = {"type": kind, "status": status, "source": source, "timestamp": int(time.time() * 1000)}
        self.events.insert(0, {**event, "request": request} if request else event)

    def current_lease(self) -> Lease | None:
        """Return the current lease, if any."""
        if self.lease and self.lease.expires_at < time.time():
            self.lease = None
        return self.lease

    def run(self, command: list[str], timeout: float) -> dict[str, Any]:
        """Run a command alongside the process, with the same environment."""
        try:
            done = subprocess.run(
                command,
                env=self.environment(),
                cwd=self.image_folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"exit_code": 124, "stderr": "deadline exceeded"}
        except OSError as error:
            return {"exit_code": 127, "stderr": f"{command[0]}: {error.strerror}"}
        found = {
            "exit_code": max(done.returncode, 0),
            "exit_signal": max(-done.returncode, 0),
            "stdout": done.stdout.decode(errors="replace"),
            "stderr": done.stderr.decode(errors="replace"),
        }
        return {key: value for key, value in found.items() if value}

    def checks(self) -> list[dict[str, Any]]:
        """Run the service's health checks now."""
        found = []
        for service in self.config.get("services") or []:
            for number, check in enumerate(service.get("checks") or []):
                passing, output = self._ask(check)
                status = "passing" if passing else "critical"
                name = f"servicecheck-{number:02}-{check.get('type', 'http')}-{service.get('internal_port')}"
                found.append({"name": name, "status": status, "output": output, "updated_at": now()})
        return found

    def describe(self) -> dict[str, Any]:
        """Return the Machine as the API shows it. Call it in a thread, because it runs the checks."""
        self.refresh()
        repository, _colon, tag = str(self.config.get("image", "")).partition("@")[0].rpartition(":")
        registry, _slash, name = repository.partition("/")
        image = {"registry": registry, "repository": name, "tag": tag, "digest": self.image_digest, "labels": {}}
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "region": self.region,
            "image_ref": image,
            "instance_id": self.instance_id,
            "private_ip": "fdaa::3",
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "config": self.config,
            "events": self.events,
            "checks": self.checks() if self.state == "started" else [],
            "host_status": "ok",
            "cordoned": self.cordoned,
        }

    def processes(self) -> list[dict[str, Any]]:
        """Return the Machine's process with the socket that it is taken to listen on inside the Machine."""
        self.refresh()
        if not self.process or self.state != "started":
            return []
        ports = [service.get("internal_port") for service in self.config.get("services") or []]
        listening = ports if self.port and answers(self.port) else []
        return [
            {
                "pid": self.process.pid,
                "stime": 0,
                "rtime": int(time.monotonic() - self.started_at),
                "command": " ".join(self._command()),
                "directory": "/rails",
                "cpu": 0,
                "rss": 0,
                "listen_sockets": [{"proto": "tcp", "address": f"0.0.0.0:{port}"} for port in listening],
            }
        ]

    def _command(self) -> list[str]:
        init = self.config.get("init") or {}
        if init.get("exec"):
            return _words(init["exec"])
        command = _words(init.get("cmd"))
        if cnb.is_cnb(self.image_folder):
            return cnb.argv(self.image_folder, _words(init.get("entrypoint")), command)
        # A Dockerfile's ENTRYPOINT is ignored, because its path is inside the image.
        return command or self._default_command()

    def _default_command(self) -> list[str]:
        """Return the CMD of the Dockerfile."""
        paths = [self.image_folder / name for name in ("Dockerfile", "dockerfile")]
        text = next((path.read_text() for path in paths if path.exists()), "")
        found = re.findall(r"^CMD\s+(\[.*\])\s*$", text, re.MULTILINE)
        return [str(part) for part in json.loads(found[-1])] if found else ["false"]

    def _exited(self, code: int, requested: bool = False) -> None:
        self.state, self.updated_at = "stopped", now()
        if (self.config.get("auto_destroy")) is True:
            self.state = "destroyed"
        with self.log.open("a") as log:
            log.write(f"{ENDED} with code: {code}\n")
        # Zero values are omitted.
        codes = {"exit_code": code} if code else {}
        self.note("exit", "stopped", "flyd", exit_event={**codes, "requested_stop": requested, "exited_at": now()})

    def _ask(self, check: dict[str, Any]) -> tuple[bool, str]:
        if check.get("type") == "tcp":
            return answers(self.port), ""
        headers = {
            entry["name"]: ", ".join(entry["values"]) for entry in check.get("headers") or [] if entry.get("values")
        }
        request = urllib.request.Request(
            f"http://{LOOPBACK}:{self.port}{check.get('path', '/')}",
            method=str(check.get("method") or "GET").upper(),
            headers=headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return True, f"{answer.status}"
        except urllib.error.HTTPError as error:
            return False, f"{error.code} {error.read(500).decode(errors='replace')}"
        except OSError as error:
            return False, str(error)

    def log_lines(self) -> list[str]:
        """Return what the process printed."""
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
