# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What applies to every request: recording, injected faults, request ids."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

Message = MutableMapping[str, Any]
ASGIApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

ADMIN = "/_sandbox"
WEB = "/_apps"  # the deployed apps themselves
# POST requests that change nothing.
READING = re.compile(r"/actions/addon-attachments/resolve|/v1/platform/placements")
_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


def now() -> str:
    """Return the time in the format of both platforms."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_id() -> str:
    """Return a new id."""
    return str(uuid.uuid4())


class Refused(Exception):
    """A refused request: the answer's status and body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


async def refuse(_request: Request, error: Exception) -> Response:
    """Return the answer for a request that a handler refused."""
    assert isinstance(error, Refused)
    return JSONResponse(error.body, error.status)


class Protocol(H11Protocol):
    """A protocol that remembers each connection, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _TRANSPORTS[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _TRANSPORTS.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


@dataclass
class Fault:
    """What happens to the next requests that match."""

    method: str
    path: str
    times: int = 1
    status: int = 0
    delay: float = 0.0
    reset: bool = False
    truncate: bool = False

    def takes(self, method: str, path: str) -> bool:
        """Return whether the fault is for this request."""
        return self.times > 0 and self.method in ("*", method) and fnmatchcase(path, self.path)


@dataclass
class Journal:
    """All requests so far, and the pending faults."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, fault: Fault) -> None:
        """Add a fault, which replaces any for the same requests; with zero times, only remove that."""
        self.faults = [f for f in self.faults if (f.method, f.path) != (fault.method, fault.path)]
        if fault.times > 0:
            self.faults.append(fault)

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault for a request, and count it."""
        for fault in self.faults:
            if fault.takes(method, path):
                fault.times -= 1
                return fault
        return None


class Wire:
    """ASGI middleware around one platform's application."""

    def __init__(self, app: ASGIApp, service: str, journal: Journal, id_header: str) -> None:
        """Take the name of the platform's request id header (O(id_header))."""
        self._app = app
        self._service = service
        self._journal = journal
        self._id_header = id_header.encode()

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        entry = self._record(scope, body)
        fault = self._journal.next_fault(scope["method"], scope["path"])
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.reset:
            entry["status"] = 0
            _reset(scope)
            return
        if fault and fault.status:
            entry["status"] = fault.status
            await self._failure(fault.status)(scope, receive, self._sender(entry, send))
            return

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        sender = self._sender(entry, send, cut=bool(fault and fault.truncate))
        try:
            await self._app(scope, replay, sender)
        finally:
            if fault and fault.truncate:
                _reset(scope)

    def _record(self, scope: Message, body: bytes) -> dict[str, Any]:
        try:
            content = json.loads(body) if body else None
        except ValueError:
            content = None
        keys = sorted(content) if isinstance(content, dict) else []
        entry = {
            "service": self._service,
            "method": scope["method"],
            "path": scope["path"],
            "status": 0,
            "mutating": _mutates(scope["method"], scope["path"], content),
            "body_keys": keys,
        }
        if not scope["path"].startswith(WEB):  # requests to a deployed app may fail, but are not the platform's
            self._journal.entries.append(entry)
        return entry

    def _sender(self, entry: dict[str, Any], send: Any, cut: bool = False) -> Any:
        request_id = new_id().encode()

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                message["headers"] = [*message.get("headers", []), (self._id_header, request_id)]
            elif cut:
                message = {**message, "body": message.get("body", b"")[: len(message.get("body", b"")) // 2]}
                message["more_body"] = True
            await send(message)

        return sender

    def _failure(self, status: int) -> Response:
        if self._service == "heroku":
            names = {429: "rate_limit", 401: "unauthorized", 403: "forbidden", 404: "not_found", 503: "unavailable"}
            return JSONResponse(
                {"id": names.get(status, "internal_server_error"), "message": "Injected fault."}, status
            )
        return JSONResponse({"error": "injected fault", "status": "unknown"}, status)


def _mutates(method: str, path: str, content: Any) -> bool:
    if method in ("GET", "HEAD", "OPTIONS") or READING.fullmatch(path):
        return False
    if path == "/graphql":
        return "mutation" in str(content.get("query", "") if isinstance(content, dict) else "")
    return True


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _reset(scope: Message) -> None:
    """Cut the connection, so that the client gets a reset."""
    transport = _TRANSPORTS.get(tuple(scope["client"])[:2])
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
