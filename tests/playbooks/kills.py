# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed with SIGKILL at a chosen point, and the end state."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union
from urllib.request import Request, urlopen

import psycopg2
import redis

from .conftest import Run, Sandbox

_POLL = 0.1  # seconds
_LONGEST = 1200  # seconds within which a run must reach its point
# Parts of a path that differ from sandbox to sandbox, as a pattern that takes no slash.
_IDS = re.compile(r"(?<=/)([0-9a-f]{13,14}|[0-9a-f]{8}-[0-9a-f-]{27}|(?=[a-z0-9]*\d)[a-z0-9]{16})(?=/|$)")


@dataclass(frozen=True)
class AtRequest:
    """When a request that changes something arrives, before it is carried out; or when it is answered."""

    method: str
    path: str
    answered: bool

    def __str__(self) -> str:
        return f"{'after' if self.answered else 'before'} {self.method} {self.path}"


@dataclass(frozen=True)
class AtTask:
    """A moment after a task has begun."""

    name: str
    seconds: float = 0.5

    def __str__(self) -> str:
        return f"{self.seconds:g} s into '{self.name}'"


Point = Union[AtRequest, AtTask]


class Observer:
    """Asks the sandbox without starting a process each time."""

    def __init__(self, box: Sandbox) -> None:
        self._url = box.environment["HEROKU_API_URL"] + "/_sandbox"

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        with urlopen(f"{self._url}/requests?since={since}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def fault(self, **fault: Any) -> None:
        body = json.dumps(fault).encode()
        urlopen(Request(f"{self._url}/fault", body, {"Content-Type": "application/json"}), timeout=30).close()


def undisturbed(box: Sandbox, tasks: Sequence[str], playbook: str, *options: str) -> tuple[Run, list[Point]]:
    """Run to the end; return the run, and where to kill another one like it, in the order of time.

    That is in the middle of O(tasks), and before and after each kind of request that changes something.
    """
    observer = Observer(box)
    since = len(observer.requests())
    began: dict[str, int] = {}

    def look(line: str) -> None:
        for task in tasks:
            if line.startswith("TASK [") and f"{task}] ***" in line:
                began.setdefault(task, len(observer.requests(since)))

    process = box.start(playbook, *options)
    output = Output(process, look)
    run = Run(process.wait(_LONGEST), output.rest())
    points: list[tuple[int, Point]] = [(number, AtTask(task)) for task, number in began.items()]
    seen: set[tuple[str, str]] = set()
    for number, request in enumerate(observer.requests(since)):
        kind = (request["method"], _pattern(request["path"]))
        if request["mutating"] and 0 < request["status"] < 400 and kind not in seen:
            seen.add(kind)
            points += [(number, AtRequest(*kind, answered)) for answered in (False, True)]
    return run, [point for _number, point in sorted(points, key=lambda entry: entry[0])]


def _pattern(path: str) -> str:
    return _IDS.sub(lambda found: "?" * len(found[1]), path)


def run_killed(box: Sandbox, point: Point, playbook: str, *options: str) -> Run | None:
    """Run until O(point) is reached and kill; return None, or the run where it ended without coming to that point."""
    return _kill_at_first(box, [point], playbook, *options)[1]


def _kill_at_first(
    box: Sandbox, points: Sequence[Point], playbook: str, *options: str
) -> tuple[Point | None, Run | None]:
    """Run until the first of O(points) is reached, or a later one that is a task, and kill.

    Return the point, or the run where it ended without coming to any of them. What comes before a later task in
    O(points) is done already: a task that works in several threads may end out of order.
    """
    observer = Observer(box)
    since = len(observer.requests())
    first = points[0]
    held = first if isinstance(first, AtRequest) and not first.answered else None
    if held:
        # Held until we have killed the run, and then never carried out.
        observer.fault(method=held.method, path=held.path, times=1, delay=_LONGEST, reset=True)
    awaited = [first, *(point for point in points[1:] if isinstance(point, AtTask))]
    process = box.start(playbook, *options)
    output = Output(process)
    deadline = time.monotonic() + _LONGEST
    found: Point | None = None
    try:
        while found is None:
            found = next((point for point in awaited if _reached(point, observer, since, output)), None)
            if found is None and process.poll() is not None and not output.alive():
                return None, Run(process.returncode, output.text())
            assert time.monotonic() < deadline, f"{first} was never reached:\n{output.text()}"
            time.sleep(_POLL)
        if isinstance(found, AtTask):
            time.sleep(found.seconds)
    finally:
        kill(process, workers=held is not None and found is held)
        if held:
            observer.fault(method=held.method, path=held.path, times=0)
    return found, None


def _reached(point: Point, observer: Observer, since: int, output: Output) -> bool:
    if isinstance(point, AtTask):
        return f"{point.name}] ***" in output.text()
    for request in observer.requests(since):
        same = request["method"] == point.method and _pattern(request["path"]) == point.path
        if same and (not point.answered or 0 < request["status"] < 400):
            return True
    return False


def kill(process: subprocess.Popen[str], workers: bool) -> None:
    """Kill the process group of ansible-playbook; with O(workers) also those of its tasks, else they are to end."""
    below = list(_descendants(process.pid)) if workers else []
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in below:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _descendants(pid: int) -> Iterator[int]:
    children = ""
    with suppress(OSError):  # it may have ended meanwhile
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    for child in children.split():
        yield from _descendants(int(child))
        yield int(child)


class Output:
    """What a process prints, read as it comes."""

    def __init__(self, process: subprocess.Popen[str], look: Callable[[str], None] = lambda _line: None) -> None:
        """Call O(look) with each line as it comes."""
        self._lines: list[str] = []
        self._look = look
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line)
            self._look(line)

    def wait_for(self, words: str, process: subprocess.Popen[str]) -> None:
        """Return when O(words) were printed."""
        deadline = time.monotonic() + _LONGEST
        while words not in self.text():
            assert self.alive() and process.poll() is None, f"it ended before {words!r}:\n{self.text()}"
            assert time.monotonic() < deadline, self.text()
            time.sleep(_POLL)

    def rest(self) -> str:
        """Return everything, once the process has closed its output."""
        self._thread.join(_LONGEST)
        return self.text()

    def text(self) -> str:
        return "".join(self._lines)

    def alive(self) -> bool:
        return self._thread.is_alive()


class Relay:
    """Kills the same command at one point after another, and then lets it finish: the next goes on from there."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self.rows: list[tuple[str, str, str]] = []
        """Of each point the stage, the point, and what became of it."""

    def run(self, stage: str, points: Sequence[Point], playbook: str, *options: str) -> Run:
        """Kill at each of O(points) that is reached; return the last run, which nobody killed."""
        left = list(points)
        while left:
            found, _run = _kill_at_first(self._box, left, playbook, *options)
            last = left.index(found) if found else 0
            for point in left[: last + 1]:
                self.rows.append((stage, str(point), "killed" if point is found else "not reached any more"))
                print(*self.rows[-1], file=sys.__stdout__, flush=True)  # seen with -s, though the test captures
            left = left[last + 1 :]
        process = self._box.start(playbook, *options)
        output = Output(process)
        return Run(process.wait(_LONGEST), output.rest())

    @property
    def killed(self) -> int:
        return sum(row[2] == "killed" for row in self.rows)

    def table(self) -> str:
        """Return the points as a table, and how many there were."""
        lines = [f"{stage:12} {point:78} {outcome}" for stage, point, outcome in self.rows]
        end = f"{len(self.rows)} points; {self.killed} runs were killed, and the same command went on from each"
        return "\n".join([*lines, end])


def facts(box: Sandbox) -> dict[str, Any]:
    """Return what must be the same however often a run was killed on the way: both platforms, and all data."""
    state = box.state()
    heroku, fly = state["heroku"]["apps"]["paper-crane"], state["fly"]["apps"].get("paper-crane", {})
    return {
        "heroku": {
            "maintenance": heroku["maintenance"],
            "formation": {kind: entry["quantity"] for kind, entry in heroku["formation"].items()},
            "config": sorted(heroku["config"]),
        },
        "fly": {
            # flyctl leaves the release command's Machine behind, stopped, if it is killed before it starts it.
            "machines": sorted(
                (m["group"], m["state"])
                for m in fly.get("machines", [])
                if (m["group"], m["state"]) != ("fly_app_release_command", "stopped")
            ),
            "secrets": sorted(fly.get("secrets", {})),
            "certificates": sorted(c["hostname"] for c in fly.get("certificates", [])),
            "ips": len(fly.get("ips", [])),
        },
        "services": [len(state["fly"]["postgres"]), len(state["fly"]["redis"])],
        "source": rows(box, "SOURCE"),
        "target": rows(box, "TARGET"),
        "keys": {side: keys(box, side) for side in ("SOURCE", "TARGET")},
    }


def rows(box: Sandbox, side: str) -> dict[str, tuple[int, str]]:
    """Return number of rows and a checksum of each table, large objects among them, and the value of each sequence."""
    connection = psycopg2.connect(box.environment[f"SANDBOX_{side}_DATABASE_URL"])
    connection.set_session(readonly=True, autocommit=True)
    found = {}
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select format('%I.%I', n.nspname, c.relname), c.relkind from pg_class c "
            "join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'S') "
            "and n.nspname !~ '^(pg_|_flyover|_heroku|information_schema|heroku_ext)' order by 1"
        )
        for name, kind in cursor.fetchall():
            what = "last_value::text || is_called" if kind == "S" else "t::text"
            cursor.execute(f"select count(*), coalesce(md5(string_agg({what}, ';' order by {what})), '') from {name} t")
            found[name] = cursor.fetchone()
        cursor.execute(
            "select count(*), md5(string_agg(oid || md5(lo_get(oid)), ';' order by oid)) from pg_largeobject_metadata"
        )
        found["large objects"] = cursor.fetchone()
    connection.close()
    return found


def keys(box: Sandbox, side: str) -> tuple[int, str]:
    """Return number and checksum of the keys of a Redis, without what the collection keeps there."""
    url = box.environment[f"SANDBOX_{side}_REDIS_URL"]
    server = redis.Redis.from_url(url, **({"ssl_cert_reqs": None} if url.startswith("rediss") else {}))
    read = {
        b"string": server.get,
        b"list": lambda name: server.lrange(name, 0, -1),
        b"set": lambda name: sorted(server.smembers(name)),
        b"hash": lambda name: sorted(server.hgetall(name).items()),
        b"zset": lambda name: server.zrange(name, 0, -1, withscores=True),
        b"stream": server.xrange,
    }
    names = sorted(name for name in server.scan_iter(count=1000) if b"flyover" not in name)
    content = [(name, read[server.type(name)](name)) for name in names]
    server.close()
    return len(names), hashlib.sha256(repr(content).encode()).hexdigest()
