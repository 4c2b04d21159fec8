# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""redis_transfer between two real servers, the source behind TLS as on Heroku."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from ansible_collections.flyover.heroku_to_fly.plugins.modules import redis_transfer
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.redis_server import RedisServer
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


def dumped(client: Any) -> dict[bytes, Any]:
    """Return everything by the server's own commands, not by ours."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    return {key: read[client.type(key)](key) for key in client.scan_iter() if key != MARKER}


def test_copies_every_type_with_its_expiry(transfer: Any, source: Any, target: Any) -> None:
    result = transfer()
    assert (result["changed"], result["verdict"]) == (True, "copied")
    assert result["verified"] == {"compared": source.dbsize(), "differing": 0}
    assert dumped(target) == dumped(source)
    assert abs(target.pttl("session:3b9a") - source.pttl("session:3b9a")) < 5000
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
    assert result["counts"]["copied"] == 3
    assert result["counts"]["deleted"] == 2
    assert dumped(target) == dumped(source)


def test_keys_of_somebody_else_are_not_replaced(transfer: Any, target: Any) -> None:
    target.set("site:name", "Other")
    result = transfer()
    assert result["failed"]
    assert "1 of its keys" in result["msg"]
    assert target.dbsize() == 1
    assert transfer(replace=True)["verdict"] == "copied"


def test_run_that_was_killed_is_finished(transfer: Any, source: Any, target: Any) -> None:
    target.set(MARKER, '{"state": "copying"}')
    target.set("site:name", "half")
    target.set("stale", "x")
    assert transfer()["verdict"] == "copied"
    assert dumped(target) == dumped(source)


def test_sealed_target_is_never_written_to(transfer: Any, source: Any, target: Any) -> None:
    transfer()
    assert transfer(state="sealed")["changed"] is True
    assert transfer(state="sealed")["changed"] is False
    target.set("written:on:fly", "1")
    source.set("written:on:heroku", "1")
    result = transfer(replace=True)
    assert (result["verdict"], result["sealed"], result["changed"]) == ("unchanged", True, False)
    assert target.get("written:on:fly") == b"1"
    assert transfer(replace_sealed=True)["verdict"] == "copied"
    assert dumped(target) == dumped(source)


def test_nothing_can_be_sealed_that_was_not_copied(transfer: Any) -> None:
    assert "no complete copy" in transfer(state="sealed")["msg"]


def test_payload_that_the_target_does_not_take_is_copied_as_values(
    transfer: Any, source: Any, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import transfer as module
    from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.keys import copy

    class NewerServer:
        """DUMP as a server does whose RDB version the target does not know."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def pipeline(self, **options: Any) -> Any:
            pipe = self._client.pipeline(**options)
            execute = pipe.execute

            def changed(*arguments: Any, **more: Any) -> list[Any]:
                answers: list[Any] = execute(*arguments, **more)
                return [a[:-10] + b"\xff\x7f" + a[-8:] if isinstance(a, bytes) else a for a in answers]

            pipe.execute = changed
            return pipe

    monkeypatch.setattr(module, "copy", lambda there, *rest: copy(NewerServer(there), *rest))
    assert transfer()["verdict"] == "copied"
    assert dumped(target) == dumped(source)


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
