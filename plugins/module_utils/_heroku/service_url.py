# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""URLs of Postgres and Redis: where they point, and whether a value contains one."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

POSTGRES, REDIS = "postgres", "redis"
SCHEMES = {"postgres": POSTGRES, "postgresql": POSTGRES, "postgis": POSTGRES, "redis": REDIS, "rediss": REDIS}
# Any other scheme names an adapter, which the service's new URL must keep.
PLAIN_SCHEMES = frozenset({"postgres", "postgresql", "redis", "rediss"})
DEFAULT_PORTS = {POSTGRES: 5432, REDIS: 6379}


def family(scheme: str) -> str:
    return SCHEMES.get(scheme.lower().partition("+")[0], "")


def parsed(value: str) -> SplitResult | None:
    """Return the parts of a database URL, or None if O(value) is not one."""
    if "://" not in value or not family(value.partition("://")[0]):
        return None
    try:
        parts = urlsplit(value)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def place(value: str) -> tuple[str, str, int, str] | None:
    """Return scheme family, host, port and path: where a URL points, whatever its credentials."""
    parts = parsed(value)
    if parts is None:
        return None
    kind = family(parts.scheme)
    path = unquote(parts.path).strip("/")
    if kind == REDIS and path == "0":
        path = ""
    return kind, str(parts.hostname).lower().rstrip("."), parts.port or DEFAULT_PORTS[kind], path


def same_place(value: str, owned: str) -> bool:
    if not owned or "://" not in owned:
        return False
    return value == owned or (place(owned) is not None and place(value) == place(owned))


def embeds(value: str, owned: str) -> bool:
    parts = parsed(owned)
    if parts is None:
        return False
    words = {parts.password or "", unquote(parts.password or "")}
    host = str(parts.hostname)
    if "." in host and not host.replace(".", "").isdigit():
        words.add(host)
    return any(len(word) >= 8 and word.lower() in value.lower() for word in words)
