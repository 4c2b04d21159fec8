# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any SQL file as a source: copied, compared in a way that is not the module's, changed, and updated.

A copy is right where pg_dump prints each object as it does for the source, or as for a second copy that
C(pg_dump | psql) makes: that is what others' programs print of the same definition after a dump and restore. Where even
that differs for a good reason, the file says so.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from ansible_collections.flyover.heroku_to_fly.tests.sandbox.postgres import clients
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import (
    OWN_SCHEMAS,
    PASSWORD,
    Database,
    Server,
    installation,
    large_objects,
    sequences,
)

EXTENSIONS = ("citext", "hstore", "unaccent", "btree_gist", "ltree", "intarray", "cube", "earthdistance")
_PATH = '"$user", public, heroku_ext'

_HEADER = re.compile(
    r"^--\n-- Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>.*); Owner: .*\n--\n", re.M
)
_NOISE = re.compile(
    r"(?m)^(SET default_\w+ = .*;|\\(un)?restrict .*|-- \*not\* creating schema, .*"
    r"|--\n-- PostgreSQL database dump complete\n--)$"
)
# Not inside of literals, bodies and other names, which must come through as they are.
_QUOTED_WORD = re.compile(
    r"""'[^']*'|(\$(?:[a-zA-Z_]\w*)?\$).*?\1|"(?P<word>json|json_value|merge_action|system_user)"|"[^"]*\"""", re.DOTALL
)
# PostgreSQL 17 has a privilege more, so that what is all of them on an older server is not for its pg_dump.
_NEW_PRIVILEGE = re.compile(r",MAINTAIN|MAINTAIN,")
_ALL = re.compile(r"SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE(?= ON)")
_SQLS_OWN = "SYSTEM_USER"
_SEARCH_PATH = re.compile(r"\n    SET search_path TO [^\n]*")
_THEN = re.compile(r"-- then(?: (?P<verdict>copied|updated|unchanged)|,.*)\n?")


@dataclass
class Step:
    """SQL for the source, and what the next run must say, if the file tells."""

    verdict: str
    sql: str = ""


@dataclass
class Case:
    """One file: lines that begin with C(-- then VERDICT) or C(-- then,) part its steps, C(-- differs REGEX) allows for
    a difference.
    """

    steps: list[Step] = field(default_factory=lambda: [Step("copied")])
    differs: list[str] = field(default_factory=list)

    def allows(self, text: str) -> bool:
        """Whether the file says that this differs."""
        return any(re.search(pattern, text) for pattern in self.differs)


@dataclass
class Compared:
    """What an independent comparison saw."""

    objects: int = 0
    """Of the source's schema, as pg_dump counts them."""
    equal: int = 0
    left: int = 0
    """Objects that stay behind, which the result tells."""
    differences: list[str] = field(default_factory=list)


def read(path: Path) -> Case:
    """Return what a file asks for."""
    case = Case()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        then = _THEN.fullmatch(line)
        if then:
            case.steps.append(Step(then["verdict"] or ""))
        elif line.startswith("-- differs "):
            case.differs.append(line[len("-- differs ") :].strip())
        else:
            case.steps[-1].sql += line
    return case


@contextmanager
def template(server: Server) -> Iterator[str]:
    """Give the name of a database on the source's server with Heroku's extensions, and nothing else."""
    name = "template_empty"
    server.rows("postgres", f"create database {name} owner {server.role}")
    server.rows(name, f"alter schema public owner to {server.role}")
    extensions = "".join(f"create extension {extension} schema heroku_ext;" for extension in EXTENSIONS)
    server.rows(name, f"create schema heroku_ext; grant usage on schema heroku_ext to public; {extensions}")
    server.rows(
        name,
        "create extension postgres_fdw schema heroku_ext; create server elsewhere foreign data wrapper postgres_fdw;"
        f"grant usage on foreign server elsewhere to {server.role}",
    )
    try:
        yield name
    finally:
        server.rows("postgres", f"drop database {name} with (force)")


@contextmanager
def pair(heroku: Server, fly: Server, empty: str) -> Iterator[tuple[Database, Database]]:
    """Give a source, which is like the template O(empty), and an empty target."""
    heroku.rows("postgres", f"create database schemas template {empty} owner {heroku.role}")
    heroku.rows("postgres", f"alter database schemas set search_path = {_PATH}")
    fly.rows("postgres", f'create database schemas owner "{fly.role}"')
    try:
        yield Database(heroku, "schemas"), Database(fly, "schemas")
    finally:
        heroku.rows("postgres", "drop database schemas with (force)")
        fly.rows("postgres", "drop database schemas with (force)")


def load(database: Database, sql: str, role: str = "") -> list[str]:
    """Run O(sql) with psql as the app's role; return the errors."""
    done = _run(database, "psql", role or database.server.role, ["-X", "-q", "-f", "-"], sql)
    return [line for line in done.stderr.splitlines() if "ERROR" in line]


def objects(text: str, role: str) -> dict[tuple[str, str, str], str]:
    """Return what pg_dump wrote for each object, without the owner's name: by type, schema and name."""
    text = _NOISE.sub("", text).replace(f'"{role}"', "OWNER").replace(role, "OWNER")
    headers = list(_HEADER.finditer(text))
    found: dict[tuple[str, str, str], str] = {}
    for header, following in zip(headers, [*headers[1:], None]):
        key = header["type"], header["schema"], _plain(header["name"])
        made = _plain(text[header.end() : following.start() if following else None].strip())
        if made:
            made = _ALL.sub("ALL", _NEW_PRIVILEGE.sub("", made))
            found[key] = f"{found[key]}\n{made}" if key in found else made
    return found


def _plain(text: str) -> str:
    """Return O(text) without quotes around names that newer servers quote and older ones do not."""
    return _QUOTED_WORD.sub(lambda found: found["word"] or found[0], text)


def dump(database: Database, *options: str) -> str:
    """Return what the newest pg_dump says of the schema."""
    options = ("--schema-only", "--no-owner", "--exclude-schema=_flyover", "--exclude-schema=_heroku", *options)
    done = _run(database, "pg_dump", "superuser", options, "")
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _reference(source: Database, target: Database) -> Iterator[Database]:
    """Give what pg_dump and psql make of O(source) beside O(target)."""
    server, name = target.server, f"reference_{target.name}"
    server.rows("postgres", f'create database "{name}" owner "{server.role}"')
    server.rows("postgres", f'alter database "{name}" set search_path = {_PATH}')
    try:
        reference = Database(server, name)
        load(reference, dump(source, "--no-privileges").replace(source.server.role, f'"{server.role}"'))
        yield reference
    finally:
        server.rows("postgres", f'drop database "{name}" with (force)')


def compare(source: Database, target: Database, result: dict[str, Any]) -> Compared:
    """Return how O(target) differs from O(source), apart from what the module's O(result) says."""
    not_moved = result["plan"]["not_moved"]
    given_a_path = " ".join(one["text"] for one in result["findings"] if one["id"] == "database-search-path")
    with _reference(source, target) as reference:
        again = objects(dump(reference), target.server.role)
    wanted = objects(dump(source), source.server.role)
    # A column system_user that an older server prints becomes SQL's own in a dump's copy: that one is no example.
    again = {key: text for key, text in again.items() if _SQLS_OWN not in text or _SQLS_OWN in wanted.get(key, "")}
    got = objects(dump(target), target.server.role)
    compared = Compared(len(wanted))
    for key, made in wanted.items():
        there = got.get(key)
        if key[0] in ("FUNCTION", "PROCEDURE") and f"{key[1]}.{key[2]}" in given_a_path:
            there = _SEARCH_PATH.sub("", there or "")
        if there is not None and there in (made, again.get(key)):
            compared.equal += 1
        elif _stays_behind(key, made, there, not_moved):
            compared.left += 1
        else:
            how = "missing" if there is None else "differs"
            compared.differences.append(f"{how}: {' '.join(key)}: {made}" + (f"\n  is {there}" if there else ""))
    for key, there in got.items():
        if key not in wanted and there != again.get(key):
            compared.differences.append(f"only there: {' '.join(key)}: {there}")
    left = {one["name"] for one in not_moved}
    generated = " ".join(one["text"] for one in result["findings"] if one["id"] == "database-generated")
    compared.differences += [one for one in _contents(source, target, generated) if one.split(" of ")[1] not in left]
    return compared


def _stays_behind(key: tuple[str, str, str], made: str, there: str | None, not_moved: Sequence[dict[str, str]]) -> bool:
    """Whether the result tells of this object, or of one that it speaks of; of privileges, each by itself."""
    kind, _schema, name = key
    if kind in ("EXTENSION", "EVENT TRIGGER", "PUBLICATION", "SCHEMA") or there is None:
        text = f"{name} {made}"
        return any(re.search(rf"(^|\W){re.escape(_last(one['name']))}(\W|$)", text) for one in not_moved)
    if kind in ("ACL", "DEFAULT ACL"):
        lost = set(made.splitlines()) - set(there.splitlines())
        grants = " ".join(one["name"] for one in not_moved)
        behind = all((role := re.search(r" (?:TO|FROM) (\S+?);?$", one)) and role[1] in grants for one in lost)
        return behind and set(there.splitlines()) <= set(made.splitlines())
    return False


def _last(name: str) -> str:
    """Return O(name) without schema, quotes and arguments."""
    return name.partition("(")[0].rsplit(".", 1)[-1].strip('"')


def _contents(source: Database, target: Database, generated: str) -> list[str]:
    """Return what holds other rows; columns that are O(generated) otherwise, as the module says, are left aside."""
    found = [
        f"content of {name}"
        for name, columns, written, query in _relations(source)
        for columns in [written if f" {name} (" in generated else columns]
        if _rows(source, columns, f"({query}) shown" if query else f"only {name}")
        != _rows(target, columns, f"only {name}")
    ]
    on_source, on_target = (
        {_plain(name): value for name, value in sequences(each).items()} for each in (source, target)
    )
    names = on_source.keys() | on_target.keys()
    found += [f"value of {name}" for name in sorted(names) if on_source.get(name) != on_target.get(name)]
    if large_objects(source) != large_objects(target):
        found.append("content of large objects")
    return [_plain(one) for one in found]


def _relations(database: Database) -> list[tuple[str, str, str, str]]:
    """Return each table and materialized view with its columns by name: a dump may change their order; all, and those
    that the server does not compute. A view comes with its query, because the target's is filled from the rows there.
    """
    return database.rows(
        f"""
        select format('%I.%I', n.nspname, c.relname), coalesce(a.every, ''), coalesce(a.written, ''),
          case c.relkind when 'm' then rtrim(pg_get_viewdef(c.oid), ';') else '' end
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        cross join lateral (
            select string_agg(quoted, ', ' order by attname), string_agg(quoted, ', ' order by attname)
              filter (where attgenerated = '')
            from pg_attribute cross join lateral (select '"' || replace(attname, '"', '""') || '"') named(quoted)
            where attrelid = c.oid and attnum > 0 and not attisdropped) a(every, written)
        where c.relkind in ('r', 'm') and c.relpersistence <> 't' and c.relispopulated and {OWN_SCHEMAS} order by 1
        """
    )


def _rows(database: Database, columns: str, relation: str) -> Any:
    """Return number and digest of a relation's rows, read as the app's sessions read them."""
    try:
        return database.rows(
            f"set timezone = 'UTC'; set extra_float_digits = 3; "
            f"set search_path = {_PATH.replace('$user', database.server.role)}; "
            "select md5(string_agg(line, '\\x0a' order by line)), count(*) "
            f"from (select convert_to(row({columns})::text, 'UTF8') as line from {relation}) lines"
        )
    except psycopg2.Error as error:
        return str(error)


def _run(
    database: Database, program: str, role: str, options: Sequence[str], text: str
) -> subprocess.CompletedProcess[str]:
    """Run a client program of the target's version or a newer one: both sides are dumped by the same pg_dump."""
    folder = clients(installation(-1).major)
    if folder is None:
        raise FileNotFoundError("there is no pg_dump for the target here; tests/tools/postgres-versions installs it")
    where = ["-h", "127.0.0.1", "-p", str(database.server.port), "-U", role, *options, database.name]
    environment = {**os.environ, "PGPASSWORD": PASSWORD, "PGCLIENTENCODING": "UTF8"}
    return subprocess.run(
        [str(folder / program), *where], env=environment, input=text, capture_output=True, text=True, check=False
    )
