# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One Redis or Valkey server: connect without showing the password, with errors in this collection's terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    ConnectionFailed,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import (
    Broken,
    Connection,
    Missing,
    Refused,
)

PORT = 6379
CLIENT_NAME = "flyover"
# Error's first word -> what to do.
REMEDIES = {
    "OOM": "Give the server more memory (a larger plan), then run again.",
    "READONLY": "Give the URL of the primary, not of a replica.",
    "LOADING": "The server is starting: run again in a minute.",
}


@dataclass(frozen=True)
class Address:
    """Where a server is and who connects to it; O(chosen) says whether the URL names its database."""

    host: str
    port: int
    database: int
    tls: bool
    user: str = ""
    password: str = field(default="", repr=False)
    chosen: bool = False

    def __str__(self) -> str:
        return f"Redis at {self.host}:{self.port}, database {self.database}"

    def other(self, database: int) -> Address:
        """Return another database of the same server."""
        return replace(self, database=database)


def parse(url: str, option: str) -> Address:
    """Parse a C(redis://) or C(rediss://) URL; raises InputError, which names O(option) and no value."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or PORT
    except ValueError:
        raise InputError(option, "it cannot be read as a URL", "Pass the URL as the platform shows it.") from None
    named = parts.path.lstrip("/") or dict(parse_qsl(parts.query)).get("db") or ""
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not re.fullmatch(r"\d{0,5}", named):
        raise InputError(
            option, "it is not a redis:// or rediss:// URL with a host", "Pass the URL as the platform shows it."
        )
    return Address(
        host=parts.hostname,
        port=port,
        database=int(named or 0),
        tls=parts.scheme == "rediss",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        chosen=int(named or 0) > 0,
    )


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """Give a logged-in connection to the address's database; raises typed errors, whose texts quote no argument."""
    try:
        connection = Connection(address.host, address.port, address.tls, (address.user, address.password))
    except Missing:
        raise InputError(
            "Python library redis", "it is not installed on the host that runs the module", "Run: pip install redis"
        ) from None
    except Broken as error:
        raise _lost(address, str(error)) from None
    except Refused:
        raise _wrong_password(address) from None
    try:
        _select(connection, address)
        yield connection
    except Broken as error:
        if error.origin not in (connection, None):
            raise
        raise _lost(address, str(error)) from None
    except Refused as error:
        if error.origin not in (connection, None):
            raise
        remedy = REMEDIES.get(error.kind, "See what the server allows this user, then run again.")
        raise StateError(str(address), f"the server refused {error.command} ({error.kind})", remedy) from None
    finally:
        connection.close()


def _lost(address: Address, how: str) -> ConnectionFailed:
    return ConnectionFailed(
        str(address),
        f"the connection failed or was lost ({how})",
        "Check host, port and tunnel, then run again: what is equal is not copied twice.",
    )


def _select(connection: Connection, address: Address) -> None:
    try:
        connection.call("PING")
    except Refused as error:
        if error.kind == "NOAUTH":
            raise _wrong_password(address) from None
        raise
    # For readers of CLIENT LIST; some servers do not support names.
    connection.pipe([["CLIENT", "SETNAME", CLIENT_NAME]])
    if address.database:
        try:
            connection.call("SELECT", address.database)
        except Refused:
            raise StateError(
                str(address), "the server does not have this database", "Give a URL whose database it has."
            ) from None


def _wrong_password(address: Address) -> InputError:
    return InputError(
        str(address),
        "the server refuses the user or password",
        "Read the URL again from the platform (Heroku rotates credentials), and run again.",
    )
