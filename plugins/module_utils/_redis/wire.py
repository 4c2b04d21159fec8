# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One connection of the library redis, whose answers are read as a transfer needs them.

A transfer has millions of commands and keys of hundreds of megabytes. So everything is bytes, an error is a value,
answers can be waited for later, while the server works, and a large one can be passed on as it comes, without ever
being held. The library connects, encrypts and sends; O(_Answers) is the parser that it is given.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from io import BufferedReader
from typing import Any, Union, cast

CONNECT_TIMEOUT = 20  # seconds
SOCKET_TIMEOUT = 120
_BUFFER = 1 << 18

Argument = Union[bytes, str, int]
Command = Sequence[Argument]


class Missing(Exception):
    """The library is not installed."""


class Refused(Exception):
    """The server's answer to a command is an error. Its text may quote arguments; kind and command do not."""

    origin: Connection | None = None
    command = ""

    @property
    def kind(self) -> str:
        """The first word: WRONGTYPE, OOM, NOPERM, or plain ERR."""
        return str(self).split(" ", 1)[0]

    @property
    def has_moved(self) -> bool:
        """Whether the key now holds something else, or is gone."""
        return self.kind == "WRONGTYPE" or self.says("no such key")

    @property
    def is_about_the_server(self) -> bool:
        """Whether the server would refuse other commands too: it is full, or still loads its data."""
        return self.kind in ("OOM", "LOADING")

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
        return _taken(self.value)


class _Answers:
    """Reads answers from a connection's socket; it has the interface of what the library calls a parser.

    An answer is bytes, int, None, a list, or Refused. Raises OSError, and ValueError for what is not an answer.
    """

    def __init__(self, socket_read_size: int) -> None:
        self._size = socket_read_size
        self._reader: BufferedReader | None = None

    def on_connect(self, connection: Any) -> None:
        """Begin to read from the socket of the library's connection."""
        self._reader = cast(BufferedReader, connection._sock.makefile("rb", self._size))

    def on_disconnect(self) -> None:
        """Let go of the socket."""
        if self._reader:
            self._reader.close()

    def can_read(self, timeout: float) -> bool:
        """Return whether an unread answer waits: never, because every answer that was asked for is read."""
        return False

    def read_response(self, disable_decoding: bool = False, **options: Any) -> Any:
        """Return the next answer."""
        return self.next()

    def next(self) -> Any:
        """Return the next answer."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return self._string(int(rest))
        if kind == b"*":
            count = int(rest)
            return [self.next() for _item in range(count)] if count >= 0 else None
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if kind == b"-":
            return _refusal(rest)
        raise ValueError

    def length(self) -> int:
        """Return the length of the string that comes next, -1 for none; raises Refused."""
        line = self._line()
        if line[:1] == b"-":
            raise _refusal(line[1:])
        if line[:1] != b"$":
            raise ValueError
        return int(line[1:])

    def parts(self, length: int) -> Iterator[bytes]:
        """Yield a string of O(length) bytes as it comes, without its end of line."""
        while length > 0:
            part = self._read(min(length, self._size))
            length -= len(part)
            yield part
        if length == 0:
            self._read(2)

    def _line(self) -> bytes:
        line = self._open.readline()
        if not line:
            raise ConnectionError
        if line[-2:] != b"\r\n":
            raise ValueError
        return line[:-2]

    @property
    def _open(self) -> BufferedReader:
        if self._reader is None or self._reader.closed:
            raise ConnectionError
        return self._reader

    def _string(self, length: int) -> bytes | None:
        return self._read(length + 2)[:-2] if length >= 0 else None

    def _read(self, length: int) -> bytes:
        data = self._open.read(length)
        if len(data) < length:
            raise ConnectionError
        return data


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
        """Connect, and log in if O(login), a user and a password, is not empty; raises Missing, Broken and Refused."""
        try:
            library = import_module("redis")
        except ImportError:
            raise Missing from None
        self._awaited: deque[Later] = deque()
        self._failures = (library.exceptions.RedisError, OSError, ValueError)
        self._answers = _Answers(_BUFFER)
        kind = library.connection.SSLConnection if tls else library.connection.Connection
        self._connection = kind(
            host=host,
            port=port,
            protocol=2,
            socket_connect_timeout=connect_timeout,
            socket_timeout=timeout,
            socket_keepalive=True,
            parser_class=lambda socket_read_size: self._answers,
            # Heroku's certificates are self-signed; its own client does not verify them either.
            **({"ssl_cert_reqs": "none", "ssl_check_hostname": False} if tls else {}),
        )
        try:
            self._connection.connect()
        except self._failures as error:
            raise self._broken(error) from None
        if login[1]:
            self._log_in(*login)

    def close(self) -> None:
        """Close it."""
        self._connection.disconnect()

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
        return [_taken(answer) for answer in self.pipe(commands)]

    def together(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one transaction and return their answers; raises Refused."""
        if not commands:
            return []
        return [_taken(answer) for answer in self.checked([["MULTI"], *commands, ["EXEC"]])[-1]]

    def read_until(self, wanted: Later) -> None:
        """Read answers, which come in the order of their commands, up to O(wanted)."""
        while not wanted.read:
            later = self._awaited.popleft()
            try:
                answer = self._answers.next()
            except self._failures as error:
                raise self._broken(error) from None
            later.value, later.read = self._named(answer, later.command), True

    def stream(self, *command: Argument) -> tuple[int, Iterator[bytes]]:
        """Send a command whose answer is one string; return its length, -1 for none, and its parts as they come.

        All parts have to be taken before anything else is asked. Raises Refused.
        """
        if self._awaited:
            self.read_until(self._awaited[-1])
        self._send(packed(command))
        try:
            length = self._answers.length()
        except self._failures as error:
            raise self._broken(error) from None
        except Refused as refused:
            raise self._named(refused, str(command[0])) from None
        return length, self._parts(length)

    def send_stream(self, command: Command, length: int, parts: Iterable[bytes], after: Command = ()) -> Any:
        """Send a command with one more argument, of O(length) bytes, that comes in parts; return the answer."""
        head = b"*%d\r\n" % (len(command) + 1 + len(after)) + arguments(command)
        self._send(head + b"$%d\r\n" % length)
        for part in parts:
            self._send(part)
        self._send(b"\r\n" + arguments(after))
        return self._await(str(command[0])).get()

    def refused(self, text: bytes, command: str) -> Refused:
        """Return O(text) as an error of this server."""
        return cast(Refused, self._named(_refusal(text), command))

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
            self._connection.send_packed_command([data], check_health=False)
        except self._failures as error:
            raise self._broken(error) from None

    def _parts(self, length: int) -> Iterator[bytes]:
        try:
            yield from self._answers.parts(length)
        except self._failures as error:
            raise self._broken(error) from None

    def _named(self, answer: Any, command: str) -> Any:
        """Return an answer whose errors know the connection and the command."""
        if isinstance(answer, Refused):
            answer.origin, answer.command = self, command
        elif isinstance(answer, list):
            for item in answer:
                self._named(item, command)
        return answer

    def _broken(self, error: Exception) -> Broken:
        cause = error.__cause__ or error
        late = isinstance(cause, socket.timeout) or type(error).__name__ == "TimeoutError"
        broken = Broken("the server took too long to answer" if late else type(cause).__name__)
        broken.origin = self
        return broken


def _refusal(text: bytes) -> Refused:
    return Refused(text.decode("utf-8", "replace"))


def _taken(answer: Any) -> Any:
    """Return an answer; raises it if it is a Refused."""
    if isinstance(answer, Refused):
        raise answer
    return answer


def packed(command: Command) -> bytes:
    """Return a command as it is sent."""
    return b"*%d\r\n" % len(command) + arguments(command)


def arguments(given: Iterable[Argument]) -> bytes:
    """Return arguments as they are sent, without the line that counts them."""
    parts: list[bytes] = []
    for argument in given:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts += (b"$%d\r\n" % len(data), data, b"\r\n")
    return b"".join(parts)
