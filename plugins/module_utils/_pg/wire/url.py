# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A database's URL, parsed here because libpq and psycopg2 repeat a malformed one in their errors."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS; one host only.
_URL = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?,@]*)(?::(?P<port>[0-9]*))?"
    r"(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_PARTS = ("user", "password", "host", "port", "dbname")
# Parameters of a URL that are libpq's own. Rails accepts others too (pool, prepared_statements, ...).
_LIBPQ = frozenset(
    (
        "channel_binding",
        "gssencmode",
        "hostaddr",
        "options",
        "require_auth",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "sslsni",
    )
)


@dataclass(frozen=True)
class Address:
    """Where a database is and who connects to it."""

    host: str
    port: int
    user: str
    dbname: str
    password: str = field(default="", repr=False)
    options: dict[str, str] = field(default_factory=dict, repr=False)
    ignored: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        """Whether nothing leaves this machine on the way to the server."""
        if self.host == "localhost" or self.host.startswith("/"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{self.dbname} at {self.host}:{self.port}"

    def with_sslmode(self, option: str, wanted: str | None, floor: str) -> Address:
        """Return the address with O(wanted), or the URL's own mode, raised to O(floor) unless on loopback.

        Heroku's URLs name no sslmode, but its servers accept only TLS, with certificates that cannot be verified.
        """
        lowest = "disable" if self.loopback else floor
        if wanted is not None and SSL_MODES.index(wanted) < SSL_MODES.index(lowest):
            raise InputError(
                option,
                f"{wanted} would send data to {self.host} unencrypted",
                f"Use {floor} or more, or leave it out.",
            )
        mode = wanted or max(self.options.get("sslmode", "prefer"), lowest, key=SSL_MODES.index)
        return replace(self, options={**self.options, "sslmode": mode})


def parse(url: str, option: str) -> Address:
    """Parse O(url); raises InputError, which names O(option) and the part, never a value."""
    found = _URL.fullmatch(url.strip())
    if found is None:
        raise InputError(
            option,
            "it is not a postgres:// URL with one host",
            "Pass the URL as the platform shows it; special characters in the password must be percent-encoded.",
        )
    parts = {name: _decode(found[name] or "", option, name) for name in _PARTS}
    given: dict[str, str] = {}
    for pair in (found["query"] or "").split("&") if found["query"] else []:
        name, _equals, value = pair.partition("=")
        given[_decode(name, option, "query")] = _decode(value, option, name)
    if given.pop("ssl", "") == "true":  # as JDBC writes it, and libpq reads it
        given.setdefault("sslmode", "require")
    parts.update({name: given.pop(name) for name in _PARTS if name in given})
    host = parts["host"].strip("[]")
    for name, value in (("host", host), ("user", parts["user"])):
        if not value:
            raise InputError(option, f"the URL has no {name}", "Pass the URL as the platform shows it.")
    if not (parts["port"] or "5432").isdigit() or not 0 < int(parts["port"] or "5432") < 65536:
        raise InputError(option, "the URL's port is not a number from 1 to 65535", "Correct the port.")
    if given.get("sslmode", "prefer") not in SSL_MODES:
        raise InputError(option, "the URL's sslmode is not one of " + ", ".join(SSL_MODES), "Correct the sslmode.")
    if any("\0" in value for value in [*parts.values(), *given.values()]):
        raise InputError(option, "the URL contains a NUL character", "Pass the URL as the platform shows it.")
    return Address(
        host=host,
        port=int(parts["port"] or "5432"),
        user=parts["user"],
        dbname=parts["dbname"] or parts["user"],
        password=parts["password"],
        options={name: value for name, value in given.items() if name in _LIBPQ},
        ignored=tuple(sorted(name for name in given if name not in _LIBPQ)),
    )


def _decode(text: str, option: str, part: str) -> str:
    try:
        if not re.search(r"%(?![0-9A-Fa-f]{2})", text):
            return unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise InputError(
        option,
        f"the URL's {part} contains a '%' that does not begin a percent-encoded UTF-8 character",
        "Write '%' itself as '%25'.",
    )
