# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Forked workers that copy, build and compare in parallel, each with one session per side.

A worker is two processes: one holds the target's session and does tasks, its child holds the source's session under
the exported snapshot and feeds it. Processes, because psycopg2 hands over each row under the interpreter's lock.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._errors import ConnectionFailed, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import content, marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.archive import Entry
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.catalog import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.content import Content, LargeObjects
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.stream import (
    FrameReader,
    FrameWriter,
    buffered,
    pack_error,
    unpack_error,
)

_PIPE_BYTES = 1 << 20
_COUNTER = struct.Struct("=Q")


@dataclass(frozen=True)
class CopyTables:
    """Copy O(tables) in one transaction, then make O(entries), their indexes and keys."""

    tables: Sequence[Table]
    entries: Sequence[Entry] = ()


@dataclass(frozen=True)
class CopyLargeObjects:
    """Copy large objects (oid, bytes) in one transaction."""

    objects: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class RunEntry:
    """Make one entry of the archive on the target."""

    entry: Entry


@dataclass(frozen=True)
class Analyze:
    """Gather the planner's statistics on the target."""

    names: Sequence[str]


@dataclass(frozen=True)
class Compare:
    """Return the content of O(tables) on the sides asked for, which are read at the same time."""

    tables: Sequence[Table]
    checksums: bool
    source: bool = True
    target: bool = True

    def read(self, session: Session) -> list[Content]:
        """Return one side's content."""
        return content.table_contents(session, self.tables, self.checksums)


@dataclass(frozen=True)
class CompareLargeObjects:
    """Return number, bytes and checksum of the large objects on the sides asked for."""

    checksums: bool
    source: bool = True
    target: bool = True

    def read(self, session: Session) -> LargeObjects:
        """Return one side's large objects."""
        return content.large_objects(session, self.checksums)


@dataclass
class Task:
    """Work, and when it may begin."""

    work: Any
    needs: frozenset[int] = frozenset()
    """Positions, in the list of tasks, of those that come first."""
    locks: frozenset[int] = frozenset()
    """Tables that no other task may lock at the same time."""


@dataclass
class _Worker:
    pid: int
    channel: Connection
    position: int = -1
    task: Task | None = field(default=None)


class Pool:
    """The workers; to be closed."""

    def __init__(self, source: Session, target: Session, snapshot: str, jobs: int) -> None:
        """Fork O(jobs) workers that open sessions like O(source), under O(snapshot), and O(target)."""
        self._workers: list[_Worker] = []
        self._counters = mmap.mmap(-1, _COUNTER.size * jobs)
        try:
            for number in range(jobs):
                ours, theirs = Pipe()
                inherited = [worker.channel.fileno() for worker in self._workers] + [ours.fileno()]
                inherited += [source.fileno(), target.fileno()]
                pid = os.fork()
                if pid == 0:
                    _child(partial(_serve, theirs, source, target, snapshot, self._counter(number)), inherited)
                theirs.close()
                self._workers.append(_Worker(pid, ours))
        except BaseException:
            self.close()
            raise

    def bytes_moved(self) -> int:
        """Return the bytes that have come from the source so far."""
        size = _COUNTER.size
        return sum(_COUNTER.unpack_from(self._counters, offset)[0] for offset in range(0, len(self._counters), size))

    def run(self, tasks: Sequence[Task], done: Callable[[Any, Any], None], tick: Callable[[], None]) -> None:
        """Do all O(tasks), calling O(done) with each one's work and result, and O(tick) about once a second.

        Raises the first error; the other workers are then stopped with the pool.
        """
        waiting = dict(enumerate(tasks))
        finished: set[int] = set()
        while waiting or any(worker.task for worker in self._workers):
            self._hand_out(waiting, finished)
            busy = {worker.channel: worker for worker in self._workers if worker.task}
            for channel in wait(list(busy), timeout=1):
                worker = busy[channel]  # type: ignore[index]
                work = worker.task.work if worker.task else None
                done(work, self._result(worker))
                finished.add(worker.position)
                worker.task = None
            tick()

    def close(self) -> None:
        """Stop the workers and wait for them; a stopped one's sessions end with it, and the servers roll back."""
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
            worker.channel.close()
        for worker in self._workers:
            with suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)
        self._workers = []

    def _hand_out(self, waiting: dict[int, Task], finished: set[int]) -> None:
        for worker in self._workers:
            if worker.task is None:
                held = frozenset().union(*(other.task.locks for other in self._workers if other.task))
                for position, task in waiting.items():
                    if task.needs <= finished and not task.locks & held:
                        worker.task, worker.position = waiting.pop(position), position
                        self._send(worker, task.work)
                        break

    def _send(self, worker: _Worker, work: Any) -> None:
        try:
            worker.channel.send(work)
        except OSError:
            self._result(worker)  # it ended before its first task, and said why

    def _result(self, worker: _Worker) -> Any:
        try:
            good, result = worker.channel.recv()
        except (EOFError, OSError):
            raise ConnectionFailed(
                "a worker of the copy",
                "its process was ended from outside",
                "Check the machine's memory, and run again.",
            ) from None
        if good:
            return result
        raise unpack_error(result)

    def _counter(self, number: int) -> Callable[[int], None]:
        offset = number * _COUNTER.size
        total = 0

        def count(size: int) -> None:
            nonlocal total
            total += size
            _COUNTER.pack_into(self._counters, offset, total)

        return count


def _child(work: Callable[[], None], inherited: Iterable[int]) -> NoReturn:
    """Do O(work) in a process just forked, and end it: nothing of the parent's may be used or cleaned up here."""
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _die_with_parent()
        # Whoever waits for the module's output must not wait for us; the parent's sessions must end with the parent.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        for descriptor in inherited:
            os.close(descriptor)
        work()
        status = 0
    finally:
        os._exit(status)


def _die_with_parent() -> None:
    """Have Linux end this process when its parent is killed; elsewhere it ends with its present statement."""
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _serve(channel: Connection, source: Session, target: Session, snapshot: str, count: Callable[[int], None]) -> None:
    """Do the parent's tasks until it closes the channel or is gone, or one of them fails."""
    try:
        feed = _Feed(source, snapshot, count, channel.fileno())
        session = target.again()
        while True:
            work = channel.recv()
            channel.send((True, _do(work, session, feed)))
    except EOFError:
        return
    except BaseException as error:
        with suppress(OSError):
            channel.send((False, pack_error(error)))


def _do(work: Any, target: Session, feed: _Feed) -> Any:
    if isinstance(work, CopyTables):
        return _copy_tables(work, target, feed)
    if isinstance(work, CopyLargeObjects):
        return _copy_large_objects(work, target, feed)
    if isinstance(work, RunEntry):
        return target.run(work.entry.sql, doing=f"making {work.entry.label}")
    if isinstance(work, Analyze):
        return target.run(f"analyze {', '.join(work.names)}", doing="analyzing")
    if work.source:
        feed.ask(work)
    there = work.read(target) if work.target else None
    return feed.answer() if work.source else None, there


class _Feed:
    """The worker's child with the source's session."""

    def __init__(self, source: Session, snapshot: str, count: Callable[[int], None], inherited: int) -> None:
        self._channel, theirs = Pipe()
        read, write = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # beyond the user's limit
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        if os.fork() == 0:
            closed = [inherited, read, self._channel.fileno()]
            _child(lambda: _feed(theirs, write, source, snapshot), closed)
        theirs.close()
        os.close(write)
        self.reader = FrameReader(read, count)

    def ask(self, what: Any) -> None:
        """Send a comparison, or a list of COPY statements whose data will come in frames."""
        self._channel.send(what)

    def answer(self) -> Any:
        """Return the result of a comparison."""
        try:
            good, result = self._channel.recv()
        except EOFError:
            raise ConnectionFailed("the source", "its process ended", "Run again.") from None
        if good:
            return result
        raise unpack_error(result)

    def copy_in(self, target: Session, sql: str, doing: str) -> int:
        """COPY the next table's data into O(target); return its rows, which both sides counted alike."""
        self.reader.start()
        try:
            rows = target.copy_in(sql, self.reader, doing)
        except Exception:
            if self.reader.error is not None:
                raise self.reader.error from None
            raise
        if rows != self.reader.rows:
            raise StateError(doing, f"the source sent {self.reader.rows} rows, the target took {rows}", "Run again.")
        return rows


def _feed(channel: Connection, descriptor: int, source: Session, snapshot: str) -> None:
    frames = FrameWriter(descriptor)
    session: Session | None = None
    while True:
        try:
            asked = channel.recv()
        except EOFError:
            return
        try:
            if session is None:
                session = source.again()
                session.run("begin isolation level repeatable read read only")
                session.run(f"set transaction snapshot '{snapshot}'", doing="joining the snapshot")
            if isinstance(asked, (Compare, CompareLargeObjects)):
                channel.send((True, asked.read(session)))
                continue
            for sql, doing in asked:
                stream = buffered(frames)
                rows = session.copy_out(sql, stream, doing)
                stream.flush()
                stream.detach()
                frames.end(rows)
        except BaseException as error:
            if isinstance(asked, (Compare, CompareLargeObjects)):
                channel.send((False, pack_error(error)))
            else:
                frames.fail(error)
            return


def _copy_tables(work: CopyTables, target: Session, feed: _Feed) -> list[tuple[str, int, float]]:
    """Return name, rows and seconds of each table."""
    formats = ["binary" if table.binary else "text" for table in work.tables]
    feed.ask(
        [
            (f"copy {table.source_query} to stdout (format {form})", f"reading {table.name}")
            for table, form in zip(work.tables, formats)
        ]
    )
    # Truncated in the transaction that fills it, a table needs no second writing of its pages: FREEZE.
    clearing = [
        f"truncate only {table.name}" if table.freeze else f"delete from only {table.name} {table.condition}"
        for table in work.tables
    ]
    copied = []
    with target.transaction(doing="writing the copy"):
        target.run(";".join(clearing), doing=f"clearing {work.tables[0].name}")
        for table, form in zip(work.tables, formats):
            started = time.monotonic()
            columns = f" ({', '.join(table.columns)})" if table.columns else ""
            freeze = ", freeze" if table.freeze else ""
            sql = f"copy {table.name}{columns} from stdin (format {form}{freeze})"
            rows = feed.copy_in(target, sql, f"writing {table.name}")
            copied.append((table.name, rows, time.monotonic() - started))
        if work.entries:
            labels = ", ".join(entry.label for entry in work.entries[:3])
            target.run("\n".join(entry.sql for entry in work.entries), doing=f"making {labels}")
        marker.record_tables(
            target, [(table.name, row[1], table.bytes, table.activity) for table, row in zip(work.tables, copied)]
        )
    return copied


def _copy_large_objects(work: CopyLargeObjects, target: Session, feed: _Feed) -> int:
    """Return the number of bytes."""
    oids = ",".join(str(oid) for oid, _size in work.objects)
    sizes = ",".join(str(size) for _oid, size in work.objects)
    doing = "copying large objects"
    feed.ask(
        [
            (
                f"copy (select oid, start, lo_get(oid, start, {content.SLICE}) "
                f"from unnest(array[{oids}]::oid[], array[{sizes}]::bigint[]) o(oid, size) "
                f"cross join lateral generate_series(0, greatest(size - 1, 0), {content.SLICE}) s(start)) "
                "to stdout (format binary)",
                "reading large objects",
            )
        ]
    )
    with target.transaction(doing=doing):
        target.run(
            "create temporary table flyover_slice (oid oid, start bigint, data bytea) on commit drop", doing=doing
        )
        feed.copy_in(target, "copy pg_temp.flyover_slice from stdin (format binary)", doing)
        target.run("select count(lo_create(oid)) from (select distinct oid from pg_temp.flyover_slice) o", doing=doing)
        target.run(
            "select count(*) from (select lo_put(oid, start, data) from pg_temp.flyover_slice offset 0) p", doing=doing
        )
    return sum(size for _oid, size in work.objects)
