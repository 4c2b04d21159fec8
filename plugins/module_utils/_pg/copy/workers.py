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
import gc
import mmap
import os
import signal
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    ConnectionFailed,
    FlyoverError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import Work
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.frames import (
    FrameReader,
    FrameWriter,
    buffered,
    pack_error,
    unpack_error,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_PIPE_BYTES = 1 << 20
_COUNTER = struct.Struct("=Q")


@dataclass
class Task:
    """Work, and when it may begin."""

    work: Work
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
    """The workers. Close it after use."""

    def __init__(self, source: Session, target: Session, snapshot: str, jobs: int) -> None:
        """Fork O(jobs) workers that open sessions like O(source), under O(snapshot), and O(target)."""
        self._workers: list[_Worker] = []
        self._counters = mmap.mmap(-1, _COUNTER.size * jobs)
        try:
            for number in range(jobs):
                channel, remote = Pipe()
                inherited = [worker.channel.fileno() for worker in self._workers] + [channel.fileno()]
                inherited += [source.fileno(), target.fileno()]
                pid = os.fork()
                if pid == 0:
                    _child(partial(_serve, remote, source, target, snapshot, self._counter(number)), inherited)
                remote.close()
                self._workers.append(_Worker(pid, channel))
        except BaseException:
            self.close()
            raise

    def bytes_moved(self) -> int:
        """Return the bytes that have come from the source so far."""
        size = _COUNTER.size
        return sum(_COUNTER.unpack_from(self._counters, offset)[0] for offset in range(0, len(self._counters), size))

    def run(self, tasks: Sequence[Task], done: Callable[[Any, Any], None], tick: Callable[[], None]) -> None:
        """Do all O(tasks); call O(done) with the work and result of each, and O(tick) about once a second.

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
        """Stop the workers and wait for them; their sessions end with them, and the servers roll back."""
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
            raise _gone() from None
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
    """Do O(work) in a process just forked, and end it: nothing of the parent may be used or cleaned up here."""
    status = 1
    try:
        # To collect the parent's garbage would copy all memory that is shared with it.
        gc.freeze()
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
    """Have Linux end this process when its parent is killed; elsewhere it ends after its current statement."""
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _serve(channel: Connection, source: Session, target: Session, snapshot: str, count: Callable[[int], None]) -> None:
    """Do the parent's tasks until it closes the channel or is gone, or until a task fails."""
    try:
        feed = _Feed(source, snapshot, count, channel.fileno())
        session = target.again()
        with session.as_app():
            while True:
                work = channel.recv()
                channel.send((True, work.do(session, feed)))
    except EOFError:
        return
    except BaseException as error:
        with suppress(OSError):
            channel.send((False, pack_error(error)))


class _Feed:
    """The worker's child with the source's session."""

    def __init__(self, source: Session, snapshot: str, count: Callable[[int], None], inherited: int) -> None:
        self._channel, remote = Pipe()
        read, write = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # beyond the user's limit
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        if os.fork() == 0:
            closed = [inherited, read, self._channel.fileno()]
            _child(lambda: _feed(remote, write, source, snapshot), closed)
        remote.close()
        os.close(write)
        self.reader = FrameReader(read, count)
        self._asked = 0

    def ask(self, what: Any) -> None:
        """Have the source's session do something; see Feed."""
        self._asked = len(what) if isinstance(what, list) else 0
        try:
            self._channel.send(what)
        except OSError:
            raise _gone() from None

    def answer(self) -> Any:
        """Return what was read."""
        try:
            good, result = self._channel.recv()
        except (EOFError, OSError):
            raise _gone() from None
        if good:
            return result
        raise unpack_error(result)

    def copy_in(self, target: Session, sql: str, doing: str) -> int:
        """COPY the next table's data into O(target); return its rows, which both sides counted alike."""
        self.reader.start()
        self._asked -= 1
        try:
            rows = target.copy_in(sql, self.reader, doing)
        except Exception:
            if self.reader.error is not None:
                raise self.reader.error from None
            raise
        if rows != self.reader.rows:
            raise StateError(doing, f"the source sent {self.reader.rows} rows, the target took {rows}", "Run again.")
        return rows

    def skip(self) -> None:
        """Read to its end what was asked for and is no longer wanted."""
        while True:
            try:
                while self.reader.read(1 << 20):
                    pass
            except FlyoverError as error:
                if isinstance(error, ConnectionFailed):
                    raise
                return  # the source stopped, and sends nothing more
            if self._asked <= 0:
                return
            self.reader.start()
            self._asked -= 1


def _gone() -> ConnectionFailed:
    return ConnectionFailed(
        "a worker of the copy",
        "its process was killed from outside",
        "Check the machine's memory, and run again: nothing half done counts as done.",
    )


def _feed(channel: Connection, descriptor: int, source: Session, snapshot: str) -> None:
    frames = FrameWriter(descriptor)
    session: Session | None = None
    with suppress(FlyoverError):  # whoever asks first is told
        session = source.again()
    while True:
        try:
            asked = channel.recv()
        except EOFError:
            return
        try:
            session = session or source.again()
            # A new transaction for each task, under the same snapshot, because it locks what it reads until its end.
            session.run(
                "rollback; begin isolation level repeatable read read only; "
                f"set transaction snapshot '{snapshot}'; "
                f"select set_config('search_path', %s, true)",
                [session.app_path],
                doing="joining the snapshot",
            )
            if not isinstance(asked, list):
                channel.send((True, asked.read(session)))
                continue
            for sql, doing in asked:
                stream = buffered(frames)
                rows = session.copy_out(sql, stream, doing)
                stream.flush()
                stream.detach()
                frames.end(rows)
        except BrokenPipeError:
            return  # the worker itself was ended
        except BaseException as error:
            if not isinstance(asked, list):
                channel.send((False, pack_error(error)))
            else:
                frames.fail(error)
            if not isinstance(error, StateError):
                return
