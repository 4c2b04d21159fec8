# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's three APIs, each with its token and a few retries."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import Any
from urllib.parse import urlencode


class Failed(Exception):
    """An error that ends a command with 'Error: ...'."""

    code = 1


class TimedOut(Failed):
    """A timeout."""

    code = 126


def call(
    base: str,
    method: str,
    path: str,
    body: Any = None,
    quiet: bool = False,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Any:
    """Return the answer's JSON; raises Failed. With O(quiet), 404 gives None."""
    token = (os.environ.get("FLY_ACCESS_TOKEN") or os.environ.get("FLY_API_TOKEN") or "").strip()
    if not token:
        raise Failed("no access token available. Please login with 'flyctl auth login'")
    url = os.environ.get(base, "").rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
    headers = {
        "Authorization": authorization(base, token),
        "User-Agent": "flyctl/sandbox",
        "Content-Type": "application/json",
        **(headers or {}),
    }
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(40):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=90
            ) as answer:
                content = answer.read()
                return json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            if error.code in (429, 502, 503) and attempt < 39:
                time.sleep(0.3)
                continue
            if error.code == 404 and quiet:
                return None
            raise Failed(f"{method} {path}: {error.code} {error.read(300).decode(errors='replace')}") from None
        except OSError as error:
            if attempt < 3:
                time.sleep(0.3)
                continue
            raise Failed(f"{method} {path}: {error}") from None
    return None


def authorization(base: str, token: str) -> str:
    """Return the header: only GraphQL and the REST API accept both types of tokens at once."""
    parts = token.split(",")
    macaroons = [part for part in parts if part.startswith(("fm1r_", "fm1a_", "fm2_"))]
    if base == "FLY_UIEX_BASE_URL" or not macaroons:
        return f"Bearer {token}"
    return f"FlyV1 {','.join(macaroons if base == 'FLY_FLAPS_BASE_URL' else parts)}"


def flaps(method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Call the Machines API."""
    return call("FLY_FLAPS_BASE_URL", method, f"/v1{path}", body, **options)


def uiex(method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Call the REST API for releases and Managed Postgres."""
    return call("FLY_UIEX_BASE_URL", method, f"/api/v1{path}", body, **options)


def graphql(query: str, **variables: Any) -> Any:
    """Call GraphQL."""
    answer = call("FLY_API_BASE_URL", "POST", "/graphql", {"query": query, "variables": variables})
    if answer.get("errors"):
        raise Failed(answer["errors"][0]["message"])
    return answer["data"]
