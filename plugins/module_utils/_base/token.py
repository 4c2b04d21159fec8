# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The check of an API token before the first request."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError


def checked_token(given: str | None, option: str, variable: str, command: str) -> str:
    """Return the token without surrounding white space.

    The option falls back to the environment variable O(variable); O(command) creates a new token. Raises InputError if
    no token was given, or if it holds a character that could break out of the HTTP header.
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
            "it contains a line break or another character that tokens never contain",
            f"Copy the token again, as a single line, or create a new one with '{command}'.",
        )
    return token
