# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Every privilege to write that anybody has in a database; taking them away, and giving them back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence.kept import REVOKED
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.catalog import (
    USER_SCHEMA,
    not_of_extension,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_AT_ONCE = 500
_GRANTEE = "case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)::text) end"
_RELATION = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
# Kind, object, column, grantee, privilege, grantable, whether it is ours to take.
_WRITERS = f"""
select case when c.relkind = 'S' then 'sequence' else 'table' end,
       quote_ident(n.nspname::text) || '.' || quote_ident(c.relname::text), '', {_GRANTEE}, a.privilege_type,
       a.is_grantable, pg_has_role(c.relowner, 'usage')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(
  coalesce(c.relacl, acldefault((case when c.relkind = 'S' then 's' else 'r' end)::"char", c.relowner))) a
where c.relkind in ('r', 'p', 'v', 'f', 'S') and c.relpersistence <> 't' and {_RELATION}
  and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'USAGE')
union all
select 'table', quote_ident(n.nspname::text) || '.' || quote_ident(c.relname::text), quote_ident(t.attname::text),
       {_GRANTEE}, a.privilege_type, a.is_grantable, pg_has_role(c.relowner, 'usage')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute t on t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped
cross join lateral aclexplode(t.attacl) a
where c.relkind in ('r', 'p', 'v', 'f') and c.relpersistence <> 't' and {_RELATION}
  and a.privilege_type in ('INSERT', 'UPDATE')
union all
select 'schema', quote_ident(n.nspname::text), '', {_GRANTEE}, a.privilege_type, a.is_grantable,
       pg_has_role(n.nspowner, 'usage')
from pg_namespace n cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
where {USER_SCHEMA} and {not_of_extension("pg_namespace", "n.oid")} and a.privilege_type = 'CREATE'
  and pg_has_role(n.nspowner, 'usage')
union all
select 'database', quote_ident(d.datname::text), '', {_GRANTEE}, a.privilege_type, a.is_grantable, true
from pg_database d cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
where d.datname = current_database() and a.privilege_type = 'CREATE' and pg_has_role(d.datdba, 'usage')
union all
select 'large object', l.oid::text, '', {_GRANTEE}, a.privilege_type, a.is_grantable, pg_has_role(l.lomowner, 'usage')
from pg_largeobject_metadata l cross join lateral aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) a
where a.privilege_type = 'UPDATE'
"""
# Those of which the object, its column and the grantee are still there.
_REVOKED = f"""
select r.* from {REVOKED} r where (grantee = 'public' or to_regrole(grantee) is not null) and case
  when kind in ('table', 'sequence') then to_regclass(object) is not null and (
    column_name = '' or exists (select from pg_attribute where attrelid = to_regclass(object)
      and not attisdropped and quote_ident(attname::text) = column_name))
  when kind = 'schema' then to_regnamespace(object) is not null
  when kind = 'database' then object = quote_ident(current_database()::text)
  else exists (select from pg_largeobject_metadata where oid::text = object) end
"""


class Privilege(NamedTuple):
    """One privilege to write; names are quoted as SQL needs."""

    kind: str
    object: str
    column: str
    grantee: str
    privilege: str
    grantable: bool

    def revoke(self) -> str:
        """Return the statement that takes it away."""
        return f"revoke {self._what()} from {self.grantee} cascade"

    def grant(self) -> str:
        """Return the statement that gives it back."""
        option = " with grant option" if self.grantable else ""
        return f"grant {self._what()} to {self.grantee}{option}"

    def _what(self) -> str:
        column = f" ({self.column})" if self.column else ""
        return f"{self.privilege.lower()}{column} on {self.kind} {self.object}"


def writers(session: Session) -> tuple[list[Privilege], list[str]]:
    """Return the privileges that are ours to take, and the objects of other owners."""
    rows = session.rows(_WRITERS)
    ours = [Privilege(*row[:6]) for row in rows if row[6]]
    return ours, sorted({f"{row[0]} {row[1]}" for row in rows if not row[6]})


def revoked(session: Session) -> list[Privilege]:
    """Return the privileges that were taken and can be given back."""
    return [Privilege(*row) for row in session.rows(_REVOKED)]


def take(session: Session, privileges: Sequence[Privilege]) -> None:
    """Record and revoke, in the present transaction; what an earlier run recorded is never written over."""
    for start in range(0, len(privileges), _AT_ONCE):
        chunk = privileges[start : start + _AT_ONCE]
        session.run(
            f"insert into {REVOKED} values " + ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(chunk))
            + " on conflict do nothing",
            [value for privilege in chunk for value in privilege],
            doing="recording the privileges",
        )  # fmt: skip
    _run(session, (privilege.revoke() for privilege in privileges), "taking privileges away")


def give_back(session: Session, privileges: Sequence[Privilege]) -> None:
    """Grant, in the present transaction."""
    _run(session, (privilege.grant() for privilege in privileges), "giving privileges back")


def objects(privileges: Iterable[Privilege]) -> int:
    """Return how many objects they are of."""
    return len({(privilege.kind, privilege.object) for privilege in privileges})


def _run(session: Session, statements: Iterable[str], doing: str) -> None:
    listed = list(dict.fromkeys(statements))
    for start in range(0, len(listed), _AT_ONCE):
        session.run(";\n".join(listed[start : start + _AT_ONCE]), doing=doing)
