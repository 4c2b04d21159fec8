# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slow line between a database and its client: a network namespace behind the kernel's netem, or our relay."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.tests.benchmarks import pg_relay

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
    means: str
    """What delays the packets."""

    @property
    def prefix(self) -> list[str]:
        """Return the beginning of a command that runs in the namespace."""
        return ["ip", "netns", "exec", self.namespace]

    def carried(self) -> int:
        """Return the bytes that the line has brought from O(SLOW) so far."""
        return int(Path(f"/sys/class/net/{self.interface}/statistics/tx_bytes").read_text())

    def measured(self, port: int) -> float:
        """Return how long a connection to a server at O(SLOW) takes: one round trip."""
        # The first connections also wait for ARP.
        program = (
            "import socket, time\n"
            "for _attempt in range(3):\n"
            "    begun = time.monotonic()\n"
            f"    socket.create_connection(({SLOW!r}, {port})).close()\n"
            "print(time.monotonic() - begun)\n"
        )
        return float(subprocess.check_output([*self.prefix, sys.executable, "-c", program]))

    def __str__(self) -> str:
        return f"{self.round_trip * 1000:g} ms round trip, {self.rate * 8 / 1e6:g} Mbit/s, by {self.means}"


@contextmanager
def line(round_trip: float = 0.020, rate: float = 200e6 / 8) -> Iterator[Line]:
    """Give a line of O(round_trip) seconds and O(rate) bytes per second; raises Unavailable."""
    if not sys.platform.startswith("linux") or os.getuid() != 0:
        raise Unavailable("network namespaces need root on Linux")
    if missing := [program for program in ("ip", "tc") if shutil.which(program) is None]:
        raise Unavailable(f"there is no {' and no '.join(missing)}; install iproute2")
    name = f"flyover{os.getpid()}"
    within = ["ip", "-n", name]
    _run("ip", "netns", "add", name)
    with ExitStack() as stack:
        stack.callback(_run, "ip", "netns", "delete", name)  # and the interfaces with it
        _run(*within, "link", "set", "lo", "up")
        _join(name, f"{name}f", FAST)
        slow = f"{name}s"
        _join(name, slow, SLOW)
        try:
            netem = ["netem", "delay", f"{round_trip / 2 * 1e6:.0f}us", "rate", f"{rate * 8:.0f}bit"]
            for tc in (["tc"], ["tc", "-n", name]):
                _run(*tc, "qdisc", "add", "dev", slow, "root", *netem)
            means = "netem"
        except Unavailable:  # not every kernel has it
            _run("ip", "link", "delete", slow)
            stack.enter_context(_relay(name, slow, round_trip, rate))
            means = "a relay"
        yield Line(name, slow, round_trip, rate, means)


def _join(namespace: str, interface: str, address: str) -> None:
    """Join O(address) here to its client in O(namespace) by a pair of interfaces called O(interface)."""
    _run("ip", "link", "add", interface, "type", "veth", "peer", "name", interface, "netns", namespace)
    _set_up(["ip"], interface, address)
    _set_up(["ip", "-n", namespace], interface, _CLIENTS[address])


def _set_up(ip: Sequence[str], interface: str, address: str) -> None:
    _run(*ip, "address", "add", f"{address}/{_NETWORK}", "dev", interface)
    _run(*ip, "link", "set", interface, "up")


@contextmanager
def _relay(namespace: str, interface: str, round_trip: float, rate: float) -> Iterator[None]:
    """Join SLOW to its client in O(namespace) by two devices, between which a process of ours carries the packets."""
    far = f"{interface}t"
    try:
        here, there = pg_relay.device(interface), pg_relay.device(far)
    except OSError as error:
        raise Unavailable(f"the kernel has neither netem nor TUN devices ({error.strerror})") from None
    _run("ip", "link", "set", far, "netns", namespace)
    _set_up(["ip"], interface, SLOW)
    _set_up(["ip", "-n", namespace], far, _CLIENTS[SLOW])
    for ip, name in ((["ip"], interface), (["ip", "-n", namespace], far)):
        _run(*ip, "link", "set", name, "mtu", str(pg_relay.PACKET))
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            pg_relay.carry(here, there, round_trip / 2, rate)
        os._exit(0)
    os.close(here)
    os.close(there)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"it ended with {done.returncode}"
        raise Unavailable(f"{' '.join(command)}: {said}")
