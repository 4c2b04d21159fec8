# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Run flyctl, for what only Fly's own client can do: builds, deploys and tunnels."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_token
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.tokens import bare_token

# What flyctl and docker need from the controller's environment; other services' tokens are not passed on.
PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "FLY_CONFIG_DIR")
PASSED_ON_PREFIXES = (
    "DOCKER_",
    "XDG_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
QUIET = {
    "FLY_NO_UPDATE_CHECK": "1",
    "FLY_NO_INCIDENTS_CHECK": "1",
    "FLY_SEND_METRICS": "0",
    "NO_COLOR": "1",
    "CI": "1",
}
# What flyctl's own exit codes mean (internal/cli), and what to do; 1 is any other error, named in its last lines.
EXIT_CODES = {
    3: ("it crashed", "Report it to Fly with its last lines (community.fly.io), or try another version of flyctl."),
    126: ("it timed out", "Check with 'fly status' what hangs, give it more time and run again."),
    127: ("it was interrupted", "Run again; finished steps are not repeated."),
}
TAIL_LINES = 15
POLL = 0.5  # seconds
PATIENCE = 10.0  # seconds to exit cleanly
# How flyctl reports its own and its builders' steps without a terminal (internal/render, internal/statuslogger,
# internal/command/deploy). Everything else is a build's output or a log.
STEP = re.compile(
    r"==> |--> |===> |#\d+ \[|[✔✖] |> (\[\d+/\d+\] )?[A-Z]\w+ |Running \S+ (release|seed)_command: |"
    r"Updating existing machines in |No machines in group |Creating a (second|standby) machine |Provisioning ips? "
)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^/@\s]+@")
# After this flyctl shows the log of a failed release command, at most 100 lines.
LOG_BEGINS, LOG_LINES = "release_command failed running on machine", 110


def flyctl_arguments() -> dict[str, Any]:
    """Return the option of the doc fragment C(flyctl)."""
    return {"flyctl": {"type": "path"}}


def flyctl_of(
    params: Mapping[str, Any],
    variables: Mapping[str, str] | None = None,
    hidden: Sequence[str] = (),
    report: Callable[[str], None] | None = None,
) -> Flyctl:
    """Return the flyctl that a module's options O(params) name.

    O(variables) are additional environment variables for the programs it runs, O(hidden) texts never to show; O(report)
    is called with each step. Raises InputError if there is no flyctl.
    """
    given = params["flyctl"]
    path = given or shutil.which("flyctl") or shutil.which("fly")
    if not path or not os.access(path, os.X_OK):
        raise InputError(
            "flyctl",
            f"{given} is not a program" if given else "it is not on PATH",
            "Install it (fly.io/docs/flyctl/install) or give its path in the option flyctl.",
        )
    urls = {
        "FLY_FLAPS_BASE_URL": params["fly_machines_url"],
        "FLY_API_BASE_URL": params["fly_api_url"],
        "FLY_UIEX_BASE_URL": params["fly_uiex_url"],
    }
    return Flyctl(path, fly_token(params), {**urls, **(variables or {})}, hidden, report)


class Flyctl:
    """One flyctl with one token."""

    def __init__(
        self,
        path: str,
        token: str,
        variables: Mapping[str, str],
        hidden: Sequence[str] = (),
        report: Callable[[str], None] | None = None,
    ) -> None:
        """Take environment O(variables), including the base URLs, and O(hidden) texts that are never shown.

        O(report) is called with each step: a command, and what flyctl reports while it runs.
        """
        self.path = path
        self._token = token
        self._variables = dict(variables)
        self.report = report or (lambda _step: None)
        self._hidden = [text for text in (token, bare_token(token), *hidden) if text]

    def environment(self) -> dict[str, str]:
        """Return the whole environment for flyctl; the token travels here, never as an argument."""
        passed = {k: v for k, v in os.environ.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)}
        return {**passed, **QUIET, **self._variables, "FLY_API_TOKEN": self._token}

    def run(
        self,
        arguments: Sequence[str],
        timeout: float,
        thing: str,
        cwd: str | None = None,
        remedy: str = "",
        whole_group: bool = False,
    ) -> str:
        """Run a command to its end and return its standard output; raises StateError with its last lines.

        O(timeout) is in seconds. O(remedy) applies to any failure. With O(whole_group), processes that flyctl started
        end with it.
        """
        # Files, because a pipe stays open as long as any process that flyctl started, and we would wait for it.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            streams = {"stdout": output, "stderr": errors, "start_new_session": whole_group}
            process = self._start(arguments, thing, cwd, streams)
            self.report(f"flyctl {' '.join(itertools.takewhile(str.isalpha, arguments))}")
            try:
                rc = self._wait(process, timeout, [errors.fileno(), output.fileno()])
            finally:
                _end(process, whole_group)
            output.seek(0)
            errors.seek(0)
            said, complained = output.read(), errors.read()
        if rc == 0:
            return self.scrubbed(said)
        # Its steps were already reported; of a build's steps, the failed one is useful.
        lines = self.scrubbed(said + complained).splitlines()
        text = self.tail("\n".join(line for line in lines if line[:1] in "#✖" or not STEP.match(line)).encode())
        if rc is None:
            raise StateError(
                thing,
                f"flyctl {arguments[0]} was still running after {timeout:.0f} s: {text}",
                remedy or "Check 'fly status', then run again.",
            )
        why, usual = EXIT_CODES.get(rc, (_ended(rc), "Fix what flyctl names and run again."))
        raise StateError(thing, f"flyctl {arguments[0]}: {why}: {text}", remedy or usual, rc=rc)

    def _start(
        self, arguments: Sequence[str], thing: str, cwd: str | None, streams: Mapping[str, Any]
    ) -> subprocess.Popen[bytes]:
        try:
            # Not run_command: it would pass on the whole environment, including other services' tokens.
            return subprocess.Popen(  # pylint: disable=ansible-bad-function
                [self.path, *arguments],
                env={**self.environment(), "FLY_EMIT_RELEASE_JSON": "1"},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                **streams,
            )
        except OSError as error:
            raise StateError(
                thing,
                f"{self.path} could not be started{f' in {cwd}' if cwd else ''} ({error.strerror})",
                "Check that it is a flyctl for this computer, and that the folder can be read.",
            ) from None

    def _wait(self, process: subprocess.Popen[bytes], timeout: float, files: Sequence[int]) -> int | None:
        """Return the exit code, or None after O(timeout) seconds; meanwhile report the steps written to O(files)."""
        deadline = time.monotonic() + timeout
        read = dict.fromkeys(files, 0)
        while True:
            try:
                rc: int | None = process.wait(max(0.0, min(POLL, deadline - time.monotonic())))
            except subprocess.TimeoutExpired:
                rc = None
            for file in files:
                # pread, because flyctl writes at the file's own position.
                whole = os.pread(file, os.fstat(file).st_size, read[file]).rpartition(b"\n")[0]
                read[file] += len(whole) + 1 if whole else 0
                for line in filter(STEP.match, self.scrubbed(whole).splitlines()):
                    self.report(line.rstrip())
            if rc is not None or time.monotonic() >= deadline:
                return rc

    def tail(self, output: bytes) -> str:
        """Return the last lines of O(output) without the token, including the whole log of a failed release command."""
        lines = self.scrubbed(output).strip().splitlines()
        begin = next((number for number, line in enumerate(lines) if LOG_BEGINS in line), len(lines) - TAIL_LINES)
        return "\n".join(lines[max(begin, len(lines) - LOG_LINES, 0) :])

    def scrubbed(self, output: bytes) -> str:
        """Return O(output) as text, with asterisks for the token, passwords in URLs and whatever else is hidden."""
        text = output.decode("utf-8", "replace")
        for secret in self._hidden:
            text = text.replace(secret, "********")
        return _URL_PASSWORD.sub(r"\1********@", text)


def _end(process: subprocess.Popen[bytes], whole_group: bool) -> None:
    """End O(process) if it is still running, and with O(whole_group) every process that it started."""
    if process.poll() is None:
        # When terminated, it releases its leases on Machines; when killed, it does not.
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        elif process.poll() is None:
            process.kill()
    process.wait()


def _ended(rc: int) -> str:
    if rc >= 0:
        return f"it exited with {rc}"
    names = {number.value: number.name for number in signal.Signals}
    return f"it was killed by the signal {names.get(-rc, -rc)}"
