# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""PostgreSQL's failures in this collection's terms, by SQLSTATE: third-party texts may quote values."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    ConnectionFailed,
    FlyoverError,
    InputError,
    StateError,
)

# Classes whose primary message is about objects and limits. That of others (22, P0) may quote a row's values.
_TELLING: tuple[str, ...] = (
    "08",
    "0A",
    "23",
    "25",
    "28",
    "2B",
    "3D",
    "3F",
    "42",
    "53",
    "54",
    "55",
    "57",
    "58",
    "F0",
    "XX",
)
_TELLING += ("22001", "22004", "22012")  # a value's type and no more

# SQLSTATE (or its class) -> what to do. postgresql.org/docs/current/errcodes-appendix.html
_REMEDIES = {
    "22021": "The source holds text that is not valid in the target's encoding: correct it on the source first.",
    "22P05": "The source holds text that is not valid in the target's encoding: correct it on the source first.",
    "23": "A row violates that rule as the target checks it: look at the rule, and the functions that it calls, "
    "on the source.",
    "25006": "The server is a follower, or fenced against writes: use the primary's URL.",
    "40001": "Another session got in the way: run again.",
    "40P01": "Another session got in the way: run again.",
    "42501": "Give the role that privilege, or use the URL of the owner's role.",
    "53100": "Make the target's disk larger, then run again.",
    "53200": "The server ran out of memory or lock slots: run again with fewer jobs. A server of your own can have "
    "more slots by max_locks_per_transaction.",
    "53300": "Free connections (scale dynos down, close other clients) or lower jobs, then run again.",
    "55P03": "Another session, such as a migration, holds the lock: let it end, then run again.",
    "57014": "A timeout or an administrator cancelled the statement: run again.",
    "57P01": "The server was restarted or ended the session: run again.",
    "57P03": "The server is starting or stopping: run again in a minute.",
}
_ANY_REMEDY = "Correct that on the database it names, then run again."

# What libpq says without an SQLSTATE, when there is no connection yet.
_CONNECT = (
    (
        r"password authentication failed|no password supplied|role \".*\" does not exist",
        "the server refuses the user or password",
        "Read the URL again from the platform (Heroku rotates credentials), and run again.",
    ),
    (r"database \".*\" does not exist", "there is no such database", "Correct the URL's database name."),
    (
        r"permission denied for database|does not have CONNECT privilege",
        "the role may not connect to this database",
        "Grant it CONNECT, or use the owner's URL.",
    ),
    (
        r"too many (connections|clients)|remaining connection slots",
        "the server has no free connection for this role",
        "Free connections (scale dynos down, close other clients), then run again.",
    ),
    (
        r"no pg_hba\.conf entry",
        "the server does not accept such a connection from this address",
        "Check trusted IP ranges, and whether the server accepts only TLS.",
    ),
    (r"does not support SSL", "the server does not support TLS", "Use a server with TLS, or a tunnel on loopback."),
    (
        r"certificate verify failed|root certificate file|server certificate for",
        "the server's certificate cannot be verified",
        "Heroku's cannot be: use sslmode require; elsewhere pass the right sslrootcert.",
    ),
    (r"could not translate host name", "the host name does not resolve", "Correct the URL, or open the tunnel first."),
    (r"timeout expired|timed out", "the server did not answer in time", "Check network, firewall and tunnel."),
    (
        r"the database system is (starting up|shutting down|in recovery)",
        "the server is starting or stopping",
        "Run again in a minute.",
    ),
    (r"Connection refused|No such file", "nothing listens there", "Check host and port, or open the tunnel first."),
    (
        r"unsupported startup parameter",
        "a connection pooler answers there",
        "Use the direct URL of the database: a pooler keeps neither sessions nor snapshots.",
    ),
)


class AuthenticationFailed(InputError):
    """The server refuses the user or password: the caller may read them again and retry."""


def transient(error: FlyoverError) -> bool:
    """Return whether the same work may succeed later by itself: after a lock, a restart, a shortage."""
    state = str(error.facts.get("sqlstate", ""))
    return isinstance(error, ConnectionFailed) or state == "55P03" or state[:2] in ("40", "53", "57")


def connect_error(error: Exception, thing: str) -> FlyoverError:
    """Return what to raise for a connection that psycopg2 could not make."""
    for pattern, cause, remedy in _CONNECT:
        if re.search(pattern, str(error)):
            if "user or password" in cause:
                return AuthenticationFailed(thing, cause, remedy, reason="authentication")
            return ConnectionFailed(thing, cause, remedy)
    return ConnectionFailed(
        thing, "the connection failed for a reason not known to this collection", "Try the same URL with psql."
    )


def sql_error(error: Any, thing: str, doing: str, rows: bool = True) -> FlyoverError:
    """Return what to raise for a statement that the server refused, or during which the connection was lost.

    If the statement handled no O(rows), the server's message cannot contain their values.
    """
    state = error.pgcode or ""
    if not state or state.startswith("08"):
        return ConnectionFailed(
            thing,
            f"the connection was lost while {doing}",
            "Run again: nothing half done counts as done.",
        )
    cause = f"{doing} failed with SQLSTATE {state} ({type(error).__name__})"
    place = _copy_place(error.diag.context or "")
    function = _FUNCTION.search(error.diag.context or "")
    if place:
        cause += f" at {place}"
    elif error.diag.table_name:
        cause += f" in table {error.diag.schema_name}.{error.diag.table_name}"
        cause += f", column {error.diag.column_name}" if error.diag.column_name else ""
    if function:
        cause += f" in function {function[1] or function[2]}"
    if (state.startswith(_TELLING) or not rows) and error.diag.message_primary:
        cause += f": {error.diag.message_primary}"
    elif error.diag.constraint_name:
        cause += f", constraint {error.diag.constraint_name}"
    remedy = _REMEDIES.get(state) or _REMEDIES.get(state[:2]) or _ANY_REMEDY
    return StateError(thing, cause, remedy, sqlstate=state)


# In an error's context, which may quote a statement later; neither name nor line is a value.
_FUNCTION = re.compile(r'^(?:PL/pgSQL function ([^\n"]+? line \d+)|SQL function "([^"\n]+)")', re.MULTILINE)


def _copy_place(context: str) -> str:
    """Return table, line and column of a COPY's context, which the value follows."""
    found = re.match(r"COPY ([^,]+), line (\d+)(?:, column ([^:]+))?", context)
    if not found:
        return ""
    return f"{found[1]}, line {found[2]}" + (f", column {found[3]}" if found[3] else "")
