# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""redis_transfer between two real servers, the source behind TLS as on Heroku."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import drain, marker, record, scripts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import connected, parse
from ansible_collections.flyover.heroku_to_fly.plugins.modules import redis_jobs, redis_transfer
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.redis_server import AS_UPSTASH, RedisServer
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.tls import self_signed

SEED = Path(__file__).resolve().parents[1] / "sandbox" / "scenarios" / "guide" / "seed.redis"
MARKER = b"_flyover:transfer"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RedisServer]]:
    folder = tmp_path_factory.mktemp("redis")
    # The TLS end of the source runs in an event loop of its own.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    source, target = RedisServer(folder / "source", self_signed(folder)), RedisServer(folder / "target")
    for server in (source, target):
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
    yield source, target
    for server in (source, target):
        loop.call_soon_threadsafe(server.stop)
    time.sleep(0.2)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


@pytest.fixture
def source(servers: tuple[RedisServer, RedisServer]) -> Any:
    client = redis.Redis.from_url(servers[0].url, ssl_cert_reqs=None)
    client.flushall()
    servers[0].load(SEED)
    return client


@pytest.fixture
def target(servers: tuple[RedisServer, RedisServer]) -> Any:
    client = redis.Redis.from_url(servers[1].url)
    client.flushall()
    return client


@pytest.fixture
def transfer(servers: tuple[RedisServer, RedisServer], source: Any, target: Any, run_module: Any) -> Any:
    def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"source": servers[0].url, "target": servers[1].url, **options}
        result: dict[str, Any] = run_module(
            redis_transfer, {k: v for k, v in given.items() if v is not None}, check_mode=check_mode
        )
        assert servers[0].password not in str(result)
        assert servers[1].password not in str(result)
        return result

    return run


def levels(result: dict[str, Any]) -> dict[str, str]:
    return {finding["id"]: finding["level"] for finding in result["findings"]}


def dumped(client: Any) -> dict[bytes, Any]:
    """Return everything, read with the server's own commands and not with ours."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    return {key: read[client.type(key)](key) for key in client.scan_iter() if not key.startswith(b"_flyover:")}


def test_copies_every_type_with_its_expiry(transfer: Any, source: Any, target: Any) -> None:
    result = transfer()
    assert (result["changed"], result["verdict"]) == (True, "copied")
    assert result["verified"] == {"compared": source.dbsize(), "differing": 0}
    assert dumped(target) == dumped(source)
    assert abs(target.pttl("session:3b9a") - source.pttl("session:3b9a")) < 1000
    assert target.pttl("site:name") == -1


def test_second_run_writes_nothing(transfer: Any, target: Any) -> None:
    transfer()
    before = target.info("commandstats")
    assert (transfer()["verdict"], transfer(check_mode=True)["changed"]) == ("unchanged", False)
    after = target.info("commandstats")
    for command in ("cmdstat_restore", "cmdstat_set", "cmdstat_del"):
        assert after.get(command, {}).get("calls") == before.get(command, {}).get("calls"), command


def test_check_mode_predicts_and_writes_nothing(transfer: Any, target: Any) -> None:
    result = transfer(check_mode=True)
    assert (result["changed"], result["verdict"], target.dbsize()) == (True, "would_copy", 0)


def test_check_mode_without_a_target_is_unknown(transfer: Any) -> None:
    assert transfer(check_mode=True, target=None)["verdict"] == "unknown"
    assert "target" in transfer(target=None)["msg"]


def test_only_what_differs_is_copied_again(transfer: Any, source: Any, target: Any) -> None:
    transfer()
    source.hset("user:1", "name", "Ada Lovelace")
    source.zadd("leaderboard", {"ada": 13})
    source.persist("session:3b9a")
    source.delete("tags")
    target.set("left:over", "from the rehearsal")
    result = transfer()
    assert result["counts"] == {"source": source.dbsize(), "copied": 3, "deleted": 1, "foreign": 1}
    assert result["foreign"] == {"keys": 1, "prefixes": {"left:": 1}}
    assert dumped(target) == {**dumped(source), b"left:over": b"from the rehearsal"}
    result = transfer(replace=True)
    assert (result["counts"]["copied"], result["counts"]["deleted"]) == (0, 1)
    assert dumped(target) == dumped(source)


def test_foreign_keys_of_a_shared_target_stay(transfer: Any, source: Any, target: Any) -> None:
    foreign = {f"shop:{number}": f"order {number}" for number in range(1000)}
    target.mset(foreign)
    expected = {key.encode(): value.encode() for key, value in foreign.items()}
    predicted = transfer(check_mode=True)
    assert predicted["foreign"] == {"keys": 1000, "prefixes": {"shop:": 1000}}
    assert dumped(target) == expected
    for change in (None, "written later", "written later still"):
        if change:
            source.set("site:name", change)
        result = transfer()
        assert (result["verdict"], result["counts"]["foreign"], result["counts"]["deleted"]) == ("copied", 1000, 0)
        assert dumped(target) == {**dumped(source), **expected}
    source.delete("site:name")
    assert transfer()["counts"]["deleted"] == 1
    assert dumped(target) == {**dumped(source), **expected}
    assert transfer(state="sealed")["sealed"]
    assert dumped(target) == {**dumped(source), **expected}


def test_another_copy_on_the_same_target_stays(transfer: Any, servers: Any, source: Any, target: Any) -> None:
    transfer(name="paper-crane", match=["product:*"])
    transfer(name="paper-crane", match=["product:*"], state="sealed")
    result = transfer(name="other", match=["user:*"])
    assert (result["counts"]["copied"], result["foreign"]["prefixes"]) == (2, {"product:": 60})
    source.delete("user:1")
    assert transfer(name="other", match=["user:*"])["counts"]["deleted"] == 1
    assert target.exists("product:1", "user:2") == 2
    # replace needs a Redis that nobody else uses: another copy shows that it is shared.
    source.hset("product:1", "name", "another app's of the same name")
    result = transfer(name="other", match=["user:*"], replace=True)
    assert (result["verdict"], target.hget("product:1", "name")) == ("unchanged", b"Product 1")
    message = transfer(name="other", replace=True)["msg"]
    assert "It also has the keys of paper-crane" in message
    assert "1 of its keys hold something other than the source" in message


def test_keys_of_somebody_else_are_not_replaced(transfer: Any, target: Any) -> None:
    target.set("site:name", "Other")
    result = transfer()
    assert result["failed"]
    assert "1 of its keys" in result["msg"]
    assert target.dbsize() == 1
    predicted = transfer(check_mode=True)
    assert levels(predicted)["redis-foreign-keys"] == "block"
    assert transfer(replace=True)["verdict"] == "copied"


def test_run_that_was_killed_is_finished(
    transfer: Any, source: Any, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def end(*_arguments: Any) -> None:
        raise Killed

    target.set("shop:1", "somebody else's")
    with monkeypatch.context() as patch:
        patch.setattr(record, "save", end)
        patch.setattr(marker, "_release", lambda *_arguments: None)
        with pytest.raises(Killed):
            transfer()
    assert target.exists("user:1", marker.LOCK) == 2
    target.pexpire(marker.LOCK, 1500)
    source.delete("user:1")
    source.hset("user:2", "name", "Grace Hopper")
    result = transfer()
    assert (result["verdict"], result["counts"]["deleted"], result["counts"]["foreign"]) == ("copied", 1, 1)
    assert dumped(target) == {**dumped(source), b"shop:1": b"somebody else's"}


def test_two_transfers_do_not_write_at_the_same_time(
    transfer: Any, servers: Any, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marker, "LOCK_SECONDS", 10)
    address = parse(servers[1].url, "target")
    with connected(address) as connection, marker.locked(connection, address):
        message = transfer()["msg"]
    assert "another transfer is writing to it" in message
    assert (dumped(target), target.exists(marker.LOCK)) == ({}, 0)


def test_sealed_target_is_never_written_to(transfer: Any, source: Any, target: Any) -> None:
    transfer()
    assert transfer(state="sealed")["changed"] is True
    assert transfer(state="sealed")["changed"] is False
    target.set("written:on:fly", "1")
    source.set("written:on:heroku", "1")
    result = transfer(replace=True)
    assert (result["verdict"], result["sealed"], result["changed"]) == ("unchanged", True, False)
    assert target.get("written:on:fly") == b"1"
    assert transfer(replace=True, replace_sealed=True)["verdict"] == "copied"
    assert dumped(target) == dumped(source)


def test_seal_of_the_first_version_holds(transfer: Any, target: Any) -> None:
    target.set(MARKER, '{"state": "sealed"}')
    target.set("site:name", "on Fly")
    assert transfer(replace=True)["sealed"] is True
    assert target.get("site:name") == b"on Fly"


@pytest.mark.parametrize("text", ["[1]", "half", '{"version": 3, "copies": {}}'])
def test_marker_that_is_not_understood_stops(transfer: Any, target: Any, text: str) -> None:
    target.set(MARKER, text)
    assert "is damaged, or another version of this collection wrote it" in transfer(replace=True)["msg"]
    assert target.dbsize() == 1


def test_databases_are_copied_to_the_same_numbers(transfer: Any, servers: Any, source: Any, target: Any) -> None:
    other = redis.Redis.from_url(servers[0].url + "/3", ssl_cert_reqs=None)
    other.lpush("queue:critical", "job")
    there = redis.Redis.from_url(servers[1].url + "/3")
    there.set("shop:1", "somebody else's")
    assert transfer(check_mode=True)["foreign"]["prefixes"] == {"shop:": 1}
    result = transfer()
    assert result["counts"]["source"] == source.dbsize() + 1
    assert dumped(there) == {b"queue:critical": [b"job"], b"shop:1": b"somebody else's"}
    assert transfer()["verdict"] == "unchanged"
    result = transfer(target=servers[1].url + "/5")
    assert "database 3: 1 keys (queue: (1))" in result["msg"]
    result = transfer(target=servers[1].url + "/5", acknowledged=["redis-databases"])
    assert (result["verdict"], levels(result)["redis-databases"]) == ("copied", "warn")


def test_jobs_are_counted_and_those_in_progress_named(transfer: Any, source: Any) -> None:
    work = {"queue": "default", "payload": json.dumps({"class": "Wrapper", "wrapped": "HardJob", "args": ["canary"]})}
    source.sadd("processes", "dyno.1:4:8f3c")
    source.hset("dyno.1:4:8f3c", "busy", 1)
    source.hset("dyno.1:4:8f3c:work", "tid", json.dumps(work))
    source.lpush("queue:sq|dyno.1:4:8f3c|default", "job")
    source.sadd("resque:workers", "host:1:mail")
    source.set(
        "resque:worker:host:1:mail", json.dumps({"queue": "mail", "payload": {"class": "Mail", "args": ["canary"]}})
    )
    source.rpush("resque:queue:mail", "a", "b")
    result = transfer(check_mode=True, target=None)
    assert result["jobs"] == {
        "waiting": {"default": 2, "mail": 2, "mailers": 1},
        "scheduled": 2,
        "retrying": 1,
        "dead": 1,
        "private": 1,
        "processes": 2,
        "in_progress": {"HardJob": 1, "Mail": 1},
    }
    assert levels(result) == {"redis-jobs": "info"}
    result = transfer()
    assert levels(result)["redis-jobs-in-progress"] == "warn"
    assert levels(transfer(source_may_change=True)) == {"redis-jobs": "info"}
    assert "canary" not in str(result)
    assert "8f3c" not in str(result)


def test_jobs_alone_are_copied(transfer: Any, source: Any, target: Any) -> None:
    source.rpush("resque:queue:mail", "a")
    source.set("resque:stat:processed", 3)
    transfer(jobs_only=True)
    expected = [
        "queues",
        "queue:default",
        "queue:mailers",
        "schedule",
        "retry",
        "dead",
        "stat:processed",
        "stat:failed",
    ]
    expected += ["resque:queue:mail", "resque:stat:processed"]
    assert sorted(dumped(target)) == sorted(name.encode() for name in expected)


def test_eviction_of_either_side_is_told(transfer: Any, source: Any, target: Any) -> None:
    try:
        source.config_set("maxmemory-policy", "allkeys-lru")
        assert levels(transfer(check_mode=True, target=None))["redis-jobs-evicted"] == "warn"
        source.delete(*source.keys("*queue*"), "schedule", "retry", "dead")
        assert levels(transfer(check_mode=True))["redis-was-a-cache"] == "warn"
        target.config_set("maxmemory-policy", "allkeys-lru")
        target.config_set("maxmemory", 2000000)
        assert set(levels(transfer(check_mode=True, source_may_change=True))) <= {"redis-too-small"}
        source.lpush("queue:default", "job")
        assert "may be lost" in transfer()["msg"]
        assert transfer(acknowledged=["redis-target-evicts"])["verdict"] == "copied"
    finally:
        source.config_set("maxmemory-policy", "noeviction")
        target.config_set("maxmemory-policy", "noeviction")
        target.config_set("maxmemory", 0)


@pytest.fixture
def sealed(transfer: Any) -> Any:
    def run() -> None:
        transfer()
        transfer(state="sealed")

    return run


def test_what_came_late_is_brought_over(transfer: Any, source: Any, target: Any, sealed: Any) -> None:
    source.rpush("queue:work", "old-1", "old-2")
    sealed()
    # Heroku goes on: jobs in old and new queues, a scheduled job, new keys.
    source.lpush("queue:default", "late-1", "late-2")
    source.rpush("queue:work", "late-3")
    source.lpush("queue:reports", "late-4")
    source.sadd("queues", "reports")
    source.set("lock:report", "held", ex=600)
    # Fly has gone on too: some jobs were done, others were queued.
    target.delete("queue:work")
    target.rpop("queue:default")
    target.lpush("queue:default", "on-fly")
    target.sadd("queues", "on-fly")
    predicted = transfer(state="caught_up", check_mode=True)
    assert (predicted["changed"], target.exists("queue:reports")) == (True, 0)
    result = transfer(state="caught_up")
    assert result["counts"] == predicted["counts"] == {"late": 5, "brought": 5, "left": 0}
    assert target.lrange("queue:default", 0, 2) == [b"late-2", b"late-1", b"on-fly"]
    assert target.llen("queue:default") == 4
    assert target.lrange("queue:work", 0, -1) == [b"late-3"]
    assert target.lrange("queue:reports", 0, -1) == [b"late-4"]
    assert {b"reports", b"on-fly"} <= target.smembers("queues")
    assert abs(target.ttl("lock:report") - 600) < 5
    assert levels(result) == {"redis-late-keys": "warn"}
    # Nothing is copied twice, and later jobs are told apart from those already copied.
    assert transfer(state="caught_up")["counts"] == {"late": 0, "brought": 0, "left": 0}
    source.lpush("queue:default", "late-5")
    assert transfer(state="caught_up")["counts"]["brought"] == 1
    assert target.lrange("queue:default", 0, 1) == [b"late-5", b"late-2"]


def test_what_cannot_be_brought_over_safely_is_named(transfer: Any, source: Any, target: Any, sealed: Any) -> None:
    source.rpush("queue:busy", "a", "b", "c")
    sealed()
    source.incr("counter:visits")
    source.rpop("queue:busy")
    source.lpush("queue:busy", "d", "e")
    source.hset("user:1", "name", "Ada Lovelace")
    source.set("session:late", "heroku")
    target.set("session:late", "fly")
    before = dumped(target)
    result = transfer(state="caught_up")
    assert (result["changed"], result["counts"]) == (False, {"late": 4, "brought": 0, "left": 4})
    assert "counter: (1)" in result["findings"][0]["text"]
    assert "late" not in result["findings"][0]["text"].split(": ", 1)[1]
    assert dumped(target) == before


def test_nobody_catches_up_with_what_is_not_sealed(transfer: Any) -> None:
    transfer()
    assert "it is not sealed" in transfer(state="caught_up")["msg"]


def test_waits_until_the_workers_are_done(
    servers: Any, source: Any, run_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(drain, "SETTLED_SECONDS", 0.5)
    source.sadd("processes", "h:1:a")
    source.hset("h:1:a", "busy", 1)

    def work() -> None:
        worker = redis.Redis.from_url(servers[0].url, ssl_cert_reqs=None)
        worker.lpush("queue:mailers", "one more")
        while job := worker.rpop("queue:default") or worker.rpop("queue:mailers"):
            worker.hset("h:1:a:work", "t", json.dumps({"payload": {"class": "Mail"}}))
            time.sleep(0.2)
            worker.hdel("h:1:a:work", "t")
            assert job

    given = {"url": servers[0].url, "state": "drained"}
    stuck = run_module(redis_jobs, {**given, "timeout": 1})
    assert (stuck["drained"], levels(stuck)) == (False, {"redis-not-drained": "warn"})
    thread = threading.Thread(target=work)
    thread.start()
    result = run_module(redis_jobs, {**given, "timeout": 60})
    thread.join()
    assert (result["drained"], result["findings"], result["jobs"]["scheduled"]) == (True, [], 2)
    assert set(result["jobs"]["waiting"].values()) == {0}
    looked = run_module(redis_jobs, given, check_mode=True)
    assert (looked["changed"], looked["drained"], levels(looked)) == (False, True, {"redis-jobs": "info"})
    assert servers[0].password not in str(result)


def fill_with_big_and_odd_keys(client: Any) -> None:
    client.set(b"\xff\x00binary\n name", b"\x00" * 100)
    client.set("big:string", os.urandom(2_500_000))
    client.set("expiring", "x", px=300)
    client.rpush("big:list", *[f"job {number}" * 20 for number in range(20000)])
    client.rpush("big:elements", *[os.urandom(700_000) for _element in range(3)])
    client.hset("big:hash", mapping={f"field {number}": "v" * 40 for number in range(20000)})
    client.sadd("big:set", *[f"member {number}" * 5 for number in range(20000)])
    client.zadd("big:zset", {f"member {number}" * 3: number / 7 for number in range(12000)})
    for number in range(1200):
        client.xadd("big:stream", {"n": number})
    client.xgroup_create("big:stream", "billing", id="0")
    client.xreadgroup("billing", "one", {"big:stream": ">"}, count=600)
    client.xgroup_create("empty:stream", "billing", id="$", mkstream=True)


def test_big_keys_go_in_pieces_and_memory_stays_flat(transfer: Any, source: Any, target: Any) -> None:
    fill_with_big_and_odd_keys(source)
    transfer()  # once, so that caches do not count
    target.flushall()
    tracemalloc.start()
    try:
        assert transfer()["verified"]["differing"] == 0
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000
    assert dumped(target) == dumped(source)
    assert target.xpending("big:stream", "billing") == source.xpending("big:stream", "billing")
    assert transfer()["verdict"] == "unchanged"
    source.lset("big:list", 9999, "changed in the middle")
    assert transfer()["counts"]["copied"] == 1
    assert target.lindex("big:list", 9999) == b"changed in the middle"


def calls(client: Any, command: str) -> int:
    """Return how often a server was asked for something."""
    return int(client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


def test_big_keys_go_whole_where_there_is_room_and_in_pieces_where_not(transfer: Any, source: Any, target: Any) -> None:
    source.flushall()
    source.set("big:string", os.urandom(2_500_000))
    source.zadd("big:zset", {f"member {number}" * 3: number / 7 for number in range(12000)})
    written = {command: calls(target, command) for command in ("zadd", "setrange")}
    transfer()
    assert calls(target, "zadd") == written["zadd"]
    assert calls(target, "setrange") == written["setrange"]
    assert transfer()["verdict"] == "unchanged"
    target.flushall()
    used = int(target.info("memory")["used_memory"])
    # Enough room for the data, but not for a payload as well.
    target.config_set("maxmemory", used + 2 * int(source.info("memory")["used_memory"]))
    source.config_set("maxmemory", int(source.info("memory")["used_memory"]) + 1_000_000)
    try:
        result = transfer()
        assert result.get("verdict") == "copied", result
        assert calls(target, "zadd") > written["zadd"]
        assert calls(target, "setrange") > written["setrange"]
    finally:
        source.config_set("maxmemory", 0)
        target.config_set("maxmemory", 0)
    assert dumped(target) == dumped(source)


def test_target_that_is_full_is_named_with_the_remedy(transfer: Any, source: Any, target: Any) -> None:
    source.mset({f"cache:{number}": "x" * 1000 for number in range(3000)})
    target.config_set("maxmemory", int(target.info("memory")["used_memory"]) + 500_000)
    try:
        message = transfer()["msg"]
    finally:
        target.config_set("maxmemory", 0)
    assert "(OOM)" in message
    assert "a larger plan" in message
    assert transfer()["verdict"] == "copied"
    assert dumped(target) == dumped(source)


def test_user_that_may_not_write_is_told_which_command_was_refused(
    transfer: Any, servers: Any, source: Any, target: Any
) -> None:
    target.acl_setuser("reader", enabled=True, passwords=["+fewer"], keys=["*"], commands=["+@all", "-set"])
    try:
        message = transfer(target=servers[1].url.replace(f"default:{servers[1].password}", "reader:fewer"))["msg"]
    finally:
        target.acl_deluser("reader")
    assert "the server refused SET (NOPERM)" in message
    assert target.dbsize() == 0


def test_all_sixteen_databases_and_names_of_any_bytes(transfer: Any, servers: Any, source: Any) -> None:
    names = [bytes([byte]) * 3 for byte in range(256)] + [b"", b"\r\n$5\r\n", "schlüssel".encode("latin-1"), b"*3\r\n"]
    for number in range(16):
        client = redis.Redis.from_url(f"{servers[0].url}/{number}", ssl_cert_reqs=None)
        client.mset({name: name + b"\r\n%d" % number for name in (names if number in (0, 15) else names[-4:])})
        client.rpush(b"list:\xff\n", b"", b"\r\n", b"\x00")
    result = transfer()
    assert (result["verdict"], result["verified"]["differing"]) == ("copied", 0)
    for number in range(16):
        client = redis.Redis.from_url(f"{servers[0].url}/{number}", ssl_cert_reqs=None)
        there = redis.Redis.from_url(f"{servers[1].url}/{number}")
        assert dumped(there) == dumped(client)
    assert transfer()["verdict"] == "unchanged"


@pytest.fixture
def limited(servers: Any, target: Any) -> Iterator[str]:
    """Yield the target's URL for a user without scripts and DUMP, on a server that takes four mebibytes at once."""
    lacks = ("eval", "evalsha", "dump", "restore", "memory", "config", "client", "select", "info")
    target.acl_setuser(
        "limited", enabled=True, passwords=["+fewer"], keys=["*"], commands=["+@all", *(f"-{name}" for name in lacks)]
    )
    target.config_set("proto-max-bulk-len", 4 << 20)
    yield servers[1].url.replace(f"default:{servers[1].password}", "limited:fewer")
    target.config_set("proto-max-bulk-len", 512 << 20)
    target.acl_deluser("limited")


def test_target_that_lacks_commands_and_takes_little_at_once(
    transfer: Any, source: Any, target: Any, limited: str
) -> None:
    fill_with_big_and_odd_keys(source)
    assert transfer(target=limited)["verified"]["differing"] == 0
    assert dumped(target) == dumped(source)
    assert transfer(target=limited)["verdict"] == "unchanged"
    assert transfer(target=limited, state="sealed")["sealed"]
    source.lpush("queue:default", "late")
    assert transfer(target=limited, state="caught_up")["counts"] == {"late": 1, "brought": 1, "left": 0}
    assert target.lindex("queue:default", 0) == b"late"


@pytest.fixture
def upstash(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "upstash", settings=AS_UPSTASH)
    asyncio.run(server.start())
    yield server
    server.stop()


def test_target_with_the_limits_of_upstash(transfer: Any, servers: Any, source: Any, upstash: RedisServer) -> None:
    fill_with_big_and_odd_keys(source)
    redis.Redis.from_url(servers[0].url + "/3", ssl_cert_reqs=None).set("other", "database")
    assert "database 3: 1 keys" in transfer(target=upstash.url)["msg"]
    accepted = ["redis-databases"]
    assert transfer(target=upstash.url, acknowledged=accepted)["verified"]["differing"] == 0
    there = redis.Redis.from_url(upstash.url)
    assert dumped(there) == dumped(source)
    before = calls(there, "restore")
    assert before > 20  # small keys by their payloads
    assert transfer(target=upstash.url, acknowledged=accepted)["verdict"] == "unchanged"
    assert transfer(target=upstash.url, state="sealed")["sealed"]
    source.lpush("queue:default", "late")
    assert transfer(target=upstash.url, state="caught_up")["counts"] == {"late": 1, "brought": 1, "left": 0}


def test_nothing_can_be_sealed_that_was_not_copied(transfer: Any) -> None:
    assert "no complete copy" in transfer(state="sealed")["msg"]


def test_payload_that_the_target_does_not_take_is_copied_as_values(
    transfer: Any, source: Any, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.xgroup_create("events", "billing", id="0")
    source.xreadgroup("billing", "consumer-1", {"events": ">"}, count=2)
    # DUMP as a server does whose RDB version the target does not know.
    dump = "call('DUMP', key)"
    for name in ("SWEEP", "QUICK"):
        script = getattr(scripts, name)
        assert dump in script
        newer = script.replace(dump, f"string.gsub({dump}, '^(.*)..(........)$', '%1\\255\\127%2')")
        monkeypatch.setattr(scripts, name, newer)
    assert transfer()["verdict"] == "copied"
    assert dumped(target) == dumped(source)
    assert target.xpending("events", "billing") == source.xpending("events", "billing")
    assert abs(target.pttl("session:3b9a") - source.pttl("session:3b9a")) < 1000


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://:canary@127.0.0.1:1", "redis://"),
        ("rediss://:canary@127.0.0.1:port", "URL"),
        ("redis://:canary@127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_bad_source_is_named_without_its_password(transfer: Any, target: Any, url: str, part: str) -> None:
    result = transfer(source=url)
    assert part in result["msg"]
    assert "canary" not in str(result)
    assert target.dbsize() == 0


def test_wrong_password_is_told_from_a_server_that_is_gone(transfer: Any, servers: Any) -> None:
    result = transfer(source=servers[0].url.replace(servers[0].password, "canary"))
    assert "refuses the user or password" in result["msg"]


def test_source_and_target_must_not_be_the_same(transfer: Any, servers: Any) -> None:
    assert "same database" in transfer(source=servers[1].url)["msg"]
