# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One Redis or Valkey server: connecting without showing the password, and errors in this collection's terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    ConnectionFailed,
    InputError,
    StateError,
)

CONNECT_TIMEOUT = 20  # seconds
SOCKET_TIMEOUT = 120
PORT = 6379


@dataclass(frozen=True)
class Address:
    """Where a server is and who connects to it."""

    host: str
    port: int
    database: int
    tls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"Redis at {self.host}:{self.port}, database {self.database}"


def parse(url: str, option: str) -> Address:
    """Take a C(redis://) or C(rediss://) URL apart; raises InputError, which names O(option) and no value."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or PORT
    except ValueError:
        raise InputError(option, "it can not be read as a URL", "Pass the URL as the platform shows it.") from None
    database = parts.path.lstrip("/") or dict(parse_qsl(parts.query)).get("db") or "0"
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not re.fullmatch(r"\d{1,5}", database):
        raise InputError(
            option, "it is no redis:// or rediss:// URL with a host", "Pass the URL as the platform shows it."
        )
    return Address(
        host=parts.hostname,
        port=port,
        database=int(database),
        tls=parts.scheme == "rediss",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


@contextmanager
def connected(address: Address) -> Iterator[Any]:
    """Give a client; raises typed errors for what the library raises, whose texts may quote a command's arguments."""
    try:
        library = import_module("redis")
    except ImportError:
        raise InputError(
            "Python library redis", "it is not installed on the host that runs the module", "Run: pip install redis"
        ) from None
    client = library.Redis(
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.user or None,
        password=address.password or None,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
        socket_keepalive=True,
        # Heroku's certificates are signed by nobody; its own client does not verify them either.
        **({"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False} if address.tls else {}),
    )
    try:
        client.ping()
        yield client
    except library.exceptions.AuthenticationError:
        raise InputError(
            str(address),
            "the server refuses the user or password",
            "Read the URL again from the platform (Heroku rotates credentials), and run again.",
        ) from None
    except (library.exceptions.ConnectionError, library.exceptions.TimeoutError) as error:
        raise ConnectionFailed(
            str(address),
            f"the connection failed or was lost ({type(error.__cause__ or error).__name__})",
            "Check host, port and tunnel, then run again: what is equal is not copied twice.",
        ) from None
    except library.exceptions.ResponseError as error:
        # The first word is the kind of error (WRONGTYPE, OOM, NOPERM, ...); what follows may quote values.
        kind = str(error).split(" ", 1)[0]
        remedies = {
            "OOM": "Give the server more memory (a larger plan), then run again.",
            "READONLY": "Give the URL of the primary, not of a replica.",
        }
        remedy = remedies.get(kind, "See what the server allows this user, then run again.")
        raise StateError(str(address), f"the server refused a command ({kind})", remedy) from None
    finally:
        client.close()
