# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""COPY data of one session on its way to another: frames in a pipe, to tell a proper end from an accident.

The source's process writes, the target's reads; the bytes are touched only in large pieces.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Callable
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    ConnectionFailed,
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import safe_traceback
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import AuthenticationFailed

_END = 0
_ERROR = 0xFFFFFFFF
_LENGTH = struct.Struct("!I")
_ROWS = struct.Struct("!q")
_PIECE = 1 << 18
# What a session raises; whoever catches an error must be able to tell its kind.
_KINDS = {kind.__name__: kind for kind in (AuthenticationFailed, ConnectionFailed, InputError, StateError)}


def pack_error(error: BaseException) -> bytes:
    """Return O(error) in a form that another process can raise with unpack_error; it holds only our own words."""
    if isinstance(error, FlyoverError):
        return pickle.dumps((type(error).__name__, error.thing, error.cause, error.remedy, error.facts))
    return pickle.dumps(
        (
            "",
            "a worker of the copy",
            f"unexpected {type(error).__name__}",
            "This is a bug in the collection: please report it with the traceback, which contains no values.",
            {"traceback": safe_traceback(error)},
        )
    )


def unpack_error(packed: bytes) -> FlyoverError:
    """Return the error that another process packed, of the same class."""
    name, thing, cause, remedy, facts = pickle.loads(packed)
    return _KINDS.get(name, FlyoverError)(thing, cause, remedy, **facts)


class FrameWriter(io.RawIOBase):
    """The source's end. Wrap it in an io.BufferedWriter, so that a frame holds many rows."""

    def __init__(self, descriptor: int) -> None:
        """Write to O(descriptor), a pipe."""
        super().__init__()
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Return that this can be written."""
        return True

    def write(self, data: Any) -> int:
        """Write one frame."""
        self._all(_LENGTH.pack(len(data)))
        self._all(data)
        return len(data)

    def end(self, rows: int) -> None:
        """Say that a COPY ended as it should, after O(rows) rows."""
        self._all(_LENGTH.pack(_END) + _ROWS.pack(rows))

    def fail(self, error: BaseException) -> None:
        """Say that a COPY was interrupted."""
        packed = pack_error(error)
        self._all(_LENGTH.pack(_ERROR) + _LENGTH.pack(len(packed)) + packed)

    def _all(self, data: Any) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def buffered(writer: FrameWriter) -> io.BufferedWriter:
    """Return the file object to COPY into."""
    return io.BufferedWriter(writer, _PIECE)


class FrameReader:
    """The target's end: a file object for COPY FROM STDIN, once per COPY."""

    def __init__(self, descriptor: int, count: Callable[[int], None]) -> None:
        """Read from O(descriptor); O(count) is told the bytes of each piece."""
        self._descriptor = descriptor
        self._count = count
        self._left = 0
        self._ended = False
        self.rows = -1
        """Rows that the source says it sent; -1 until it has."""
        self.error: FlyoverError | None = None
        """Why the source stopped."""

    def start(self) -> FrameReader:
        """Get ready for the next COPY."""
        self._ended, self.rows = False, -1
        return self

    def read(self, size: int) -> bytes:
        """Return some bytes, or none at the end; raises FlyoverError if the source stopped."""
        if not self._left and not self._ended:
            self._left = self._header()
        if self._ended:
            return b""
        data = os.read(self._descriptor, min(size, self._left))
        if not data:
            raise self._cut_off()
        self._left -= len(data)
        self._count(len(data))
        return data

    def _header(self) -> int:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length == _END:
            (self.rows,) = _ROWS.unpack(self._exactly(_ROWS.size))
            self._ended = True
            return 0
        if length == _ERROR:
            (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
            self.error = unpack_error(self._exactly(size))
            raise self.error
        return int(length)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = os.read(self._descriptor, size - len(data))
            if not piece:
                raise self._cut_off()
            data += piece
        return data

    def _cut_off(self) -> FlyoverError:
        self.error = ConnectionFailed(
            "the source",
            "its process ended in the middle of a table",
            "Run again: nothing half done counts as done.",
        )
        return self.error
