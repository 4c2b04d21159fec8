# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app's Machines: leases, health, logs."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

from .api import Failed, TimedOut, call, flaps

RELEASE_GROUP = "fly_app_release_command"

NONCE = "fly-machine-lease-nonce"


def log_of(app: str, machine: str = "") -> list[str]:
    """Return what one Machine, or all of them, printed."""
    # On the same host as GraphQL, but with the tokens for the Machines API.
    entries = call("FLY_FLAPS_BASE_URL", "GET", f"/api/v1/apps/{app}/logs", instance=machine, next_token="")["data"]
    return [entry["attributes"]["message"] for entry in entries]


@contextlib.contextmanager
def leased(app: str, machine: str, seconds: int = 0, nonce: str = "") -> Iterator[dict[str, str]]:
    """Lease a Machine, unless O(nonce) names a lease; yield the header for changes, then release the lease."""
    headers = {NONCE: nonce or flaps("POST", f"/apps/{app}/machines/{machine}/lease", ttl=seconds)["data"]["nonce"]}
    try:
        yield headers
    finally:
        # It may have ended on its own.
        call("FLY_FLAPS_BASE_URL", "DELETE", f"/v1/apps/{app}/machines/{machine}/lease", quiet=True, headers=headers)


def healthy(app: str, machine: str, timeout: float) -> None:
    """Wait until a Machine is started and its checks pass; its log is shown only if it exits."""
    say(f"> Checking health of machine {machine}", sys.stdout)
    deadline = time.monotonic() + timeout
    with contextlib.suppress(Failed):  # it may already have ended
        flaps("GET", f"/apps/{app}/machines/{machine}/wait", state="started", timeout=min(60, int(timeout)))
    while True:
        found = flaps("GET", f"/apps/{app}/machines/{machine}")
        if found["state"] == "started" and all(check["status"] == "passing" for check in found["checks"]):
            say(f"✔ Machine {machine} is now in a good state", sys.stdout)
            return
        if found["state"] in ("stopped", "destroyed"):
            said = "\n".join(log_of(app, machine))
            raise Failed(
                f"smoke checks for {machine} failed: the app appears to be crashing\n"
                f"Check its logs: here's the last lines below, or run 'fly logs -i {machine}':\n{said}"
            )
        if time.monotonic() > deadline:
            raise TimedOut(f"timeout reached waiting for health checks to pass for machine {machine}")
        time.sleep(0.25)


def logs(arguments: argparse.Namespace) -> None:
    """Print the output of all Machines, or of one."""
    while not (lines := log_of(app_name(arguments, {}), arguments.machine or "")):
        time.sleep(1)  # flyctl waits for the first line, even with --no-tail
    print("\n".join(lines))


def status(arguments: argparse.Namespace) -> None:
    """Print the app's Machines."""
    for machine in own_machines(app_name(arguments, {})):
        print(machine["id"], group_of(machine), machine["state"])


def say(text: str, stream: TextIO = sys.stderr) -> None:
    """Print a line at once, as flyctl does without a terminal."""
    print(text, file=stream, flush=True)


def app_name(arguments: argparse.Namespace, config: dict[str, Any]) -> str:
    """Return the name of the app that a command is for."""
    name = arguments.app or os.environ.get("FLY_APP") or config.get("app")
    if not name:
        raise Failed("the config for your app is missing an app name; add an app field to the fly.toml file")
    return str(name)


def own_machines(app: str) -> list[dict[str, Any]]:
    """Return the app's Machines, without those of release commands."""
    return [m for m in flaps("GET", f"/apps/{app}/machines") if group_of(m) != RELEASE_GROUP]


def group_of(machine: dict[str, Any]) -> str:
    """Return a Machine's process group."""
    return str((machine["config"].get("metadata") or {}).get("fly_process_group", "app"))
