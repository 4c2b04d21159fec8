# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the modules of plays in forks of one Python that has imported what all of them need, not each in a new Python.

    tests/tools/forked_modules.py NUMBER

NUMBER is the descriptor of a socket, at which requests are read until nobody can send one any more. A module gets the
same program, environment, folder and standard streams as otherwise, in a session of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import re
import runpy
import shlex
import socket
import sys
import threading
import traceback
import types
from pathlib import Path
from typing import Any, NoReturn

CACHE = Path(__file__).resolve().parents[2] / ".ansible" / "warm"
_IMPORTED = tuple(f"ansible.module_utils.{name}" for name in ("_internal._ansiballz._loader", "basic", "urls"))
_LIBRARIES = ("http.client", "psycopg2.extensions", "redis", "runpy", "ssl", "tomlkit", "urllib.request", "zipfile")
_ASSIGNMENT = re.compile(r"\w+=")
_LARGEST = 1 << 17  # bytes of a request: the environment


def keep_compiled() -> None:
    """Have each Python keep what it compiles of a module's archive; see warm/sitecustomize.py."""
    warm, compiled = Path(__file__).with_name("warm"), CACHE / "compiled"
    compiled.mkdir(parents=True, exist_ok=True)
    os.environ["FLYOVER_COMPILED"] = str(compiled)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(warm), os.environ.get("PYTHONPATH")]))
    runpy.run_path(str(warm / "sitecustomize.py"))


class Forks:
    """The process that forks modules, seen from ansible-playbook."""

    def __init__(self, requests: int) -> None:
        """Take the descriptor of the socket that it reads from the other end."""
        self._requests = socket.socket(fileno=requests)
        self._requests.set_inheritable(False)

    def run(self, command: str, program: bytes, folder: str) -> tuple[int, bytes, bytes] | None:
        """Run O(program) in O(folder) as O(command), a shell's, would; return None if that is not simply Python."""
        environment = _environment(command)
        if environment is None:
            return None
        (stdin, feed), (output, stdout), (errors, stderr), (ended, status) = (os.pipe() for _number in range(4))
        request = json.dumps({"environment": environment, "folder": folder}).encode()
        given = [stdin, stdout, stderr, status]
        try:
            socket.send_fds(self._requests, [request], given)
        finally:
            for descriptor in given:
                os.close(descriptor)
        read: dict[int, bytes] = {}
        readers = [threading.Thread(target=_read, args=(descriptor, read)) for descriptor in (output, errors, ended)]
        for reader in readers:
            reader.start()
        with contextlib.suppress(BrokenPipeError), open(feed, "wb") as pipe:
            pipe.write(program)
        for reader in readers:
            reader.join()
        return os.waitstatus_to_exitcode(int(read[ended])), read[output], read[errors]


def _environment(command: str) -> dict[str, str] | None:
    """Return the environment that O(command) gives to this Python, None if it does anything else."""
    words = shlex.split(command)
    if len(words) != 3 or words[:2] != ["/bin/sh", "-c"]:
        return None
    environment = dict(os.environ)
    words = shlex.split(words[2].removesuffix(" && sleep 0"))  # which older ansible-core appends
    while words and _ASSIGNMENT.match(words[0]):
        name, _equals, value = words.pop(0).partition("=")
        environment[name] = value
    return environment if words == [sys.executable] else None


def _read(descriptor: int, read: dict[int, bytes]) -> None:
    with open(descriptor, "rb") as pipe:
        read[descriptor] = pipe.read()


def _serve(requests: socket.socket) -> NoReturn:
    """Fork a process for each request, until nobody can send one any more."""
    for name in (*_IMPORTED, *_LIBRARIES):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.path[0] = ""
    gc.freeze()
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(requests, _LARGEST, 4)
        if not message:
            break
        if not os.fork():
            requests.close()
            _watch(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    with contextlib.suppress(ChildProcessError):
        while os.wait():
            pass
    os._exit(0)


def _watch(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Fork the module, and write how it ended to the last of O(descriptors)."""
    *streams, status = descriptors
    pid = os.fork()
    if not pid:
        os.close(status)
        _become_module(request, streams)
    for descriptor in streams:
        os.close(descriptor)
    os.write(status, str(os.waitpid(pid, 0)[1]).encode())
    os._exit(0)


def _become_module(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """Do what 'python' does with a program at its standard input."""
    os.setsid()
    os.chdir(request["folder"])
    for name in set(os.environ) - set(request["environment"]):
        del os.environ[name]
    os.environ.update(request["environment"])
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = [""]
    code = 0
    try:
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), vars(main))
    except SystemExit as ended:
        code = _status(ended)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _status(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return (ended.code or 0) & 0xFF
    print(ended.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    keep_compiled()
    _serve(socket.socket(fileno=int(sys.argv[1])))
