# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox for each test module, and real ansible-playbook runs against it."""

from __future__ import annotations

import atexit
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
APP = "paper-crane"


@dataclass(frozen=True)
class Run:
    """One ansible-playbook run: exit code, output, and the recap's numbers."""

    rc: int
    output: str

    def recap(self, word: str) -> int:
        found = re.search(rf"\b{word}=(\d+)", self.output[self.output.rfind("PLAY RECAP") :])
        assert found, self.output
        return int(found.group(1))

    @property
    def changed(self) -> int:
        return self.recap("changed")

    def succeeded(self) -> Run:
        assert self.rc == 0, self.output
        return self


@cache
def forks() -> tuple[dict[str, str], list[int]]:
    """Return environment and descriptors with which a play's modules are forks of one Python, the same for all plays.

    It ends with this process. A module that is killed with its play must not be one.
    """
    if sys.platform != "linux":
        return {}, []
    requests, served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "tests" / "tools" / "forked_modules.py"), str(served.fileno())],
        pass_fds=[served.fileno()],
    )
    served.close()

    def end() -> None:  # waiting counts its time as this process's
        requests.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()

    atexit.register(end)
    return {"FLYOVER_FORKED": str(requests.fileno())}, [requests.fileno()]


class Sandbox:
    """The command interface of tests/sandbox, and playbooks run in its environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.sandbox", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self, *options: str) -> Sandbox:
        self.command("up", str(self.directory), *options)
        self.environment = json.loads(self.command("env", "--json", str(self.directory)))
        # The system's certificates come first, and a play that reads them for each request takes a third longer.
        own = self.environment["NODE_EXTRA_CA_CERTS"]
        self.environment |= {"SSL_CERT_FILE": own, "SSL_CERT_DIR": os.devnull}
        return self

    def down(self) -> None:
        self.command("down", str(self.directory))

    def ask(self, what: str) -> Any:
        """Ask the sandbox itself, as its commands 'state' and 'requests' do."""
        with urlopen(f"{self.environment['HEROKU_API_URL']}/_sandbox/{what}", timeout=30) as answer:
            return json.load(answer)

    def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("state")
        return answer

    @property
    def heroku(self) -> dict[str, Any]:
        return self.state()["heroku"]["apps"][APP]

    @property
    def fly(self) -> dict[str, Any]:
        return self.state()["fly"]["apps"][APP]

    def requests(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.ask("requests")
        return answer

    def writes(self, service: str | None = None) -> list[dict[str, Any]]:
        return [request for request in self.requests() if request["mutating"] and service in (None, request["service"])]

    def fault(self, pattern: str, *options: str) -> None:
        self.command("fault", str(self.directory), pattern, *options)

    def start(
        self, playbook: str, *options: str, descriptors: Sequence[int] = (), **environment: str
    ) -> subprocess.Popen[str]:
        """Start one of the collection's playbooks, by its name, or any other by its path, with O(descriptors)."""
        path = playbook if playbook.endswith(".yml") else f"playbooks/{playbook}.yml"
        return subprocess.Popen(
            [sys.executable, str(CHECKOUT / "tests" / "tools" / "warm-playbook"), path, *options],
            cwd=CHECKOUT,
            env={**os.environ, **self.environment, "ANSIBLE_NOCOLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=descriptors,
        )

    def play(self, playbook: str, *options: str, **environment: str) -> Run:
        """Run a playbook to its end, which nobody kills: so its modules may be forks of one Python."""
        forked, descriptors = forks()
        process = self.start(playbook, *options, descriptors=descriptors, **forked, **environment)
        output, _unused = process.communicate(timeout=1200)
        return Run(process.returncode, output)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path_factory.mktemp("sandbox") / "box").up()
    yield box
    box.down()


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below O(folder) with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
