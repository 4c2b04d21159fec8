# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-off dynos: their commands really run, in the app's source folder, attached through a TLS rendezvous server.

The rendezvous server receives an id and CR LF and answers with a line; after that the connection is the dyno's
terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from ..processes import LOOPBACK, dying_with_parent, free_port
from ..tls import Certificate
from ..wire import new_id

# How long a dyno waits for its client, and how long a command may take to exit before it is killed (seconds).
ATTACH_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0
CHUNK = 65536
# What a dyno runs before its command: buildpacks put their settings in .profile.d.
PROFILE = "for file in .profile.d/*.sh .profile; do [ -r $file ] && . ./$file; done; "


class OneOffDyno:
    """A command that runs once, with a terminal or a socket as its input and output."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str], terminal: bool) -> None:
        """Take the app's O(environment); the rest comes from here."""
        path = [folder / "bin", Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin"]
        self._command = ["bash", "-c", PROFILE + command]
        self._folder = folder
        self._environment = {
            "PATH": os.pathsep.join(map(str, path)),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            **environment,
        }
        self._terminal = terminal
        self._process: asyncio.subprocess.Process | None = None
        self.ended = False

    async def run(self, reader: asyncio.StreamReader | None = None, writer: asyncio.StreamWriter | None = None) -> None:
        """Run to the end; without a client, its output is lost, because there is no log here."""
        if self.ended:
            return
        ours, theirs = pty.openpty() if self._terminal else _socket_pair()
        try:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    cwd=self._folder,
                    env=self._environment,
                    stdin=theirs,
                    stdout=theirs,
                    stderr=theirs,
                    start_new_session=True,
                    preexec_fn=dying_with_parent(signal.SIGKILL),
                )
            finally:
                os.close(theirs)
            typing = asyncio.ensure_future(self._type(ours, reader)) if reader else None
            while printed := await _read(ours):
                if writer:
                    writer.write(printed)
                    await writer.drain()
            await self._process.wait()
            if typing:
                typing.cancel()
        except OSError:
            self.signal(signal.SIGHUP)  # the client hung up
        finally:
            os.close(ours)
            self.ended = True

    async def stop(self) -> None:
        """End the command and everything that it started."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            if self._process:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        self.signal(signal.SIGKILL)
        self.ended = True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command's whole session."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _type(self, ours: int, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while typed := await reader.read(CHUNK):
                os.write(ours, typed)
        self.signal(signal.SIGHUP)  # disconnecting ends the dyno


class Rendezvous:
    """The server where clients meet their dynos."""

    def __init__(self, certificate: Certificate) -> None:
        """Take a certificate for loopback."""
        self.certificate = certificate
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._expected: dict[str, OneOffDyno] = {}
        self._dynos: list[OneOffDyno] = []
        self._tasks: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(
            self._meet, LOOPBACK, self._port, ssl=self.certificate.server_context()
        )

    async def close(self) -> None:
        """End the server and every dyno."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(dyno.stop() for dyno in self._dynos if not dyno.ended))

    def run(self, dyno: OneOffDyno, seconds: float, attach: bool) -> str | None:
        """Run a dyno for at most O(seconds), at once or when its client connects; return the URL to connect to."""
        self._dynos.append(dyno)
        self._soon(self._end(dyno, seconds))
        if not attach:
            self._soon(dyno.run())
            return None
        identity = new_id()
        self._expected[identity] = dyno
        self._soon(self._give_up(identity))
        return f"rendezvous://{LOOPBACK}:{self._port}/{identity}"

    def launch(self, folder: Path, command: str, environment: Mapping[str, str]) -> OneOffDyno:
        """Start a dyno of the formation, which has no time limit and no terminal."""
        # exec replaces the shell, so that the command itself gets the signal and can take its time to exit.
        dyno = OneOffDyno(f"exec {command}", folder, environment, terminal=False)
        self._dynos.append(dyno)
        self._soon(dyno.run())
        return dyno

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError):
            line = await asyncio.wait_for(reader.readline(), ATTACH_TIMEOUT)
            dyno = self._expected.pop(line.decode("ascii", "replace").rstrip("\r\n"), None)
            if dyno:
                writer.write(b"rendezvous\r\n")
                await writer.drain()
                await dyno.run(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _give_up(self, identity: str) -> None:
        await asyncio.sleep(ATTACH_TIMEOUT)
        dyno = self._expected.pop(identity, None)
        if dyno:
            await dyno.stop()

    async def _end(self, dyno: OneOffDyno, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not dyno.ended:
            await dyno.stop()

    def _soon(self, work: object) -> None:
        task: asyncio.Future[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _socket_pair() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


async def _read(descriptor: int) -> bytes:
    """Return the next chunk, b"" at the end, which a terminal reports as an error."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
    try:
        return os.read(descriptor, CHUNK)
    except OSError:
        return b""
