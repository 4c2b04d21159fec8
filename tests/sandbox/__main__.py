# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -m tests.sandbox: a local stand-in for Heroku and Fly.io. See README.md in this folder."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

from . import lifecycle
from .scenario import BUILT_IN, ScenarioError, load


def main() -> None:
    """Run one command."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except BrokenPipeError:
        sys.stdout = None  # the reader closed the pipe
    except (lifecycle.SandboxError, ScenarioError) as error:
        sys.exit(str(error))


def _up(arguments: argparse.Namespace) -> None:
    load(arguments.scenario)  # report its errors here, not in a log
    lifecycle.up(arguments.directory, arguments.scenario)


def _env(arguments: argparse.Namespace) -> None:
    environment = dict(lifecycle.facts(arguments.directory)["environment"])
    environment["PATH"] += os.pathsep + os.environ.get("PATH", os.defpath)
    if arguments.json:
        print(json.dumps(environment))
        return
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")


def _requests(arguments: argparse.Namespace) -> None:
    for entry in lifecycle.ask(arguments.directory, "requests"):
        if entry["mutating"] or not arguments.mutating:
            print(json.dumps(entry))


def _state(arguments: argparse.Namespace) -> None:
    print(json.dumps(lifecycle.ask(arguments.directory, "state"), indent=1))


def _fault(arguments: argparse.Namespace) -> None:
    method, _blank, path = arguments.request.partition(" ")
    if not path.startswith("/"):
        sys.exit("Give the request as 'METHOD /path', with * as a wildcard.")
    fault = {
        "method": method,
        "path": path,
        "times": arguments.times,
        "status": arguments.status,
        "delay": arguments.delay,
        "reset": arguments.reset,
        "truncate": arguments.truncate,
    }
    lifecycle.ask(arguments.directory, "fault", fault)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        found.add_argument("directory", type=Path, metavar="DIR")
        return found

    up = command("up", _up, "start everything on loopback; return once it is ready")
    up.add_argument("--scenario", type=Path, default=BUILT_IN, help="the Heroku app as a YAML file")
    env = command("env", _env, "print shell exports")
    env.add_argument("--json", action="store_true", help="print a JSON object instead")
    requests = command("requests", _requests, "print every HTTP request so far, as JSON lines")
    requests.add_argument("--mutating", action="store_true", help="only those that change something")
    command("state", _state, "print both platforms' state as one JSON object")
    fault = command("fault", _fault, "let the next requests fail")
    fault.add_argument("request", help="'METHOD /path', with * as a wildcard")
    fault.add_argument("--times", type=int, default=1, help="how many requests (0: remove the fault)")
    fault.add_argument("--status", type=int, default=0, help="answer with this status without carrying out the request")
    fault.add_argument("--delay", type=float, default=0.0, help="seconds to wait before anything else")
    fault.add_argument("--reset", action="store_true", help="cut the connection without carrying out the request")
    fault.add_argument("--truncate", action="store_true", help="carry out the request, and cut its answer in half")
    command("down", lambda arguments: lifecycle.down(arguments.directory), "end everything")
    return parser


if __name__ == "__main__":
    main()
