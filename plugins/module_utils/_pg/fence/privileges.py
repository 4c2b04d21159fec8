# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Every privilege to write that anybody has in a database; taking them away, and giving them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence.kept import REVOKED
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import OWNER, PUBLIC, Grant
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import USER_SCHEMA, not_of_extension
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_AT_ONCE = 500
_GRANTEE = "case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)::text) end"
_RELATION = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
_WRITERS = f"""
select case when c.relkind = 'S' then 'sequence' else 'table' end as kind,
       quote_ident(n.nspname::text) || '.' || quote_ident(c.relname::text) as object, '' as column_name,
       {_GRANTEE} as grantee, a.privilege_type as privilege, a.is_grantable as grantable,
       pg_has_role(c.relowner, 'usage') as own
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
# The recorded privileges whose object, column and grantee still exist.
_REVOKED = f"""
select r.* from {REVOKED} r where (grantee = 'public' or to_regrole(grantee) is not null) and case
  when kind in ('table', 'sequence') then to_regclass(object) is not null and (
    column_name = '' or exists (select from pg_attribute where attrelid = to_regclass(object)
      and not attisdropped and quote_ident(attname::text) = column_name))
  when kind = 'schema' then to_regnamespace(object) is not null
  when kind = 'database' then object = quote_ident(current_database()::text)
  else exists (select from pg_largeobject_metadata where oid::text = object) end
"""


# The same in the form of look/attributes. What that leaves out of schema public is left out here.
_WITHHELD = f"""
select 'on ' || r.kind || ' ' || case r.kind when 'schema' then {quoted("n.nspname")} when 'large object' then r.object
         else {dotted("n.nspname", "c.relname")} end,
       coalesce({quoted("t.attname")}, ''),
       case when r.grantee = 'public' then '{PUBLIC}'
            when r.grantee = quote_ident(pg_get_userbyid(coalesce(c.relowner, n.nspowner, l.lomowner))::text)
            then '{OWNER}' else r.grantee end,
       r.privilege, r.grantable, true
from ({_REVOKED}) r
left join pg_class c on r.kind in ('table', 'sequence') and c.oid = to_regclass(r.object)
left join pg_namespace n
  on n.oid = case when r.kind = 'schema' then to_regnamespace(r.object)::oid else c.relnamespace end
left join pg_attribute t on t.attrelid = c.oid and quote_ident(t.attname::text) = r.column_name
left join pg_largeobject_metadata l on r.kind = 'large object' and l.oid::text = r.object
where r.kind <> 'database' and not (n.nspname = 'public' and r.kind = 'schema' and (
  r.grantee in ('pg_database_owner', quote_ident(pg_get_userbyid(n.nspowner)::text))
  or r.grantee = 'public' and current_setting('server_version_num')::int < 150000))
"""


class Privilege(NamedTuple):
    """One privilege to write; names are quoted as SQL needs."""

    kind: str
    object: str
    column: str
    grantee: str
    privilege: str
    grantable: bool


def writers(session: Session) -> tuple[list[Privilege], list[str]]:
    """Return the privileges that this role can take, and the objects of other owners."""
    rows = session.rows(_WRITERS)
    own = [Privilege(*row[:6]) for row in rows if row[6]]
    return own, sorted({f"{row[0]} {row[1]}" for row in rows if not row[6]})


def revoked(session: Session) -> list[Privilege]:
    """Return the privileges that were taken and can be given back."""
    return [Privilege(*row) for row in session.rows(_REVOKED)]


def withheld(session: Session) -> set[Grant]:
    """Return the privileges that the fence took, in the form of grants; none if there is no fence."""
    if session.value(f"select to_regclass('{REVOKED}') is null"):
        return set()
    return {Grant(*row) for row in session.rows(_WITHHELD)}


def take(session: Session) -> list[Privilege]:
    """Record and revoke what this role can take, in the present transaction, and return it.

    What an earlier run recorded is never overwritten.
    """
    session.run(
        f"insert into {REVOKED} select kind, object, column_name, grantee, privilege, grantable from ({_WRITERS}) w "
        "where own on conflict do nothing",
        doing="recording the privileges",
    )
    own = writers(session)[0]
    for what, grantee, _grantable in _bundles(own):
        session.run(f"revoke {what} from {grantee} cascade", doing="taking privileges away")
    return own


def give_back(session: Session, privileges: Iterable[Privilege]) -> None:
    """Grant, in the present transaction."""
    for what, grantee, grantable in _bundles(privileges):
        option = " with grant option" if grantable else ""
        session.run(f"grant {what} to {grantee}{option}", doing="giving privileges back")


def objects(privileges: Iterable[Privilege]) -> int:
    """Return how many objects they are about."""
    return len({(privilege.kind, privilege.object) for privilege in privileges})


def _bundles(privileges: Iterable[Privilege]) -> Iterator[tuple[str, str, bool]]:
    """Yield verbs and objects, grantee, and the grant option: few statements, and each catalog row only once."""
    of_object: dict[tuple[str, str, str, str, bool], list[str]] = {}
    for kind, name, column, grantee, privilege, grantable in privileges:
        verb = privilege.lower() + (f" ({column})" if column else "")
        of_object.setdefault((kind, name, column, grantee, grantable), []).append(verb)
    alike: dict[tuple[str, str, str, bool], list[str]] = {}
    for (kind, name, _column, grantee, grantable), verbs in of_object.items():
        alike.setdefault((", ".join(sorted(verbs)), kind, grantee, grantable), []).append(name)
    for (verbs_of_all, kind, grantee, grantable), names in alike.items():
        for start in range(0, len(names), _AT_ONCE):
            yield f"{verbs_of_all} on {kind} {', '.join(names[start : start + _AT_ONCE])}", grantee, grantable
