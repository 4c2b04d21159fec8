# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One connection of the library redis: a few hundred commands in one write, their answers in one read.

A transfer has millions of commands, and looks at each answer itself: an error is a value here, and everything is bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Union

CONNECT_TIMEOUT = 20  # seconds
SOCKET_TIMEOUT = 120

Argument = Union[bytes, str, int]
Command = Sequence[Argument]

# The library cuts the first word of these off the text, and has a class of its own for each instead.
_CLASSES = {
    "ExecAbortError": "EXECABORT",
    "NoPermissionError": "NOPERM",
    "NoScriptError": "NOSCRIPT",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "AuthenticationError": "NOAUTH",
}


class Missing(Exception):
    """The library is not installed."""


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
        """Connect, and log in where O(login), a user and a password, has one; raises Missing, Broken and Refused."""
        try:
            library = import_module("redis")
        except ImportError:
            raise Missing from None
        self._errors = library.exceptions
        kind = library.connection.SSLConnection if tls else library.connection.Connection
        self._connection = kind(
            host=host,
            port=port,
            protocol=2,
            **({"username": login[0] or None, "password": login[1]} if login[1] else {}),
            socket_connect_timeout=connect_timeout,
            socket_timeout=timeout,
            socket_keepalive=True,
            # Heroku's certificates are signed by nobody; its own client does not verify them either.
            **({"ssl_cert_reqs": "none", "ssl_check_hostname": False} if tls else {}),
        )
        try:
            self._connection.connect()
        except (self._errors.ResponseError, self._errors.AuthenticationError) as error:
            raise self._refused(error) from None
        except (self._errors.RedisError, OSError) as error:
            raise self._broken(error) from None

    def close(self) -> None:
        """Close it."""
        self._connection.disconnect()

    def call(self, *command: Argument) -> Any:
        """Send one command and return its answer; raises Refused."""
        return self.checked([command])[0]

    def pipe(self, commands: Iterable[Command]) -> list[Any]:
        """Send all commands at once and return their answers; an error is a Refused among them."""
        sent = list(commands)
        try:
            self._connection.send_packed_command(self._connection.pack_commands(sent), check_health=False)
            return [self._answer() for _command in sent]
        except (self._errors.RedisError, OSError) as error:
            raise self._broken(error) from None

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
        try:
            answer = self._connection.read_response(disable_decoding=True, disconnect_on_error=False)
        except self._errors.ResponseError as error:
            return self._refused(error)
        except (self._errors.AuthenticationError, self._errors.BusyLoadingError) as error:
            raise self._refused(error) from None  # the library reads no further after these
        return self._plain(answer) if isinstance(answer, list) else answer

    def _plain(self, answer: Any) -> Any:
        """Return an answer with the errors in it as Refused: those of commands in a transaction stand in its list."""
        if isinstance(answer, list):
            return [self._plain(item) for item in answer]
        return self._refused(answer) if isinstance(answer, Exception) else answer

    def _refused(self, error: Exception) -> Refused:
        word = next((_CLASSES[each.__name__] for each in type(error).__mro__ if each.__name__ in _CLASSES), "")
        refused = Refused(f"{word} {error}" if word and not str(error).startswith(word) else str(error))
        refused.origin = self
        return refused

    def _broken(self, error: Exception) -> Broken:
        late = isinstance(error, self._errors.TimeoutError)
        broken = Broken("the server took too long to answer" if late else type(error.__cause__ or error).__name__)
        broken.origin = self
        return broken
