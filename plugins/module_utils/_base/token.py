# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The check of an API token before the first request."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError


def checked_token(given: str | None, option: str, variable: str, command: str) -> str:
    """Return the token without surrounding white space.

    variable is the environment variable that option falls back to, command makes a new token. Raises InputError when no
    token was given, and when it holds what no token has: a header must not be split by it.
    """
    token = (given or "").strip()
    if not token:
        raise InputError(
            option,
            f"no token was given, and {variable} is not set",
            f"Create one with '{command}' and pass it as {option} or in {variable}.",
        )
    if not (token.isascii() and token.isprintable()):
        raise InputError(
            option,
            "it holds a line break or a character that no token has",
            f"Copy the token again, as a single line; a new one is made by '{command}'.",
        )
    return token
