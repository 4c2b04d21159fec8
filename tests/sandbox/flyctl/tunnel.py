# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""flyctl proxy and flyctl mpg proxy: a local port into the organization's network."""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading
from typing import NoReturn
from urllib.parse import urlsplit

from .api import Failed, call, uiex

PRIVATE = (".flycast", ".internal", ".upstash.io")  # hosts that exist only in the organization's network


def proxy(arguments: argparse.Namespace) -> None:
    """Forward a local port to a host of the private network."""
    local, _colon, remote = arguments.ports.partition(":")
    host, port = arguments.host or "127.0.0.1", int(remote or local)
    if host.endswith(PRIVATE):
        found = call("FLY_FLAPS_BASE_URL", "GET", f"/_sandbox/private/{host}")
        host, port = found["host"], found["port"]
    try:
        socket.getaddrinfo(host, port)
    except OSError:
        raise Failed(f"host was not found in DNS: {host}") from None
    relay(arguments.bind_addr, int(local), host, port)


def mpg_proxy(arguments: argparse.Namespace) -> None:
    """Forward a local port to a Managed Postgres cluster."""
    found = uiex("GET", f"/postgresv2/{arguments.cluster}")
    address = urlsplit(found["credentials"]["pgbouncer_uri"] or "")
    if not address.hostname:
        raise Failed(f"cluster {arguments.cluster} is not ready")
    relay(arguments.bind_addr, arguments.local_port, address.hostname, address.port or 5432)


def relay(bind: str, port: int, host: str, remote: int) -> NoReturn:
    """Forward connections until the process ends."""
    listener = socket.create_server((bind, port))
    print(f"Proxying localhost:{port} to remote [{host}]:{remote}", flush=True)
    while True:
        here, _address = listener.accept()
        try:
            there = socket.create_connection((host, remote))
        except OSError:
            here.close()
            continue
        for source, sink in ((here, there), (there, here)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy one direction of a connection."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 17):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
