# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make bench-pg: ways to copy a database, on loopback and across a slow line: time, CPU, memory, and what gets lost."""

from __future__ import annotations

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import ansible.release

from ansible_collections.flyover.heroku_to_fly.tests.benchmarks import usage
from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.pg_databases import KINDS, build, execute, row_counts
from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.pg_link import FAST, SLOW, Line, Unavailable, line
from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.pg_ways import GUIDE, WAYS, Command, Way
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.postgres import PostgresServer, installations
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.processes import LOOPBACK, dying_with_parent, stop

OWNER = "app"
CHANGED = "changed"
"""A copy of a source whose rows may change."""

# Settings in which the sandbox's servers differ from a server that was just installed.
AS_INSTALLED = {"fsync": "on", "shared_buffers": "128MB"}
TARGETS = {
    "default": AS_INSTALLED,
    # fly-apps/postgres-flex, of a Machine with 2 GB
    "flex": {
        **AS_INSTALLED,
        "wal_level": "replica",
        "wal_log_hints": "on",
        "wal_compression": "on",
        "max_wal_size": "1GB",
        "shared_buffers": "512MB",
    },
}
# psql, pg_dump, pg_restore and pgcopydb pass on the server's errors, and have some of their own. Lines from parallel
# processes may be mixed up.
_ERROR = re.compile(r"\b(?:ERROR|FATAL)\b.*|: error: (?!.*\b(?:ERROR|FATAL)\b).*")


@dataclass(frozen=True)
class Figures:
    """What one run took; sizes in bytes, times in seconds."""

    seconds: float
    target_cpu: float
    source_cpu: float
    client_cpu: float
    client_peak: float
    wal: float
    """Written by the target."""
    carried: float
    """By the slow line, from the source."""
    errors: float
    failed: float
    """Whether the last program ended with an error."""
    lost: float
    """Number of tables that the target lacks, or that have another number of rows there."""


class Bench:
    """Two servers, and the programs that copy from one to the other."""

    def __init__(
        self, source: PostgresServer, target: PostgresServer, password: str, folder: Path, near: str = FAST
    ) -> None:
        """Clients find O(password) in a file in O(folder); across a line, O(near) is the target's address."""
        self._near = near
        self._source = source
        self._target = target
        self._password = password
        self._folder = folder
        self._passfile = folder / "passwords"
        self._passfile.touch(mode=0o600)
        self._passfile.write_text(f"*:*:*:{OWNER}:{password}\n")

    def run(self, database: str, way: Way, across: Line | None) -> Figures:
        """Copy the source O(database) into a new one of the same name."""
        name = CHANGED if way.changed else database
        if way.changed:
            execute(self._source, f"create database {name} template {database} owner {OWNER}")
        execute(self._target, f"create database {name} owner {OWNER}")
        try:
            for command in way.before:
                code, said, _peak = self._command(command, name, across)
                if code:
                    raise RuntimeError(f"what comes before {way.title} failed: {said[-2000:]}")
            if way.changed:
                rows = sum(row_counts(self._source, name).values()) if way.changed >= 1 else 1
                execute(self._source, KINDS[database].change.format(share=way.changed / rows), name)
            return self._measured(way, name, across)
        finally:
            # Where it was made for this run only, on the source too.
            for server in (self._target, self._source)[: 1 + bool(way.changed)]:
                execute(server, f"drop database {name} with (force)")

    def _measured(self, way: Way, database: str, across: Line | None) -> Figures:
        for server in (self._source, self._target):
            execute(server, "checkpoint")
        meters: dict[str, Callable[[], float]] = {
            "seconds": time.monotonic,
            "target_cpu": lambda: usage.server_cpu(self._target.pid),
            "source_cpu": lambda: usage.server_cpu(self._source.pid),
            "client_cpu": usage.children_cpu,
            "wal": lambda: float(execute(self._target, "select pg_current_wal_insert_lsn() - '0/0'")[0][0]),
            "carried": lambda: across.carried() if across else 0,
        }
        if not usage.AVAILABLE:
            meters |= {name: lambda: 0.0 for name in ("target_cpu", "source_cpu")}
        # The clock is read last before, and first after.
        before = {name: meters[name]() for name in reversed(meters)}
        code, said, peak = self._command(way.command, database, across)
        spent = {name: meter() - before[name] for name, meter in meters.items()}
        here, there = row_counts(self._target, database), row_counts(self._source, database)
        lost = sum(here.get(table) != rows for table, rows in there.items())
        errors = _ERROR.findall(said)
        if code:
            progress(f"{way.title} ended with {code}: {(errors or [said])[0][-500:]}")
        return Figures(**spent, client_peak=peak, errors=len(errors), failed=code != 0, lost=lost)

    def _command(self, command: Command, database: str, across: Line | None) -> tuple[int, str, int]:
        """Return how O(command) ended, what it said, and how many bytes of memory it took."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._folder)))
            given, said = (stack.enter_context(tempfile.TemporaryFile(dir=self._folder)) for _each in range(2))
            given.write(command.standard_input(*self._urls(database, across, f"{OWNER}:{self._password}")))
            given.seek(0)
            process = subprocess.Popen(
                [*(across.prefix if across else ()), "sh", "-c", command.script],
                env=self._environment(database, across, folder),
                stdin=given,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_parent(),
            )
            try:
                with usage.PeakMemory(process.pid) as memory:
                    process.wait()
            finally:
                stop(process)
            said.seek(0)
            return process.returncode, said.read().decode(errors="replace"), memory.bytes

    def _urls(self, database: str, across: Line | None, user: str) -> list[str]:
        # The host name is local, so no client insists on TLS.
        places = ((self._source, SLOW), (self._target, self._near))
        return [
            f"postgresql://{user}@localhost:{server.port}/{database}?hostaddr={address if across else LOOPBACK}"
            for server, address in places
        ]

    def _environment(self, database: str, across: Line | None, folder: Path) -> dict[str, str]:
        source, target = self._urls(database, across, OWNER)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return {
            **kept,
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "WORK": str(folder),
            "PYTHON": sys.executable,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PGPASSFILE": str(self._passfile),
            "SOURCE": source,
            "TARGET": target,
        }


@contextmanager
def running(number: int, password: str, settings: Mapping[str, str], address: str | None) -> Iterator[PostgresServer]:
    """Give a server of the oldest or newest version here, with the app's role; it listens on O(address) too."""
    listen = {"listen_addresses": f"{LOOPBACK},{address}"} if address else {}
    server = PostgresServer(installations()[number], settings={**settings, **listen})
    try:
        server.start()
        execute(server, f"create role {OWNER} login password '{password}'")
        yield server
    finally:
        server.stop()


def compare(
    bench: Bench, database: str, ways: Mapping[str, Way], runs: int, across: Line | None
) -> dict[str, list[Figures]]:
    """Measure each way O(runs) times, in turns, so that a disturbance of the machine does not hit only one of them."""
    results: dict[str, list[Figures]] = {name: [] for name in ways}
    for number in range(runs):
        for name, way in ways.items():
            figures = bench.run(database, way, across)
            results[name].append(figures)
            progress(f"{database}, {number + 1} of {runs}, {name}: {figures.seconds:.1f} s")
    return results


def progress(text: str) -> None:
    """Say on standard error what is being done."""
    print(text, file=sys.stderr, flush=True)


def machine() -> Iterator[str]:
    """Yield the facts about the machine that the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()} {platform.machine()}"
    yield f"load before: {os.getloadavg()[0]:.1f}"
    source, target = installations()[0], installations()[-1]
    for role, found in (("source", source), ("target", target)):
        yield f"{role}: {_said(str(found.folder / 'postgres'), '--version')}"
    for program in ("pg_dump", "pgcopydb"):
        yield f"{program}: {_said(program, '--version') or 'not installed'}"
    yield f"Python {platform.python_version()}, ansible-core {ansible.release.__version__}"


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    except OSError:
        return ""


def table(results: Mapping[str, Sequence[Figures]], across: Line | None) -> Iterator[str]:
    """Yield the lines of a table: medians of each way's runs."""
    medians = {
        name: Figures(**{field.name: median(getattr(run, field.name) for run in runs) for field in fields(Figures)})
        for name, runs in results.items()
    }
    guide = medians[GUIDE].seconds if GUIDE in medians else None
    heads = ["s", "of guide"]
    heads += ["MB carried", "of line"] if across else []
    heads += [
        "target CPU s",
        "source CPU s",
        "client CPU s",
        "client peak MB",
        "target WAL MB",
        "errors",
        "tables lost",
    ]
    yield f"| way | {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * len(heads)}"
    for name, run in medians.items():
        cells = [f"{run.seconds:.2f}", f"{run.seconds / guide:.2f}" if guide else "-"]
        if across:
            cells += [_megabytes(run.carried), f"{run.seconds / (run.carried / across.rate):.2f}"]
        cells += [f"{run.target_cpu:.1f}", f"{run.source_cpu:.1f}"] if usage.AVAILABLE else ["-", "-"]
        cells += [f"{run.client_cpu:.1f}", _megabytes(run.client_peak) if usage.AVAILABLE else "-", _megabytes(run.wal)]
        cells += [f"{run.errors:.0f}{', fails' if run.failed else ''}", f"{run.lost:.0f}"]
        yield f"| {WAYS[name].title} | {' | '.join(cells)} |"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f}"


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="bench-pg", description=__doc__)
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=list(KINDS), metavar="NAME")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="NAME", help=", ".join(WAYS))
    parser.add_argument("--runs", type=int, default=3, help="of each way; the table has their medians")
    parser.add_argument("--gigabytes", type=float, default=0.2, help="size of the database 'big'")
    parser.add_argument("--link", action=argparse.BooleanOptionalAction, default=True, help="across a slow line too")
    parser.add_argument("--both-far", action="store_true", help="the target is at the far end of the slow line too")
    parser.add_argument("--target", choices=[*TARGETS, "both"], default="default", help="the target's configuration")
    return parser.parse_args()


def main() -> None:
    """Print the machine and the tables."""
    wanted = options()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("interrupted"))
    os.environ["PATH"] = os.pathsep.join([str(installations()[-1].folder), os.environ.get("PATH", os.defpath)])
    for fact in machine():
        print(f"- {fact}")
    ways = {name: WAYS[name] for name in wanted.ways}
    for name, way in list(ways.items()):
        if missing := way.missing():
            print(f"- {way.title}: skipped, {missing}")
            del ways[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-pg-")))
        across: Line | None = None
        if wanted.link:
            try:
                across = stack.enter_context(line())
            except Unavailable as reason:
                print(f"- slow line: skipped, {reason}")
        print(
            "- of guide: multiple of the guide's time; of line: of the time that the line needs for the bytes carried"
        )
        password = os.urandom(16).hex()
        source = stack.enter_context(running(0, password, AS_INSTALLED | {"fsync": "off"}, SLOW if across else None))
        if across:
            print(f"- slow line: {across}; measured {across.measured(source.port) * 1000:.1f} ms")
        for name in wanted.databases:
            progress(f"building {name}")
            build(source, name, OWNER, wanted.gigabytes)
        for configuration in TARGETS if wanted.target == "both" else [wanted.target]:
            near = SLOW if wanted.both_far else FAST
            with running(-1, password, TARGETS[configuration], near if across else None) as target:
                bench = Bench(source, target, password, folder, near)
                for name in wanted.databases:
                    size = execute(source, f"select pg_database_size('{name}')")[0][0]
                    about = f"{KINDS[name].title}, {_megabytes(size)} MB; target's configuration: {configuration}"
                    for place in [None, across] if across else [None]:
                        where = f"across {place}" if place else "on loopback"
                        print(f"\n### `{name}`: {about}; {where}; medians of {wanted.runs}\n", flush=True)
                        results = compare(bench, name, ways, wanted.runs, place)
                        print("\n".join(table(results, place)), flush=True)


if __name__ == "__main__":
    main()
