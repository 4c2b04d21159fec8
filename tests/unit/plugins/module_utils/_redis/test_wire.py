# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a connection reads a server's answers, with a scripted server and the library redis."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Broken, Connection, Refused

pytest.importorskip("redis")

Connect = Callable[..., Connection]


class Server:
    """Accepts everything that the library announces, gives the scripted answer to the command LAST, and hangs up."""

    def __init__(self, answer: bytes, login: bytes) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._answer, self._login = answer, login
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listening, self._listening.accept()[0] as peer:
            while asked := peer.recv(1 << 16):
                if b"LAST" in asked:
                    peer.sendall(self._answer)
                    peer.shutdown(socket.SHUT_WR)
                    break
                peer.sendall(self._login if b"AUTH" in asked else b"+OK\r\n")
            # What the client still sends must not fail.
            with contextlib.suppress(ConnectionError):
                while peer.recv(1 << 16):
                    pass

    def end(self) -> None:
        self._thread.join()


@pytest.fixture
def connect() -> Iterator[Connect]:
    opened: list[Connection] = []
    servers: list[Server] = []

    def connect(answer: bytes, login: bytes = b"+OK\r\n", password: str = "") -> Connection:
        servers.append(Server(answer, login))
        opened.append(Connection("127.0.0.1", servers[-1].port, False, ("", password)))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
    for server in servers:
        server.end()


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (b"+OK\r\n", b"OK"),
        (b":-7\r\n", -7),
        (b"$4\r\na\r\nb\r\n", b"a\r\nb"),
        (b"$0\r\n\r\n", b""),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+x\r\n", [b"a", [1, None], b"x"]),
    ],
)
def test_answer(connect: Connect, answer: bytes, value: object) -> None:
    assert connect(answer).call("LAST") == value


def test_error_knows_its_kind_and_its_command_but_not_in_its_text(connect: Connect) -> None:
    with pytest.raises(Refused) as refused:
        connect(b"-WRONGTYPE not that\r\n").call("LAST", "key")
    assert (refused.value.kind, refused.value.command) == ("WRONGTYPE", "LAST")


def test_error_in_a_list_is_a_value(connect: Connect) -> None:
    connection = connect(b"*2\r\n:1\r\n-OOM full\r\n")
    first, second = connection.call("LAST")
    assert first == 1
    assert isinstance(second, Refused)
    assert (second.kind, second.origin) == ("OOM", connection)


def test_answers_come_in_the_order_of_their_commands(connect: Connect) -> None:
    connection = connect(b":1\r\n:2\r\n:3\r\n")
    first, second, third = (connection.begin(word) for word in ("LAST", "LAST", "LAST"))
    assert (third.get(), first.get(), second.get()) == (3, 1, 2)


@pytest.mark.parametrize(
    "answer", [b"", b"$4\r\nab", b"*2\r\n$1\r\na\r\n$4\r\nab", b"HTTP/1.1 400 Bad Request\r\n", b"$4x\r\n", b"+half"]
)
def test_what_is_not_an_answer_ends_the_connection(connect: Connect, answer: bytes) -> None:
    with pytest.raises(Broken):
        connect(answer).call("LAST")


def test_stream_comes_in_parts_and_is_followed_by_the_next_answer(connect: Connect) -> None:
    value = bytes(range(256)) * 4096
    connection = connect(b"$%d\r\n%s\r\n:9\r\n" % (len(value), value))
    length, parts = connection.stream("LAST")
    taken = list(parts)
    assert (length, b"".join(taken)) == (len(value), value)
    assert len(taken) > 1
    assert connection._answers.next() == 9


@pytest.mark.parametrize(("answer", "kind"), [(b"-NOPERM no\r\n", "NOPERM"), (b"-ERR unknown\r\n", "ERR")])
def test_stream_that_is_refused(connect: Connect, answer: bytes, kind: str) -> None:
    with pytest.raises(Refused) as refused:
        connect(answer).stream("LAST")
    assert refused.value.kind == kind


def test_stream_of_nothing(connect: Connect) -> None:
    length, parts = connect(b"$-1\r\n").stream("LAST")
    assert (length, list(parts)) == (-1, [])


def test_wrong_password_is_an_error_of_the_server(connect: Connect) -> None:
    with pytest.raises(Refused) as refused:
        connect(b"", login=b"-WRONGPASS invalid username-password pair\r\n", password="tulip")
    assert refused.value.kind == "WRONGPASS"
    assert "tulip" not in str(refused.value)
