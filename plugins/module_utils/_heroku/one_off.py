# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A command in a one-off dyno, attached through Heroku's rendezvous server.

The dyno's C(attach_url) is C(rendezvous://HOST:PORT/ID). The client connects by TLS and sends the id and CR LF. It
receives a line when the dyno is up, then the dyno's output until one side closes; the dyno ends if the client does.
Facts: the official heroku command-line client (its class Dyno), and devcenter.heroku.com/articles/one-off-dynos.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shlex
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    Conflict,
    ConnectionFailed,
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI

LONGEST = 86400  # seconds: Heroku stops every one-off dyno after a day
# For an app or release created moments ago the runtime answers 409, without doing anything.
CONFLICT_RETRIES = 3
CONFLICT_WAIT = 1.0  # seconds
CONNECT_TIMEOUT = 30.0  # seconds
CHUNK = 65536


def run_command(
    heroku: HerokuAPI, app: str, command: str, size: str | None, timeout: int, context: ssl.SSLContext, check_mode: bool
) -> dict[str, Any]:
    """Run O(command) in a new dyno for at most O(timeout) seconds, including its start; return the module's result.

    Whatever goes wrong, the dyno is stopped; if this program is killed, Heroku stops it after O(timeout). Raises
    StateError if the command fails or takes too long, ConnectionFailed if the dyno cannot be reached.
    """
    if not command.strip():
        raise InputError("command", "it is empty", "Give a command as you would to 'heroku run'.")
    if not 1 <= timeout <= LONGEST:
        raise InputError("timeout", f"{timeout} seconds are out of range", f"Give 1 to {LONGEST} seconds.")
    if check_mode:
        heroku.app(app)
        return {"changed": True}
    deadline = time.monotonic() + timeout
    output = Output(secrets.token_hex(8))
    dyno = _start(heroku, app, output.between_markers(command), size, timeout)
    thing = f"one-off dyno {dyno['name']} of Heroku app {app}"
    try:
        _attach(thing, str(dyno.get("attach_url") or ""), output, deadline, context)
    except socket.timeout:
        _stop(heroku, app, dyno)
        raise _too_late(thing, output, timeout) from None
    except BaseException:
        _stop(heroku, app, dyno)
        raise
    result = {"dyno": dyno["name"], "rc": output.rc, "stdout": output.text()}
    if output.rc != 0:
        raise StateError(f"command in {thing}", f"it exited with {output.rc}", "See stdout in the result.", **result)
    return {"changed": True, **result}


def tls_context(validate_certs: bool) -> ssl.SSLContext:
    """Return the context to verify the rendezvous server, with the system's CA certificates or E(SSL_CERT_FILE)."""
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Output:
    """What a dyno prints. The command's output is between two markers that nothing else can print."""

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._begin = re.compile(rb"begin-%b(\r?)\n" % marker.encode())
        self._end = re.compile(rb"end-%b (\d+)\r?\n" % marker.encode())
        self._all = bytearray()
        self.rc: int | None = None

    def between_markers(self, command: str) -> str:
        """Return the command line that prints O(command)'s output between the markers.

        The subshell handles a command that calls exit, eval one that ends in a comment or that the shell cannot parse.
        The command gets no input, because nobody is there to type it.
        """
        return f"echo begin-{self._marker} ; ( eval {shlex.quote(command)} ) </dev/null ; echo end-{self._marker} $?"

    @property
    def connected(self) -> bool:
        """Whether the dyno is up: the rendezvous server then sends a line of its own."""
        return b"\n" in self._all

    @property
    def begun(self) -> bool:
        """Whether the command has started."""
        return self._begin.search(self._all) is not None

    def add(self, chunk: bytes) -> None:
        """Add received output; C(rc) is set once the command has ended."""
        # The marker may have begun in an earlier chunk.
        start = max(0, len(self._all) - 64)
        self._all += chunk
        found = self._end.search(self._all, start)
        if found:
            self.rc = int(found[1])

    def text(self) -> str:
        """Return what the command printed, byte for byte if it is UTF-8."""
        begin, end = self._begin.search(self._all), self._end.search(self._all)
        if not begin or not end:
            return ""
        printed = bytes(self._all[begin.end() : end.start()])
        # A terminal, which Heroku was asked not to allocate, ends every line with CR LF, including the first marker.
        return (printed.replace(b"\r\n", b"\n") if begin[1] else printed).decode("utf-8", "replace")


def _start(heroku: HerokuAPI, app: str, command: str, size: str | None, timeout: int) -> dict[str, Any]:
    try:
        for _unused in range(CONFLICT_RETRIES):
            with contextlib.suppress(Conflict):
                return heroku.run_dyno(app, command, size, timeout)
            time.sleep(CONFLICT_WAIT)
        return heroku.run_dyno(app, command, size, timeout)
    except ConnectionFailed as error:
        remedy = f"The dyno may have started; it ends within {timeout} seconds. Then run again."
        raise ConnectionFailed(error.thing, error.cause, remedy) from None


def _attach(thing: str, url: str, output: Output, deadline: float, context: ssl.SSLContext) -> None:
    """Read what the dyno prints until the command has ended; raises C(socket.timeout) at O(deadline)."""
    host, port, identity = _address(thing, url)
    with _connected(thing, host, port, min(CONNECT_TIMEOUT, _left(deadline)), context) as connection:
        try:
            connection.sendall(f"{identity}\r\n".encode())
            while output.rc is None:
                connection.settimeout(_left(deadline))
                chunk = connection.recv(CHUNK)
                if not chunk:
                    raise _interrupted(thing, output, "the connection was closed")
                output.add(chunk)
        except socket.timeout:
            raise
        except OSError as error:
            raise _interrupted(thing, output, f"the connection was lost ({type(error).__name__})") from None


def _connected(thing: str, host: str, port: int, seconds: float, context: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        plain = socket.create_connection((host, port), seconds)
        try:
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    except ssl.SSLCertVerificationError as error:
        raise ConnectionFailed(
            thing,
            f"the certificate of {host}:{port} is not trusted ({error.verify_message})",
            "Check this machine's clock and CA certificates, and whether a proxy intercepts TLS. The dyno was stopped.",
        ) from None
    except OSError as error:
        raise ConnectionFailed(
            thing,
            f"no connection to {host}:{port} ({type(error).__name__})",
            f"Allow this machine to reach port {port} of {host}, without an HTTP proxy. The dyno was stopped.",
        ) from None


def _address(thing: str, url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme != "rendezvous" or not host or not port:
        raise StateError(
            thing,
            "Heroku returned no rendezvous URL to attach to it",
            "In a Shield space or on Fir, use 'heroku run' or 'heroku run:inside'. The dyno was stopped.",
        )
    return host, port, parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")


def _left(deadline: float) -> float:
    """Return the seconds until O(deadline); raises C(socket.timeout) if it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout
    return left


def _stop(heroku: HerokuAPI, app: str, dyno: dict[str, Any]) -> None:
    # It would also end on its own, because nobody is attached any more or when its time is up.
    with contextlib.suppress(FlyoverError):
        heroku.stop_dyno(app, dyno["name"])


def _too_late(thing: str, output: Output, timeout: int) -> StateError:
    if output.begun:
        cause = "the command was still running"
    elif output.connected:
        cause = "the command had not started"
    else:
        cause = "the dyno was not up yet"
    return StateError(
        thing, f"after {timeout} seconds {cause}", "The dyno was stopped. Give it more time (option timeout)."
    )


def _interrupted(thing: str, output: Output, how: str) -> ConnectionFailed:
    if output.begun:
        cause, remedy = "before the command ended", "The command may or may not have done its work."
    elif output.connected:
        cause, remedy = "before the command started", "Check the command's syntax with 'heroku run'."
    else:
        cause, remedy = "before the dyno was up", "Check 'heroku logs' for the reason, then run again."
    return ConnectionFailed(thing, f"{how} {cause}", f"{remedy} The dyno was stopped.")
