# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Columns of many keys, and fields that expire, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.columns import Columns, ahead
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.fields import Fields
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import name_of
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Refused

KEYS = [b"a", b"b", b"c", b"d"]
STRING, LIST, LEFT, GONE = 0, 14, 255, 254


def columns(*kinds: int, lists: bytes = b"") -> Columns:
    marks = b"".join(b"%d123456789" % number for number in range(len(kinds)))
    return Columns(KEYS, bytes(kinds), marks, marks, [-1] * len(kinds), 1000.0, 0.01, lists)


def test_equal_columns_have_no_key_that_differs() -> None:
    ours = columns(STRING, LIST, STRING, GONE)
    assert ours.differing(columns(STRING, LIST, STRING, GONE)) == set()


def test_keys_that_differ_are_left_or_gone_are_told() -> None:
    ours, theirs = columns(STRING, LEFT, STRING, GONE), columns(STRING, STRING, GONE, STRING)
    assert ours.differing(theirs) == {1, 2}
    marks = bytearray(ours.marks)
    marks[5] ^= 1
    assert ours.differing(replace(theirs, marks=bytes(marks))) == {0, 1, 2}


@pytest.mark.parametrize(
    ("ours", "theirs", "later", "differs"),
    [(5000, 4000, 1.0, False), (5000, 4000, 3.0, True), (5000, -1, 0, True), (-1, 0, 0, True), (0, 0, 0, False)],
)
def test_expiry_may_differ_by_a_second(ours: int, theirs: int, later: float, differs: bool) -> None:
    first = replace(columns(*[STRING] * 4), remaining=[ours, -1, -1, -1])
    second = replace(columns(*[STRING] * 4), remaining=[theirs, -1, -1, -1], instant=1000.0 + later)
    assert first.differing(second) == ({0} if differs else set())


def test_what_is_remembered_of_lists_is_their_own() -> None:
    found = columns(LIST, STRING, LIST, LIST, lists=b"%016x%08x" % (7, 3) + b"%016x%08x" % (8, 4) + b"f" * 24)
    assert dict(found.entries({2})) == {
        name_of(b"a"): (7).to_bytes(8, "big") + (3).to_bytes(4, "big"),
        name_of(b"b"): found.tails[12:20] + b"\0\0\0\0",
        name_of(b"d"): b"\xff" * 12,
    }


def test_one_more_is_begun_before_one_is_given() -> None:
    begun: list[int] = []

    def begin() -> Iterator[int]:
        for number in range(3):
            begun.append(number)
            yield number

    assert [(number, list(begun)) for number in ahead(begin())] == [(0, [0, 1]), (1, [0, 1, 2]), (2, [0, 1, 2])]


class Server:
    """Gives the same answer to every command, and records them."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.sent: list[Any] = []

    def pipe(self, commands: Any) -> list[Any]:
        sent = list(commands)
        self.sent += sent
        return [self.answer] * len(sent)


HASH = [(b"h", b"part", [b"x", b"y"])]


def test_fields_get_the_expiry_that_they_have() -> None:
    source, target = Server([-1, 1900000000000]), Server([1])
    Fields(source, target).carry(HASH)  # type: ignore[arg-type]
    assert target.sent == [["HPEXPIREAT", b"part", 1900000000000, "FIELDS", 1, b"y"]]


def test_fields_that_cannot_expire_there_are_counted() -> None:
    fields = Fields(Server([5, -1]), Server(Refused("ERR unknown command 'HPEXPIREAT'")))  # type: ignore[arg-type]
    fields.carry(HASH)
    assert fields.lost.keys == 1


def test_source_that_knows_no_such_fields_is_asked_once() -> None:
    source, target = Server(Refused("ERR unknown command")), Server(1)
    fields = Fields(source, target)  # type: ignore[arg-type]
    fields.carry(HASH)
    fields.carry(HASH)
    assert (len(source.sent), target.sent, fields.lost.keys) == (1, [], 0)
