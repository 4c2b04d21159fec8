# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to copy a Redis, compared: a command per round trip, redis-cli --pipe, and redis_transfer.

A round trip can be given a length (--latency), as between this machine and a server behind a tunnel; on loopback it has
none, which is the best case for a way that makes many of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import parse
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.transfer import Wanted, transfer
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.processes import LOOPBACK, free_port
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.redis_server import RedisServer, program

WAYS = {
    "one by one": "DUMP, PTTL, RESTORE: a round trip each",
    "restore": "RESTORE alone: a round trip each, what is read is not counted",
    "redis-cli": "DUMP and PTTL in groups, RESTORE through redis-cli --pipe; nothing is compared",
    "flyover": "redis_transfer: copied, recorded, compared",
}
GROUP = 1000


def _client(url: str) -> redis.Redis:
    """Return a client that waits for a busy server: one command may take it seconds here."""
    return redis.Redis.from_url(url, socket_timeout=600)


def one_by_one(source: redis.Redis, target: redis.Redis, keys: int) -> tuple[int, float]:
    """Copy keys with three round trips each; return how many, and the seconds it took."""
    started, done = time.monotonic(), 0
    for key in source.scan_iter(count=GROUP):
        dump, left = source.dump(key), source.pttl(key)
        target.restore(key, max(left, 0), dump, replace=True)
        done += 1
        if done >= keys:
            break
    return done, time.monotonic() - started


def restore(source: redis.Redis, target: redis.Redis, keys: int) -> tuple[int, float]:
    """Write keys with one round trip each; return how many, and the seconds that alone took."""
    done, spent = 0, 0.0
    for group, dumps, left in _groups(source):
        started = time.monotonic()
        for key, dump, milliseconds in zip(group, dumps, left):
            target.restore(key, max(milliseconds, 0), dump, replace=True)
        spent += time.monotonic() - started
        done += len(group)
        if done >= keys:
            break
    return done, spent


def by_redis_cli(source: redis.Redis, target_url: str, keys: int) -> tuple[int, float]:
    """Feed redis-cli --pipe, as people do; return how many keys, and the seconds it took."""
    address = parse(target_url, "target")
    started, done = time.monotonic(), 0
    process = subprocess.Popen(
        [program("redis-cli", "valkey-cli"), "-h", address.host, "-p", str(address.port), "--pipe"],
        env={"PATH": os.environ["PATH"], "REDISCLI_AUTH": address.password},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    for group, dumps, left in _groups(source):
        for key, dump, milliseconds in zip(group, dumps, left):
            parts = (b"RESTORE", key, b"%d" % max(milliseconds, 0), dump, b"REPLACE")
            process.stdin.write(b"*5\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
        done += len(group)
        if done >= keys:
            break
    process.stdin.close()
    if process.wait():
        raise SystemExit("redis-cli failed")
    return done, time.monotonic() - started


def by_flyover(source_url: str, target_url: str) -> tuple[int, float]:
    """Copy as the module does; return how many keys, and the seconds it took."""
    started = time.monotonic()
    result = transfer(parse(source_url, "source"), parse(target_url, "target"), Wanted(), check_mode=False)
    return int(result["verified"]["compared"]), time.monotonic() - started


def run_way(way: str, source_url: str, target_url: str, keys: int) -> None:
    """Run one way in this process, and print its figures as JSON."""
    source, target = _client(source_url), _client(target_url)
    servers = [(client, _cpu_of(client)) for client in (_client(source_url), _client(target_url))]
    own = sum(os.times()[:4])
    if way == "flyover":
        done, seconds = by_flyover(source_url, target_url)
    elif way == "redis-cli":
        done, seconds = by_redis_cli(source, target_url, keys)
    else:
        done, seconds = {"one by one": one_by_one, "restore": restore}[way](source, target, keys)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = sum(os.times()[:4]) - own + sum(_cpu_of(client) - before for client, before in servers)
    print(json.dumps({"keys": done, "seconds": seconds, "megabytes": peak, "cpu": cpu}))


def _cpu_of(client: redis.Redis) -> float:
    """Return the seconds of CPU that a server has used."""
    used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def fill(url: str, keys: int, lists: int, megabytes: int) -> None:
    """Make small keys of all types, and lists."""
    client = _client(url)
    pipe = client.pipeline(transaction=False)
    for number in range(keys):
        kind = number % 5
        if kind == 0:
            pipe.set(f"cache:views/{number}", f"<li>{number}</li>" * 5, ex=86400 if number % 2 else None)
        elif kind == 1:
            pipe.hset(f"user:{number}", mapping={"name": f"u{number}", "locale": "en", "seen": number})
        elif kind == 2:
            pipe.sadd(f"tags:{number}", number, number + 1, "x")
        elif kind == 3:
            pipe.zadd(f"board:{number}", {f"m{number}": number / 7, "n": 1})
        else:
            pipe.rpush(f"queue:{number}", f'{{"class":"HardJob","args":[{number}],"jid":"{number:024x}"}}')
        if number % 10000 == 9999:
            pipe.execute()
    pipe.execute()
    for number in range(lists):
        for part in range(megabytes * 10):
            jobs = [f'{{"class":"HardJob","args":[{number},{part},{job}],"jid":"{job:040x}"}}' for job in range(1100)]
            pipe.rpush(f"big:{number}", *jobs)
            if part % 20 == 19:
                pipe.execute()
    pipe.execute()


@contextmanager
def running(folder: Path, latency: float) -> Iterator[tuple[str, str, str]]:
    """Start two servers; yield the source's URL, the target's, and the target's as the ways reach it."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    source, target = RedisServer(folder / "source"), RedisServer(folder / "target")
    for server in (source, target):
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
    reached = target.url
    if latency:
        port = free_port()
        asyncio.run_coroutine_threadsafe(_slow(port, target.port, latency), loop).result(30)
        reached = target.url.replace(f":{target.port}", f":{port}")
    try:
        yield source.url, target.url, reached
    finally:
        for server in (source, target):
            server.stop()


async def _slow(port: int, behind: int, latency: float) -> None:
    """Delay all answers of a server, and keep their order."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, behind)
        await asyncio.gather(_pass(reader, back, 0), _pass(there, writer, latency), return_exceptions=True)

    await asyncio.start_server(relay, LOOPBACK, port)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(1 << 16):
        if latency:
            loop.call_later(latency, writer.write, data)
        else:
            writer.write(data)
            await writer.drain()
    loop.call_later(latency, writer.close)


def _groups(source: redis.Redis) -> Iterator[tuple[list[bytes], list[bytes], list[int]]]:
    cursor = 0
    while True:
        cursor, group = source.scan(cursor, count=GROUP)
        pipe = source.pipeline(transaction=False)
        for key in group:
            pipe.dump(key)
            pipe.pttl(key)
        answers = pipe.execute()
        yield group, answers[::2], answers[1::2]
        if not cursor:
            return


def compare(options: argparse.Namespace, title: str, keys: int, lists: int) -> None:
    """Fill a source, copy it in each way, and print a table."""
    columns = ("way", "seconds", "CPU of all three", "keys a second", "MB here", "of redis_transfer's time")
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), options.latency / 1000) as (source, target, reached),
    ):
        fill(source, keys, lists, options.megabytes)
        rows = {}
        for way in ("flyover", *(way for way in WAYS if way != "flyover")):
            _client(target).flushall()
            at_most = min(keys, options.sample) if way in ("one by one", "restore") and keys else max(keys, lists)
            command = [
                sys.executable,
                "-m",
                __spec__.name,
                "--way",
                way,
                "--urls",
                source,
                reached,
                "--keys",
                str(at_most),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            rows[way] = json.loads(done.stdout)
        for way, row in rows.items():
            seconds, cpu = (row[name] * max(keys, lists) / row["keys"] for name in ("seconds", "cpu"))
            times, pace = seconds / rows["flyover"]["seconds"], row["keys"] / row["seconds"]
            print(
                f"| {way} | {seconds:.1f} | {cpu:.1f} | {pace:.0f} | {row['megabytes']:.0f} | {times:.1f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1000000, help="small keys")
    parser.add_argument("--lists", type=int, default=10)
    parser.add_argument("--megabytes", type=int, default=100, help="of each list")
    parser.add_argument(
        "--latency", type=float, default=0, help="milliseconds that an answer of the target takes longer"
    )
    parser.add_argument(
        "--sample", type=int, default=50000, help="keys that the slow ways copy; their time is scaled up"
    )
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--urls", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run_way(options.way, *options.urls, options.keys)
        return
    for way, what in WAYS.items():
        print(f"{way}: {what}")
    if options.keys:
        compare(options, f"{options.keys} small keys of five types, {options.latency:g} ms", options.keys, 0)
    if options.lists:
        compare(options, f"{options.lists} lists of {options.megabytes} MB, {options.latency:g} ms", 0, options.lists)


if __name__ == "__main__":
    main()
