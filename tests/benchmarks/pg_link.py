# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slow line between a database and who copies it, made of a network namespace and the kernel's netem."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# RFC 2544: addresses for benchmarks.
SLOW, FAST = "198.18.0.1", "198.18.0.5"
_CLIENTS = {SLOW: "198.18.0.2", FAST: "198.18.0.6"}
_NETWORK = 30


class Unavailable(Exception):
    """No line can be simulated here; the text says why."""


@dataclass(frozen=True)
class Line:
    """A namespace in which O(SLOW) is far away and O(FAST) is near; servers outside listen there."""

    namespace: str
    interface: str
    round_trip: float
    """Seconds."""
    rate: float
    """Bytes per second."""

    @property
    def prefix(self) -> list[str]:
        """Return what begins a command that is to run in the namespace."""
        return ["ip", "netns", "exec", self.namespace]

    def carried(self) -> int:
        """Return the bytes that the line has brought from O(SLOW) so far."""
        return int(Path(f"/sys/class/net/{self.interface}/statistics/tx_bytes").read_text())

    def measured(self, port: int) -> float:
        """Return how long a connection to a server at O(SLOW) takes: one round trip."""
        # The first ones also wait for each other's hardware addresses.
        program = (
            "import socket, time\n"
            "for _attempt in range(3):\n"
            "    begun = time.monotonic()\n"
            f"    socket.create_connection(({SLOW!r}, {port})).close()\n"
            "print(time.monotonic() - begun)\n"
        )
        return float(subprocess.check_output([*self.prefix, sys.executable, "-c", program]))

    def __str__(self) -> str:
        return f"{self.round_trip * 1000:g} ms round trip, {self.rate * 8 / 1e6:g} Mbit/s"


@contextmanager
def line(round_trip: float = 0.020, rate: float = 200e6 / 8) -> Iterator[Line]:
    """Give a line of O(round_trip) seconds and O(rate) bytes per second; raises Unavailable."""
    if not sys.platform.startswith("linux") or os.getuid() != 0:
        raise Unavailable("network namespaces need root on Linux")
    if missing := [program for program in ("ip", "tc") if shutil.which(program) is None]:
        raise Unavailable(f"there is no {' and no '.join(missing)}; install iproute2")
    name = f"flyover{os.getpid()}"
    slow, fast = f"{name}s", f"{name}f"
    netem = ["netem", "delay", f"{round_trip / 2 * 1e6:.0f}us", "rate", f"{rate * 8:.0f}bit"]
    _run("ip", "netns", "add", name)
    try:
        within = ["ip", "-n", name]
        _run(*within, "link", "set", "lo", "up")
        for interface, address in ((slow, SLOW), (fast, FAST)):
            _run("ip", "link", "add", interface, "type", "veth", "peer", "name", interface, "netns", name)
            _run("ip", "address", "add", f"{address}/{_NETWORK}", "dev", interface)
            _run(*within, "address", "add", f"{_CLIENTS[address]}/{_NETWORK}", "dev", interface)
            _run("ip", "link", "set", interface, "up")
            _run(*within, "link", "set", interface, "up")
        for tc in (["tc"], ["tc", "-n", name]):
            _run(*tc, "qdisc", "add", "dev", slow, "root", *netem)
        yield Line(name, slow, round_trip, rate)
    finally:
        _run("ip", "netns", "delete", name)  # and both interfaces with it


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"it ended with {done.returncode}"
        raise Unavailable(f"{' '.join(command)}: {said}")
