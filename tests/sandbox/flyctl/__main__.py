# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for flyctl: the commands that a migration runs, with the same API calls in the same order.

It contains no part of Fly's own, and needs only the standard library, because its caller controls its environment.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .api import Failed
from .deploy import config_validate, deploy, scale_count, secrets_sync
from .launch import launch
from .machines import logs, status
from .tunnel import mpg_proxy, proxy


def seconds(text: str) -> float:
    """Return a duration such as 5m, 90s or 300 in seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    return float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    top = argparse.ArgumentParser(prog="flyctl", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(under: Any, name: str, run: Any) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = under.add_parser(name)
        found.set_defaults(run=run)
        found.add_argument("-a", "--app")
        found.add_argument("-c", "--config")
        return found

    def group(name: str) -> Any:
        return commands.add_parser(name).add_subparsers(required=True)

    found = command(commands, "deploy", deploy)
    found.add_argument("source", nargs="?")
    for flag in (
        "--remote-only",
        "--local-only",
        "--build-only",
        "--push",
        "--detach",
        "--skip-release-command",
        "--update-only",
    ):
        found.add_argument(flag, action="store_true")
    found.add_argument("-y", "--yes", action="store_true")
    found.add_argument("--ha", nargs="?", const="true", default="true", type=lambda text: text != "false")
    found.add_argument("--dns-checks", default="true")
    found.add_argument("-i", "--image")
    for flag in ("--image-label", "--process-groups", "--strategy"):
        found.add_argument(flag)
    found.add_argument("--wait-timeout", dest="timeout", default=300.0, type=seconds)
    launched = command(commands, "launch", launch)
    launched.add_argument("--name")
    launched.add_argument("-o", "--org", default="personal")
    for flag in ("create", "deploy", "db", "redis", "object-storage", "github-workflow"):
        launched.add_argument(f"--no-{flag}", action="store_true")
    launched.add_argument("--dockerignore-from-gitignore", action="store_true")
    launched.add_argument("-y", "--yes", action="store_true")
    launched.add_argument("--ha", nargs="?", const="true", default="true")
    scale = command(group("scale"), "count", scale_count)
    scale.add_argument("counts", nargs="+")
    scale.add_argument("-y", "--yes", action="store_true")
    command(group("secrets"), "sync", secrets_sync)
    validate = command(group("config"), "validate", config_validate)
    validate.add_argument("--strict", action="store_true")
    log = command(commands, "logs", logs)
    log.add_argument("-n", "--no-tail", action="store_true")
    log.add_argument("-m", "--machine")
    command(commands, "status", status)
    tunnel = command(commands, "proxy", proxy)
    tunnel.add_argument("ports")
    tunnel.add_argument("host", nargs="?")
    tunnel.add_argument("-b", "--bind-addr", default="127.0.0.1")
    tunnel.add_argument("-q", "--quiet", action="store_true")
    cluster = command(group("mpg"), "proxy", mpg_proxy)
    cluster.add_argument("cluster")
    cluster.add_argument("-p", "--local-port", type=int, default=16380)
    cluster.add_argument("-b", "--bind-addr", default="127.0.0.1")
    version = commands.add_parser("version")
    version.set_defaults(run=lambda _arguments: print("flyctl v0.0.0-sandbox: a stand-in, no part of Fly.io's client"))
    return top


def main() -> None:
    """Run one command, with flyctl's exit codes."""
    arguments = parser().parse_args()
    print("This is the sandbox's stand-in for flyctl.", file=sys.stderr)
    try:
        arguments.run(arguments)
    except Failed as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(127)


if __name__ == "__main__":
    main()
