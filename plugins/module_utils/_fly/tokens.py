# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Fly's tokens: the types that can be combined, and the header that each API expects them in."""

from __future__ import annotations

import re

MACAROON = re.compile(r"^(fm1r|fm1a|fm2)_")


def bare_token(token: str) -> str:
    """Strip the scheme words that 'fly tokens create' prints before the token."""
    return re.sub(r"^((bearer|flyv1)(\s+|$))+", "", token.strip(), flags=re.IGNORECASE)


def has_macaroon(token: str) -> bool:
    """Return whether the token is of the type that 'fly tokens create' makes, which Managed Postgres requires."""
    return bool(kinds(token)[0])


def machines_authorization(token: str) -> str:
    """Return the C(Authorization) header for the Machines API, which accepts no other type alongside macaroons."""
    macaroons, others = kinds(token)
    return f"FlyV1 {','.join(macaroons)}" if macaroons else f"Bearer {','.join(others)}"


def graphql_authorization(token: str) -> str:
    """Return the C(Authorization) header for GraphQL."""
    macaroons, others = kinds(token)
    return f"{'FlyV1' if macaroons else 'Bearer'} {','.join(macaroons + others)}"


def uiex_authorization(token: str) -> str:
    """Return the C(Authorization) header for releases and Managed Postgres: C(Bearer) for every type."""
    macaroons, others = kinds(token)
    return f"Bearer {','.join(macaroons + others)}"


def kinds(token: str) -> tuple[list[str], list[str]]:
    """Return the macaroons in a token, as made by 'fly tokens create', and the rest (fly-go, tokens/tokens.go)."""
    parts = [part.strip() for part in bare_token(token).split(",")]
    macaroons = [part for part in parts if MACAROON.match(part)]
    return macaroons, [part for part in parts if part not in macaroons]
