# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The errors this collection expects: each names the thing, the cause and the remedy."""

from __future__ import annotations

from functools import partial
from typing import Any


class FlyoverError(Exception):
    """An expected failure.

    Never put a secret's value in any of the three texts: on ansible-core 2.19 to 2.21 an error is printed
    even for a task with C(no_log).
    """

    def __init__(self, thing: str, cause: str, remedy: str, **facts: Any) -> None:
        """Take what failed (O(thing)), why (O(cause)) and what to do (O(remedy)); O(facts) are JSON values for RV()."""
        super().__init__(f"{thing}: {cause.rstrip('.')}. {remedy}")
        self.thing = thing
        self.cause = cause
        self.remedy = remedy
        self.facts = facts

    def __reduce__(self) -> Any:
        """Make the error picklable, so that a worker process can pass it on."""
        return partial(type(self), **self.facts), (self.thing, self.cause, self.remedy)


class InputError(FlyoverError):
    """The caller's input cannot be used; nothing was sent or written."""


class StateError(FlyoverError):
    """The platform, database or file is in a state in which the work must not continue."""


class ConnectionFailed(FlyoverError):
    """A server could not be reached, or hung up; a write may or may not have taken effect."""


class APIError(FlyoverError):
    """A platform's API refused a request."""

    def __init__(self, thing: str, cause: str, remedy: str, status: int, request_id: str = "", **facts: Any) -> None:
        """Take the three texts, the HTTP status and the platform's request id."""
        super().__init__(thing, cause, remedy, status=status, request_id=request_id, **facts)
        self.status = status
        self.request_id = request_id


class Unauthorized(APIError):
    """401: no token, or one the platform does not accept."""


class Forbidden(APIError):
    """403: the token is valid but may not do this."""


class NotFound(APIError):
    """404: it does not exist, or this token may not see it."""


class Conflict(APIError):
    """409, or 422 for a name that is taken."""


class Unprocessable(APIError):
    """400 or 422: the platform understood the request and refused it."""


class RateLimited(APIError):
    """429, after the retries were used up."""


class Unavailable(APIError):
    """5xx or 408, after the retries were used up."""
