# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any SQL file as a source: copied, compared in a way that is not the module's, changed, and updated.

What a copy should look like is what C(pg_dump | psql) gives, as pg_dump prints that: a second copy, made by others'
programs. Where they fail at something, the file says so.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import PASSWORD, Database, content

_NOISE = re.compile(
    r"(?m)^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|CREATE EXTENSION.*"
    r"|COMMENT ON EXTENSION.*|)\n"
)
_QUOTED_WORD = re.compile(r'"(json|json_value|merge_action)"')


@dataclass
class Step:
    """SQL for the source, and what the next run must say."""

    verdict: str
    sql: str = ""


@dataclass
class Case:
    """One file: lines that begin with C(-- then VERDICT) part its steps, C(-- differs REGEX) allows for one."""

    steps: list[Step] = field(default_factory=lambda: [Step("copied")])
    differs: list[str] = field(default_factory=list)

    def allows(self, text: str) -> bool:
        """Whether the file says that this differs."""
        return any(re.search(pattern, text) for pattern in self.differs)


def read(path: Path) -> Case:
    """Return what a file asks for."""
    case = Case()
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith("-- then "):
            case.steps.append(Step(line.split()[2]))
        elif line.startswith("-- differs "):
            case.differs.append(line[len("-- differs ") :].strip())
        else:
            case.steps[-1].sql += line
    return case


def load(database: Database, sql: str) -> list[str]:
    """Run O(sql) with psql as the app's role; return the errors."""
    done = _run(database, "psql", database.server.role, PASSWORD, ["-X", "-q", "-f", "-"], sql)
    return [line for line in done.stderr.splitlines() if "ERROR" in line]


def schema(database: Database, client: Database | None = None) -> Counter[str]:
    """Return the statements of pg_dump for the schema, in no order and with no owner's name."""
    text = dump(database, client)
    text = _NOISE.sub("", text).replace(f'"{database.server.role}"', "OWNER").replace(database.server.role, "OWNER")
    return Counter(_QUOTED_WORD.sub(r"\1", statement.strip()) for statement in text.split(";\n") if statement.strip())


def dump(database: Database, client: Database | None = None) -> str:
    """Return what pg_dump, of the version of O(client), says of the schema."""
    options = [
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--exclude-schema=_flyover",
        "--exclude-schema=_heroku",
    ]
    done = _run(database, "pg_dump", "superuser", PASSWORD, options, "", client or database)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _reference(source: Database, target: Database) -> Iterator[Database]:
    """Give what pg_dump and psql make of O(source) beside O(target)."""
    server, name = target.server, f"reference_{target.name}"
    server.rows("postgres", f'create database "{name}" owner "{server.role}"')
    server.rows("postgres", f'alter database "{name}" set search_path = "$user", public, heroku_ext')
    try:
        reference = Database(server, name)
        load(reference, dump(source, target).replace(source.server.role, f'"{server.role}"'))
        yield reference
    finally:
        server.rows("postgres", f'drop database "{name}" with (force)')


def differences(source: Database, target: Database) -> list[str]:
    """Return how O(target) differs from O(source)."""
    with _reference(source, target) as reference:
        wanted, got = schema(reference), schema(target)
    found = [f"missing: {statement}" for statement in (wanted - got)] + [f"only there: {one}" for one in (got - wanted)]
    for wanted_part, got_part in zip(content(source), content(target)):
        one, other = (eval(_QUOTED_WORD.sub(r"\1", repr(part))) for part in (wanted_part, got_part))
        if isinstance(one, dict):
            found += [f"content of {name}" for name in {**one, **other} if one.get(name) != other.get(name)]
        elif one != other:
            found.append("content of large objects")
    return found


def _run(
    database: Database,
    program: str,
    role: str,
    password: str,
    options: list[str],
    text: str,
    client: Database | None = None,
) -> subprocess.CompletedProcess[str]:
    folder = (client or database).server.postgres.installation.folder
    where = ["-h", "127.0.0.1", "-p", str(database.server.port), "-U", role, *options, database.name]
    environment = {**os.environ, "PGPASSWORD": password, "PGCLIENTENCODING": "UTF8"}
    return subprocess.run(
        [str(folder / program), *where], env=environment, input=text, capture_output=True, text=True, check=False
    )
