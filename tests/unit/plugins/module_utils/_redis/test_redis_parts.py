# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of redis_transfer that need no server."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import digest, findings, jobs, marker, record
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.jobs import PATTERNS
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import (
    NO_PREFIX,
    OTHERS,
    Prefixes,
    Selection,
    name_of,
    prefix,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.pieces import elements_at_once
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import parse
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Refused

TARGET = parse("redis://127.0.0.1:1", "target")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (b"queue:default", "queue:"),
        (b"schedule", "schedule"),
        (b"_session_id:2::8f3c", "_session_id:"),
        (b"rack::attack:1:10.0.0.1", "rack:"),
        (b"views/products/1", "views/"),
        (b"8f3c1c0a99b2:work", NO_PREFIX),
        (b"ada@example.com", NO_PREFIX),
        (b"ada@example", NO_PREFIX),
        (b"\xff\xfe\x00:1", NO_PREFIX),
        (b"", NO_PREFIX),
        (b"x" * 41, NO_PREFIX),
    ],
)
def test_of_a_name_only_its_prefix_is_shown(key: bytes, shown: str) -> None:
    assert prefix(key) == shown


def test_prefixes_take_little_memory_and_say_the_most_frequent_first() -> None:
    found = Prefixes()
    for number in range(5000):
        found.add(b"%c%c%c:x" % (97 + number % 26, 97 + number // 26 % 26, 97 + number // 676))
        found.add(b"queue:%d" % number)
    shown = found.as_result()
    assert shown["keys"] == sum(shown["prefixes"].values()) == 10000
    assert next(iter(shown["prefixes"])) == "queue:"
    assert (list(shown["prefixes"])[-1], len(shown["prefixes"])) == (OTHERS, 21)


@pytest.mark.parametrize(
    ("globs", "chosen", "left"),
    [
        (["*"], [b"a", b"\xff\n"], [b"_flyover:transfer"]),
        (["queue:*", "retry"], [b"queue:", b"queue:a\nb", b"retry"], [b"retry:", b"xqueue:a"]),
        (["h?llo"], [b"hello", b"h\xffllo"], [b"hllo"]),
        (["h[ae]llo", "[^a-c]x"], [b"hello", b"hallo", b"dx"], [b"hillo", b"ax"]),
        ([r"a\*", "a]b", "a[]b"], [b"a*", b"a]b"], [b"ab", b"aab"]),
        ([r"[\]]x", "[x"], [b"x"], [b"[x"]),
    ],
)
def test_globs_are_read_as_redis_reads_them(globs: list[str], chosen: list[bytes], left: list[bytes]) -> None:
    selection = Selection(globs)
    assert [key for key in chosen if key not in selection] == []
    assert [key for key in left if key in selection] == []


def test_exclusions_go_before_what_matches() -> None:
    selection = Selection(["*"], ["cache:*"])
    assert (b"queue:a" in selection, b"cache:a" in selection) == (True, False)


def test_glob_with_a_range_the_wrong_way_round_is_named() -> None:
    with pytest.raises(InputError, match=r"\[z-a\]"):
        Selection(["[z-a]*"])


def test_cached_count_of_a_hyperloglog_does_not_differ() -> None:
    value = b"HYLL\x01\0\0\0" + b"12345678" + b"registers"
    assert digest.of_string(value) == digest.of_string(value[:8] + b"abcdefgh" + value[16:])
    assert digest.of_string(value) != digest.of_string(value[:-1] + b"!")
    text = b"HYLLO is no header" + value
    assert digest.of_string(text) != digest.of_string(text[:8] + b"!" + text[9:])


def test_members_are_equal_in_any_order_and_elements_are_not() -> None:
    members = [b"%d" % number for number in range(1000)]
    shuffled = random.Random(1).sample(members, len(members))
    first, second, third = digest.Sum(), digest.Sum(), digest.Sum()
    first.add_members(members)
    second.add_members(shuffled[:300])
    third.add_members(shuffled[300:])
    second.add_sum(third.text())
    assert first.text() == second.text()
    assert digest.of_list(members) != digest.of_list(shuffled)
    assert digest.of_list([b"ab", b"c"]) != digest.of_list([b"a", b"bc"])


def test_scores_are_equal_however_a_server_prints_them() -> None:
    first, second = digest.Sum(), digest.Sum()
    first.add_scored([b"a", b"0.10000000000000001", b"b", b"inf"])
    second.add_scored([b"b", b"inf", b"a", b"0.1"])
    assert first.text() == second.text()


def test_record_knows_what_was_copied_and_nothing_else() -> None:
    builder, known = record.Builder(), record.Record("a")
    for number in range(5000):
        builder.add(b"key:%d" % number, number, number % 7)
    builder.add(b"key:1", 99, 1 << 40)  # added again: the last counts
    chunks = list(builder.chunks())
    assert [len(chunk) // 20 for chunk in chunks] == [2048, 2048, 904]
    for chunk in chunks:
        known.take(chunk)
    assert all(known.get(b"key:%d" % number) == (number, number % 7) for number in range(2, 5000))
    assert known.get(b"key:1") == (99, record.MOST_LENGTH)
    assert not any(known.has(b"other:%d" % number) for number in range(5000))


def test_noted_keys_are_ours_though_what_they_held_is_not_known() -> None:
    known = record.Record("a")
    command = record.note_command("a", map(name_of, [b"x", b"y"]))
    known.note(bytes(command[2]))  # type: ignore[arg-type]
    assert (known.has(b"x"), known.has(b"z"), known.get(b"x")) == (True, False, None)


@pytest.mark.parametrize(
    "name",
    ["queues", "queue:default", "app:queue:default", "resque:queue:mail", "queue:sq|h:1:a|low", "working:queue:low:h:1",
     "schedule", "app:retry", "cron_job:nightly", "uniquejobs:8f", "resque:delayed:1700000000"],
)  # fmt: skip
def test_jobs_are_told_from_a_cache(name: str) -> None:
    selection = Selection(["*"], [], PATTERNS)
    assert name.encode() in selection
    for other in (b"cache:queue", b"views/queues", b"processes", b"h:1:a", b"h:1:a:work", b"resque:workers", b"user:1"):
        assert other not in selection


class Answers:
    """A server's answers, by command and key."""

    def __init__(self, answers: dict[tuple[Any, ...], Any]) -> None:
        self._answers = answers

    def pipe(self, commands: Any) -> list[Any]:
        return [self._answers.get(tuple(command), Refused("WRONGTYPE")) for command in commands]


def test_what_only_looks_like_jobs_is_not_counted() -> None:
    keys = jobs.Keys()
    keys.add([b"queue:a", b"my:schedule", b"processes", b"print-queue:x"])
    server = Answers({("SMEMBERS", b"processes"): [b"h:1"], ("HVALS", b"h:1:work"): [b"{", b"[]", b'{"payload": 3}']})
    found = jobs.read(server, keys)  # type: ignore[arg-type]
    assert found.as_result()["in_progress"] == {"unknown": 3}
    assert (found.waiting, found.scheduled, found.processes) == ({}, 0, 0)


def test_marker_keeps_the_states_of_several_copies() -> None:
    class Server:
        text = b""

        def call(self, *command: Any) -> None:
            self.text = command[2].encode()

    server = Server()
    written = marker.Marker(TARGET, None)
    written.write(server, "a", marker.SEALED)  # type: ignore[arg-type]
    written.write(server, "b", marker.COPYING)  # type: ignore[arg-type]
    read = marker.Marker(TARGET, server.text)
    assert [read.state(name) for name in "abc"] == ["sealed", "copying", ""]
    assert read.others("b") == ["a"]


@pytest.mark.parametrize("text", [b"\xff", b"[]", b'"x"', b'{"version": 9}', b'{"copies": []}'])
def test_marker_of_an_unknown_kind_is_refused(text: bytes) -> None:
    with pytest.raises(StateError, match="another version"):
        marker.Marker(TARGET, text)


@pytest.mark.parametrize(
    ("length", "size", "count"), [(10, 100, 65536), (1000, 1 << 30, 64), (0, 0, 65536), (1 << 20, 1 << 27, 8192)]
)
def test_pieces_of_a_key_are_whole_groups_of_about_a_mebibyte(length: int, size: int, count: int) -> None:
    assert elements_at_once(length, size) == count


def test_findings_name_prefixes_and_say_what_to_do() -> None:
    foreign, conflicting = Prefixes(), Prefixes()
    assert findings.foreign_keys("r", foreign, conflicting, False, []) == []
    foreign.add(b"shop:8f3c")
    levels = []
    for in_the_way, replace, others in ((False, False, []), (True, False, ["b"]), (True, True, [])):
        if in_the_way and not conflicting.keys:
            conflicting.add(b"shop:8f3c")
        (found,) = findings.foreign_keys("r", foreign, conflicting, replace, others)
        assert "8f3c" not in str(found)
        levels.append(found["level"])
    assert levels == ["info", "block", "warn"]


@pytest.mark.parametrize(
    ("url", "database", "chosen"),
    [
        ("rediss://:p@h:1", 0, False),
        ("redis://h/0", 0, False),
        ("redis://h/3", 3, True),
        ("redis://h?db=2", 2, True),
        ("redis://u:p%2F@[fdaa::3]:6379", 0, False),
    ],
)
def test_url_names_a_database_or_none(url: str, database: int, chosen: bool) -> None:
    address = parse(url, "source")
    assert (address.database, address.chosen) == (database, chosen)
