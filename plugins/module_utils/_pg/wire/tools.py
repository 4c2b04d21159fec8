# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""PostgreSQL's client programs: find those of the right major version, and run them without showing the password."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

_DISTRIBUTIONS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # PostgreSQL's own RPMs
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin",
    "/usr/local/opt/libpq/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True)
class Tools:
    """pg_dump and pg_restore of one installation."""

    folder: str
    major: int

    def dump(self, address: Address, arguments: Iterable[str], thing: str) -> None:
        """Run pg_dump against O(address); raises StateError with its own messages, which contain no values."""
        with _password_file(address.password) as (path, descriptors):
            self._run("pg_dump", arguments, thing, {**_environment(address), "PGPASSFILE": path}, descriptors)

    def restore(self, arguments: Iterable[str], thing: str) -> str:
        """Return what pg_restore prints about an archive; it gets no connection."""
        return self._run("pg_restore", arguments, thing, _base_environment(), ())

    def _run(
        self, program: str, arguments: Iterable[str], thing: str, environment: dict[str, str], pass_fds: Iterable[int]
    ) -> str:
        # Not run_command: it cannot pass on the open file with the password.
        ended = subprocess.run(  # pylint: disable=ansible-bad-function
            [os.path.join(self.folder, program), "--no-password", *arguments]
            if program == "pg_dump"
            else [os.path.join(self.folder, program), *arguments],
            env=environment,
            pass_fds=tuple(pass_fds),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if ended.returncode != 0:
            said = ended.stderr.decode(errors="replace").strip()
            lines = [line for line in said.splitlines() if re.match(rf"{program}: (error|detail|hint):", line)]
            raise StateError(
                thing,
                f"{program} {self.major} exited with {ended.returncode}: {' '.join(lines or said.splitlines()[-2:])}",
                "Correct what it names, then run again.",
            )
        return ended.stdout.decode()


def find_tools(source_major: int, target_major: int, folder: str | None) -> Tools:
    """Return the newest client programs that are neither older than the source nor newer than the target.

    An older pg_dump refuses the source; a newer one writes settings that the target does not know
    (C(transaction_timeout) since 17). Raises InputError that lists what was found.
    """
    found = installed(folder)
    for tools in found:
        if source_major <= tools.major <= target_major:
            return tools
    have = ", ".join(f"{tools.major} in {tools.folder}" for tools in found) or "none"
    need = str(source_major) if source_major == target_major else f"{source_major} to {target_major}"
    raise InputError(
        "PostgreSQL client programs",
        f"pg_dump and pg_restore of version {need} are needed; found: {have}",
        f"Install the package postgresql-client-{target_major}, or name their folder in pg_bin_dir.",
    )


def installed(folder: str | None) -> list[Tools]:
    """Return the client programs in O(folder), or else wherever they are looked for, the newest first."""
    found = _installed([os.path.expanduser(folder)] if folder else _folders())
    return sorted(found, key=lambda tools: tools.major, reverse=True)


def _folders() -> Iterator[str]:
    yield from os.environ.get("PATH", os.defpath).split(os.pathsep)
    yield os.path.dirname(sys.executable)  # that of a virtual environment, which need not be on PATH
    for pattern in _DISTRIBUTIONS:
        yield from glob(pattern)


def _installed(folders: Iterable[str]) -> Iterator[Tools]:
    places: dict[str, str] = {}
    for folder in folders:
        places.setdefault(os.path.realpath(folder), folder)  # /bin is often a link to /usr/bin
    for folder in places.values():
        if all(os.access(os.path.join(folder, program), os.X_OK) for program in ("pg_dump", "pg_restore")):
            said = subprocess.run(  # pylint: disable=ansible-bad-function
                [os.path.join(folder, "pg_dump"), "--version"],
                capture_output=True,
                check=False,
                text=True,
                env=_base_environment(),
            ).stdout
            version = re.search(r"\) (\d+)", said)
            if version:
                yield Tools(folder, int(version[1]))


def _base_environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PGCLUSTER")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "LC_ALL": "C"}


def _environment(address: Address) -> dict[str, str]:
    """Return the environment that makes libpq connect to O(address), without the password."""
    options = {_PG_VARIABLES[name]: value for name, value in address.options.items() if name in _PG_VARIABLES}
    # Strings are read as they are written, whatever the database's setting.
    options["PGOPTIONS"] = f"{options.get('PGOPTIONS', '')} -c standard_conforming_strings=on".strip()
    return {
        **_base_environment(),
        "PGHOST": address.host,
        "PGPORT": str(address.port),
        "PGUSER": address.user,
        "PGDATABASE": address.dbname,
        "PGAPPNAME": "flyover pg_dump",
        "PGCONNECT_TIMEOUT": "20",
        "PGCLIENTENCODING": "UTF8",
        **options,
    }


@contextmanager
def _password_file(password: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Give the path of a password file for libpq, and the descriptors to pass on with it.

    So the password is neither in argv nor in an environment. On Linux the file has no name, so it disappears with us
    even if we are killed. Elsewhere, a process that opens C(/dev/fd) shares our position in the file, which is its end:
    there the file has a name, in a folder that nobody else may enter.
    """
    text = "*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", password) + "\n"
    if sys.platform.startswith("linux"):
        with tempfile.TemporaryFile("w+", encoding="utf-8") as passwords:
            passwords.write(text)
            passwords.flush()
            yield f"/dev/fd/{passwords.fileno()}", (passwords.fileno(),)
        return
    with tempfile.TemporaryDirectory(prefix="flyover-") as folder:
        path = os.path.join(folder, "pgpass")
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as passwords:
            passwords.write(text)
        yield path, ()


# postgresql.org/docs/current/libpq-envars.html
_PG_VARIABLES = {
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "hostaddr": "PGHOSTADDR",
    "options": "PGOPTIONS",
    "require_auth": "PGREQUIREAUTH",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "sslsni": "PGSSLSNI",
}
