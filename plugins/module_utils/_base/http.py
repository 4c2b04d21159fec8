# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One HTTP layer for both platforms: JSON in, JSON out, bounded retries, request ids."""

from __future__ import annotations

import email.utils
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    APIError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InputError,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
    Unprocessable,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.polling import jittered

USER_AGENT = "flyover.heroku_to_fly (https://github.com/flyover/heroku_to_fly)"
TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
ERROR_BY_STATUS: dict[int, type[APIError]] = {
    400: Unprocessable,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: RateLimited,
}


@dataclass(frozen=True)
class Response:
    """An answer with any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    attempts: int = 1

    def json(self) -> Any:
        """Return the decoded body, or None if it is empty or not JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    @property
    def is_page(self) -> bool:
        """Whether it is a page, such as that of a proxy's login. No API answers a request so."""
        return self.body.strip().startswith(b"<")

    @property
    def is_foreign(self) -> bool:
        """Whether something other than an API answered a request for data: it is neither empty nor JSON."""
        return self.is_page or (self.body.strip() not in (b"", b"null") and self.json() is None)

    def remedy(self, service: str, status_page: str) -> str:
        """Return what to do about an answer whose status does not tell it."""
        return _FOREIGN if self.is_foreign else f"{service} could not answer; check {status_page} and run again."

    @property
    def outcome(self) -> str:
        """The status as errors show it, with the number of attempts if there was more than one."""
        return f"HTTP {self.status}" + (f", the last of {self.attempts} attempts" if self.attempts > 1 else "")

    @property
    def request_id(self) -> str:
        """The platform's id for the request, to quote to its support (C(unknown) if it sent none)."""
        return self.headers.get("request-id") or self.headers.get("fly-request-id") or "unknown"


# (method, url, headers, body, timeout in seconds) -> Response; raises OSError if there was no answer.
Transport = Callable[[str, str, Mapping[str, str], Optional[bytes], float], Response]


def open_url_transport(validate_certs: bool = True) -> Transport:
    """Return the transport that Ansible itself uses, with its proxy and certificate settings."""
    # Imported here: it takes a third of the time that a module takes to start, and some modules ask nobody.
    from ansible.module_utils.urls import open_url

    def transport(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Response:
        try:
            answer = open_url(
                url,
                method=method,
                data=body,
                headers=dict(headers),
                timeout=timeout,
                validate_certs=validate_certs,
                http_agent=USER_AGENT,
                follow_redirects="none",
            )
        except HTTPError as error:
            answer = error
        except http.client.HTTPException as error:  # not an OSError: the server speaks another protocol
            raise OSError("the answer is not HTTP") from error
        with answer:
            # A truncated body raises http.client.IncompleteRead, which is not an OSError.
            try:
                content = answer.read()
            except (OSError, ValueError) as error:
                raise OSError("the answer was cut off") from error
            except Exception as error:
                raise OSError(f"the answer was cut off ({type(error).__name__})") from error
            lowered = {name.lower(): value for name, value in answer.headers.items()}
            return Response(int(answer.status), lowered, content)

    return transport


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try, and how many seconds to wait in between, before a transient failure is final."""

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def waits(self) -> Iterator[float]:
        """Yield the wait before each further attempt."""
        wait = self.first_wait
        for _unused in range(self.attempts - 1):
            yield wait
            wait = min(wait * 2, self.longest_wait)


# A rate limit refills with time, and nothing was done: worth waiting about five minutes.
LIMITED = RetryPolicy(attempts=16)
_FOREIGN = (
    "Something between this machine and the platform may have answered, such as a proxy that wants a login: let it "
    "pass the API's requests. Otherwise the platform has a problem; run again later."
)


class HTTPClient:
    """Requests to one base URL with common headers; knows nothing of either platform."""

    def __init__(
        self,
        service: str,
        base_url: str,
        headers: Mapping[str, str],
        transport: Transport,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] | None = None,
        timeout: float = 60.0,
        pace: Callable[[Response], float] | None = None,
    ) -> None:
        """Take the platform's name as errors show it (O(service)) and the O(timeout) of each attempt in seconds.

        O(pace) returns how many seconds to wait after an answer, to stay below the platform's rate limit.
        """
        self.service = service
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._transport = transport
        self._retry = retry or RetryPolicy()
        self._sleep = sleep or time.sleep
        self._timeout = timeout
        self._pace = pace or (lambda _answer: 0.0)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        patience: float = 0.0,
    ) -> Response:
        """Send one request and return its answer, whatever the status.

        A request that is not O(repeatable) (a create) is sent again only after 429, which means that the platform
        did nothing. O(patience) is how many seconds the platform may work before it answers. Raises
        ConnectionFailed if there was no answer.
        """
        url = self._base_url + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode("utf-8")
        sent = {"Accept": "application/json", **self._headers, **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "application/json"
        waits, limited_waits = self._retry.waits(), LIMITED.waits()
        attempts = 0
        while True:
            attempts += 1
            try:
                response = self._transport(method, url, sent, data, self._timeout + patience)
            except (OSError, URLError) as error:
                wait = next(waits, None) if repeatable else None
                if wait is None:
                    raise self._unreachable(method, path, error, repeatable, attempts) from None
            else:
                wait = None
                if response.status == 429:
                    wait = next(limited_waits, None)
                elif repeatable and response.status in TRANSIENT_STATUSES:
                    wait = next(waits, None)
                if wait is None:
                    self._sleep(self._pace(response))
                    return replace(response, attempts=attempts)
                wait = max(wait, min(retry_after(response), LIMITED.longest_wait))
            self._sleep(jittered(wait))

    def _unreachable(self, method: str, path: str, error: OSError, repeatable: bool, attempts: int) -> ConnectionFailed:
        reason = getattr(error, "reason", None) or error
        tried = f", {attempts} attempts" if attempts > 1 else ""
        cause = f"no answer from {self._base_url} ({type(reason).__name__}{tried})"
        remedy = "Check the network, the API URL and any proxy, then run again."
        if type(reason).__name__ == "SSLCertVerificationError":
            remedy = (
                "The certificate is not one that this machine trusts. If a proxy here signs its own, add its authority "
                "to the machine's certificates, or name them in SSL_CERT_FILE."
            )
        if not repeatable:
            remedy = "It may have taken effect; run again: what already exists is found before anything is created."
        return ConnectionFailed(f"{self.service} {method} {path}", cause, remedy)


def checked_url(url: str, option: str) -> str:
    """Return the base URL given in a module's O(option); raises InputError if no request can be sent to it."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        # Not shown: it may contain a password.
        raise InputError(
            f"option {option}", "it is not the URL of an API", "Include the scheme, as in https://api.example.com."
        )
    return url.strip()


def retry_after(response: Response) -> float:
    """Return the seconds that the C(Retry-After) header asks for, 0 if it is missing or cannot be parsed."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def error_class(status: int) -> type[APIError]:
    """Return the typed error for an HTTP status."""
    if status in ERROR_BY_STATUS:
        return ERROR_BY_STATUS[status]
    return Unavailable if status >= 500 or status == 408 else APIError
