# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Redis' protocol (RESP2), as much of it as a transfer needs: bytes in, bytes out, an error is a value.

A transfer has millions of commands and keys of hundreds of megabytes. So answers can be waited for later, while the
server works, and a large one can be passed on as it comes, without ever being held.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from typing import Any, Union, cast

CONNECT_TIMEOUT = 20  # seconds
SOCKET_TIMEOUT = 120
_BUFFER = 1 << 18

Argument = Union[bytes, str, int]
Command = Sequence[Argument]


class Refused(Exception):
    """The server's answer to a command is an error. Its text may quote arguments: O(kind) and O(command) do not."""

    origin: Connection | None = None
    command = ""

    @property
    def kind(self) -> str:
        """The first word: WRONGTYPE, OOM, NOPERM, or plain ERR."""
        return str(self).split(" ", 1)[0]

    @property
    def has_moved(self) -> bool:
        """Whether the key holds something else by now, or is gone."""
        return self.kind == "WRONGTYPE" or self.says("no such key")

    def says(self, *parts: str) -> bool:
        """Return whether the text has one of O(parts)."""
        return any(part.lower() in str(self).lower() for part in parts)


class Broken(Exception):
    """The connection ended, took too long, or what came is not an answer of a Redis server."""

    origin: Connection | None = None


class Later:
    """An answer that is waited for when it is needed."""

    def __init__(self, connection: Connection, command: str) -> None:
        self._connection, self.command = connection, command
        self.value: Any = None
        self.read = False

    def get(self) -> Any:
        """Return the answer; raises Refused."""
        self._connection.read_until(self)
        if isinstance(self.value, Refused):
            raise self.value
        return self.value


class Connection:
    """One connection to a server; answers are bytes, int, None, list, or Refused where an error is a value."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: bool,
        login: tuple[str, str],
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float = SOCKET_TIMEOUT,
    ) -> None:
        """Connect, and log in where O(login), a user and a password, has one; raises Broken and Refused."""
        self._awaited: deque[Later] = deque()
        try:
            self._socket = _connected(host, port, tls, connect_timeout)
            self._socket.settimeout(timeout)
            self._reader = cast(BufferedReader, self._socket.makefile("rb", _BUFFER))
        except OSError as error:
            raise self._broken(error) from None
        if login[1]:
            self._log_in(*login)

    def close(self) -> None:
        """Close it."""
        self._reader.close()
        self._socket.close()

    def call(self, *command: Argument) -> Any:
        """Send one command and return its answer; raises Refused."""
        return self.begin(*command).get()

    def begin(self, *command: Argument) -> Later:
        """Send one command, whose answer is waited for later."""
        return self.begin_packed(packed(command), str(command[0]))

    def begin_packed(self, request: bytes, name: str) -> Later:
        """Send a command that is packed already."""
        self._send(request)
        return self._await(name)

    def pipe(self, commands: Iterable[Command]) -> list[Any]:
        """Send all commands at once and return their answers; an error is a Refused among them."""
        sent = list(commands)
        if not sent:
            return []
        self._send(b"".join(map(packed, sent)))
        answers = [self._await(str(command[0])) for command in sent]
        self.read_until(answers[-1])
        return [answer.value for answer in answers]

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

    def read_until(self, wanted: Later) -> None:
        """Read answers, which come in the order of their commands, up to O(wanted)."""
        while not wanted.read:
            later = self._awaited.popleft()
            later.value, later.read = self._answer(later.command), True

    def stream(self, *command: Argument) -> tuple[int, Iterator[bytes]]:
        """Send a command whose answer is one string; return its length, -1 for none, and its parts as they come.

        All parts have to be taken before anything else is asked. Raises Refused.
        """
        if self._awaited:
            self.read_until(self._awaited[-1])
        self._send(packed(command))
        line = self._line()
        if line[:1] == b"-":
            raise self.refused(line[1:], str(command[0]))
        if line[:1] != b"$":
            raise self._broken(ValueError())
        length = self._number(line[1:])
        return length, self._parts(length)

    def send_stream(self, command: Command, length: int, parts: Iterable[bytes], after: Command = ()) -> Any:
        """Send a command with one more argument, of O(length) bytes, that comes in parts; return the answer."""
        head = b"*%d\r\n" % (len(command) + 1 + len(after)) + _arguments(command)
        self._send(head + b"$%d\r\n" % length)
        for part in parts:
            self._send(part)
        self._send(b"\r\n" + _arguments(after))
        return self._await(str(command[0])).get()

    def _log_in(self, user: str, password: str) -> None:
        answer = self.pipe([["AUTH", user, password] if user else ["AUTH", password]])[0]
        if user and isinstance(answer, Refused) and answer.says("wrong number of arguments"):
            answer = self.pipe([["AUTH", password]])[0]  # before Redis 6
        if isinstance(answer, Refused):
            self.close()
            raise answer

    def _await(self, command: str) -> Later:
        later = Later(self, command)
        self._awaited.append(later)
        return later

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._broken(error) from None

    def _parts(self, length: int) -> Iterator[bytes]:
        left = length + 2 if length >= 0 else 0
        while left > 2:
            part = self._read(min(left - 2, _BUFFER))
            left -= len(part)
            yield part
        if left:
            self._read(left)

    def _answer(self, command: str) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            length = self._number(rest)
            return self._read(length + 2)[:-2] if length >= 0 else None
        if kind == b"+":
            return rest
        if kind == b":":
            return self._number(rest)
        if kind == b"*":
            count = self._number(rest)
            return self._items(count, command) if count >= 0 else None
        if kind == b"-":
            return self.refused(rest, command)
        raise self._broken(ValueError())

    def _items(self, count: int, command: str) -> list[Any]:
        """Return a list's items; strings, of which there may be millions, are read without a detour."""
        readline, read, items = self._reader.readline, self._reader.read, []
        try:
            for _item in range(count):
                if self._reader.peek(1)[:1] != b"$":
                    items.append(self._answer(command))
                    continue
                length = int(readline()[1:])
                item = read(length + 2) if length >= 0 else None
                if item is not None and len(item) < length + 2:
                    raise ConnectionError
                items.append(item[:-2] if item is not None else None)
        except (OSError, ValueError) as error:
            raise self._broken(error) from None
        return items

    def _number(self, text: bytes) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise self._broken(error) from None

    def _line(self) -> bytes:
        try:
            line = self._reader.readline()
        except OSError as error:
            raise self._broken(error) from None
        if line[-2:] != b"\r\n":
            raise self._broken(ConnectionError() if not line else ValueError())
        return line[:-2]

    def _read(self, length: int) -> bytes:
        try:
            data = self._reader.read(length)
        except OSError as error:
            raise self._broken(error) from None
        if len(data) < length:
            raise self._broken(ConnectionError())
        return data

    def refused(self, text: bytes, command: str) -> Refused:
        """Return an error of this server's."""
        refused = Refused(text.decode("utf-8", "replace"))
        refused.origin, refused.command = self, command
        return refused

    def _broken(self, error: Exception) -> Broken:
        late = isinstance(error, socket.timeout)
        broken = Broken("the server took too long to answer" if late else type(error).__name__)
        broken.origin = self
        return broken


def packed(command: Command) -> bytes:
    """Return a command as it is sent."""
    return b"*%d\r\n" % len(command) + _arguments(command)


def _arguments(arguments: Iterable[Argument]) -> bytes:
    parts: list[bytes] = []
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts += (b"$%d\r\n" % len(data), data, b"\r\n")
    return b"".join(parts)


def _connected(host: str, port: int, tls: bool, timeout: float) -> socket.socket:
    plain = socket.create_connection((host, port), timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if not tls:
        return plain
    # Heroku's certificates are signed by nobody; its own client does not verify them either.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise
