# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The Redis protocol (RESP2) on one connection: a few hundred commands in one write, their answers in one read.

A client library costs some 20 microseconds for each command in pure Python; a transfer has millions of them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Union

Argument = Union[bytes, str, int]
Command = Sequence[Argument]

BUFFER = 1 << 18


class Refused(Exception):
    """The server's answer to a command is an error. Its text may quote arguments: only O(kind) is fit to be shown."""

    origin: Connection | None = None

    @property
    def kind(self) -> str:
        """The first word: WRONGTYPE, OOM, NOPERM, or plain ERR."""
        return str(self).split(" ", 1)[0]

    def says(self, *parts: str) -> bool:
        """Return whether the text has one of O(parts)."""
        return any(part.lower() in str(self).lower() for part in parts)


class Broken(Exception):
    """The connection ended, took too long, or what came is not an answer of a Redis server."""

    origin: Connection | None = None


def packed(command: Command) -> bytes:
    """Return one command as bytes."""
    values = [argument if type(argument) is bytes else str(argument).encode() for argument in command]
    parts = [b"$%d\r\n%b\r\n" % (len(value), value) for value in values]
    return b"*%d\r\n" % len(parts) + b"".join(parts)


class Connection:
    """One connection to a server; answers are bytes, int, None, list, or Refused where an error is a value."""

    def __init__(self, host: str, port: int, tls: bool, connect_timeout: float, timeout: float) -> None:
        plain = socket.create_connection((host, port), connect_timeout)
        plain.settimeout(timeout)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            # Heroku's certificates are signed by nobody; its own client does not verify them either.
            self._socket = _unverified().wrap_socket(plain, server_hostname=host) if tls else plain
        except BaseException:
            plain.close()
            raise
        self._answers = self._socket.makefile("rb", buffering=BUFFER)

    def close(self) -> None:
        """Close it."""
        self._answers.close()
        self._socket.close()

    def call(self, *command: Argument) -> Any:
        """Send one command and return its answer; raises Refused."""
        return self.checked([command])[0]

    def pipe(self, commands: Iterable[Command]) -> list[Any]:
        """Send all commands at once and return their answers; an error is a Refused among them."""
        sent = [packed(command) for command in commands]
        try:
            self._socket.sendall(b"".join(sent))
            return [self._answer() for _command in sent]
        except (OSError, ValueError, Broken) as error:
            broken = Broken(str(error) if isinstance(error, Broken) else _plainly(error))
            broken.origin = self
            raise broken from None

    def checked(self, commands: Iterable[Command]) -> list[Any]:
        """Like C(pipe); raises the first Refused, after all answers were read."""
        answers = self.pipe(commands)
        for answer in answers:
            if isinstance(answer, Refused):
                raise answer
        return answers

    def together(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one transaction and return their answers; raises Refused."""
        if not commands:
            return []
        answers: list[Any] = self.checked([["MULTI"], *commands, ["EXEC"]])[-1]
        for answer in answers:
            if isinstance(answer, Refused):
                raise answer
        return answers

    def _answer(self) -> Any:
        line = self._answers.readline()
        if line == b"+OK\r\n":
            return b"OK"
        if line[-2:] != b"\r\n":
            raise Broken("the connection ended")
        kind, text = line[:1], line[1:-2]
        if kind == b"$":
            length = int(text)
            if length < 0:
                return None
            data = self._answers.read(length + 2)
            if len(data) != length + 2:
                raise Broken("the connection ended")
            return data[:-2]
        if kind == b":":
            return int(text)
        if kind == b"+":
            return text
        if kind == b"*":
            return None if text == b"-1" else [self._answer() for _item in range(int(text))]
        if kind == b"-":
            refused = Refused(text.decode("utf-8", "replace"))
            refused.origin = self
            return refused
        raise Broken("no answer of a Redis server")


def _plainly(error: Exception) -> str:
    return "the server took too long to answer" if isinstance(error, socket.timeout) else type(error).__name__


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
