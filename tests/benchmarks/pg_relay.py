# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets carried between two TUN devices with delay and limited rate, where the kernel has no netem."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import time
from collections import deque
from contextlib import suppress

PACKET = 9000
"""Largest packet in bytes: with larger ones than Ethernet's a process keeps up."""
# linux/if_tun.h
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_AT_ONCE = 32
_LONGEST_QUEUE = 0.1
"""Seconds; a packet that would have to wait longer is lost, as in a router."""


def device(name: str) -> int:
    """Make a TUN device; return its descriptor, which reads and writes whole packets. Raises OSError."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


def carry(one: int, other: int, delay: float, rate: float) -> None:
    """Carry packets both ways forever, each O(delay) seconds long and at O(rate) bytes per second."""
    ways = {one: _Way(other, delay, rate), other: _Way(one, delay, rate)}
    while True:
        due = [way.queue[0][0] for way in ways.values() if way.queue]
        patience = max(0.0, min(due) - time.monotonic()) if due else None
        for descriptor in select.select(list(ways), [], [], patience)[0]:
            with suppress(BlockingIOError):
                for _packet in range(_AT_ONCE):
                    ways[descriptor].take(os.read(descriptor, 1 << 16))
        for way in ways.values():
            way.hand_over()


class _Way:
    """One direction."""

    def __init__(self, to: int, delay: float, rate: float) -> None:
        self._to = to
        self._delay = delay
        self._rate = rate
        self._free = 0.0
        self.queue: deque[tuple[float, bytes]] = deque()

    def take(self, packet: bytes) -> None:
        now = time.monotonic()
        begin = max(self._free, now)
        if begin - now <= _LONGEST_QUEUE:
            self._free = begin + len(packet) / self._rate
            self.queue.append((self._free + self._delay, packet))

    def hand_over(self) -> None:
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now:
            os.write(self._to, self.queue.popleft()[1])
