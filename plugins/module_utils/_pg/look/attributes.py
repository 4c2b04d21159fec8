# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Privileges, comments on what is there already, and settings: what one statement can set at any time.

Privileges are described as what was granted beyond the server's defaults, or revoked from them, with C(OWNER) for
an object's owner, so that they are the same on servers with other roles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.other_kinds import FUNCTION_NAME
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import USER_SCHEMA, not_of_extension
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

OWNER, PUBLIC = "OWNER", "PUBLIC"
_DEFAULT = "default"


class Grant(NamedTuple):
    """One privilege of one grantee."""

    on: str
    """As in GRANT: the kind of the object, and its name."""
    column: str
    grantee: str
    privilege: str
    grantable: bool
    given: bool
    """Whether it was granted, or revoked from the defaults."""

    def sql(self, take: bool) -> str:
        """Return the statement that gives or takes it."""
        whose = {OWNER: "current_user", PUBLIC: "public"}.get(self.grantee, self.grantee)
        what = self.privilege + (f" ({self.column})" if self.column else "")
        if take:
            return f"revoke {what} {self.on} from {whose}"
        return f"grant {what} {self.on} to {whose}" + (" with grant option" if self.grantable else "")


class Attributes(NamedTuple):
    """What a source gives to others, says of what every database has, and sets for new sessions."""

    grants: set[Grant]
    comments: dict[str, str]
    settings: dict[str, str]
    others: list[str]
    """Other roles whose new objects get privileges by default."""


def _relative(acl: str, default: str) -> str:
    """Return SQL for the grants of O(acl) that O(default) lacks, and those of O(default) that were revoked."""
    of_acl, of_default = (
        f"select grantee, privilege_type, is_grantable, {given} from aclexplode({one})"
        for one, given in ((acl, "true"), (default, "true"))
    )
    taken = (
        f"select grantee, privilege_type, is_grantable, false from aclexplode({default}) "
        f"except select grantee, privilege_type, is_grantable, false from aclexplode({acl})"
    )
    return f"(({of_acl} except {of_default}) union all ({taken}))"


_RELATIONS = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
_OBJECTS = f"""
  select 'on ' || case c.relkind when 'S' then 'sequence ' else 'table ' end || {dotted("n.nspname", "c.relname")}
           as is_on, '' as its_column, c.relacl as acl,
         acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner) as standard, c.relowner as owner
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S') and c.relacl is not null and {_RELATIONS}
  union all
  select 'on table ' || {dotted("n.nspname", "c.relname")}, {quoted("a.attname")}, a.attacl,
         acldefault('c', c.relowner), c.relowner
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  where a.attacl is not null and c.relkind in ('r', 'p', 'v', 'm') and not a.attisdropped and {_RELATIONS}
  union all
  select 'on routine ' || {FUNCTION_NAME}, '', p.proacl, acldefault('f', p.proowner), p.proowner
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where p.proacl is not null and {USER_SCHEMA} and {not_of_extension("pg_proc", "p.oid")}
  union all
  -- in schema public everybody may look, from the beginning
  select 'on schema ' || {quoted("n.nspname")}, '', coalesce(n.nspacl, acldefault('n', n.nspowner)),
         acldefault('n', n.nspowner) || case when n.nspname = 'public'
           then array[makeaclitem(0, n.nspowner, 'USAGE', false)] else '{{}}' end, n.nspowner
  from pg_namespace n where (n.nspacl is not null or n.nspname = 'public') and {USER_SCHEMA}
  union all
  select 'on type ' || {dotted("n.nspname", "t.typname")}, '', t.typacl, acldefault('T', t.typowner), t.typowner
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where t.typacl is not null and {USER_SCHEMA} and {not_of_extension("pg_type", "t.oid")}
  union all
  select 'on large object ' || l.oid, '', l.lomacl, acldefault('L', l.lomowner), l.lomowner
  from pg_largeobject_metadata l where l.lomacl is not null
  union all
  select concat('{_DEFAULT}', ' in schema ' || {quoted("n.nspname")}, ' on ', case d.defaclobjtype
           when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
           when 'n' then 'schemas' else 'large objects' end), '', d.defaclacl,
         case when d.defaclnamespace = 0
              then acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end::"char", d.defaclrole)
              end, d.defaclrole
  from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
  where pg_get_userbyid(d.defaclrole) = current_user and (n.oid is null or {USER_SCHEMA})
"""


def grants(session: Session) -> set[Grant]:
    """Return all privileges that are not the server's defaults."""
    rows = session.rows(
        f"""
        select o.is_on, o.its_column,
               case g.grantee when 0 then '{PUBLIC}' when o.owner then '{OWNER}'
                              else coalesce((select quote_ident(rolname) from pg_roles where oid = g.grantee), '') end,
               g.privilege_type, g.is_grantable, g.given
        from ({_OBJECTS}) o
        cross join lateral {_relative("o.acl", "o.standard")} g(grantee, privilege_type, is_grantable, given)
        -- what PUBLIC and the owner may do in schema public differs from version to version
        where o.is_on <> 'on schema public'
          or g.given and g.grantee not in (0, o.owner, 'pg_database_owner'::regrole)
          or g.given and g.grantee = 0 and g.privilege_type = 'CREATE'
             and current_setting('server_version_num')::int >= 150000
          or g.grantee = 0 and g.privilege_type = 'USAGE' and not o.acl::text ~ '[{{,]=U'
        """
    )
    return {Grant(*row) for row in rows}


def read(source: Session, withheld: Collection[Grant]) -> Attributes:
    """Return what the target should be given; the source's privileges are those that it has and those O(withheld),
    which a fence took away for a while.
    """
    return Attributes(
        given_back(grants(source), withheld), comments(source), settings(source), _others_defaults(source)
    )


def given_back(present: set[Grant], withheld: Iterable[Grant]) -> set[Grant]:
    """Return O(present) as it was before O(withheld) were taken: without what is among the defaults."""
    former = set(present)
    for grant in withheld:
        taken = grant._replace(grantable=False, given=False)
        if taken in former:
            former.remove(taken)
        else:
            former.add(grant)
    return former


def _others_defaults(session: Session) -> list[str]:
    """Return the roles other than the session's whose new objects get privileges by default."""
    rows = session.rows(
        """
        select distinct pg_get_userbyid(defaclrole)::text from pg_default_acl
        where pg_get_userbyid(defaclrole) <> current_user order by 1
        """
    )
    return [role for (role,) in rows]


def statements(
    source: set[Grant], target: set[Grant], roles: Collection[str], own: str, given: Collection[Grant] = ()
) -> tuple[dict[str, str], list[str]]:
    """Return what makes the privileges of O(target) those of O(source): statements by what they are about, and the
    grants to other than O(roles), which the target does not have. Those to the target's O(own) role are its already: it
    owns the copy. What only the target grants stays, a provider's, but
    for those O(given) by an earlier run: the source has taken them back.
    """
    wanted: dict[str, str] = {}
    homeless = []
    for grant in sorted(source - target):
        if grant.grantee == own:
            continue
        if grant.grantee not in roles and grant.grantee not in (OWNER, PUBLIC):
            homeless.append(f"{grant.privilege} {grant.on} to {grant.grantee or 'a role that is gone'}")
        else:
            wanted[_about(grant)] = _statement(grant, take=not grant.given)
    for grant in sorted(target - source):
        if not grant.given:
            wanted.setdefault(_about(grant), _statement(grant, take=False))
        elif grant in given:
            # With the option to grant gone alone, it is given anew without.
            wanted[_about(grant)] = ";\n".join(filter(None, [_statement(grant, take=True), wanted.get(_about(grant))]))
    return wanted, homeless


def defaults_undone(target: set[Grant], given: Collection[Grant]) -> list[str]:
    """Return what sets the default privileges of O(target) back: those O(given) by a copy, and all that was revoked.

    A provider's own stay, as they do in statements().
    """
    return [
        _statement(grant, take=grant.given)
        for grant in sorted(target)
        if grant.on.startswith(_DEFAULT) and (grant in given or not grant.given)
    ]


def to_others(grants_: Iterable[Grant]) -> set[Grant]:
    """Return what is granted to others than the owner."""
    return {grant for grant in grants_ if grant.given and grant.grantee != OWNER}


def _about(grant: Grant) -> str:
    return f"{grant.privilege} {grant.on} {grant.column} {grant.grantee}"


def _statement(grant: Grant, take: bool) -> str:
    if not grant.on.startswith(_DEFAULT):
        return grant.sql(take)
    place, _on, kind = grant.on[len(_DEFAULT) :].partition(" on ")
    return f"alter default privileges{place} " + grant._replace(on=f"on {kind}").sql(take)


def comments(session: Session) -> dict[str, str]:
    """Return the comments on schemas and extensions, except those that the server itself makes."""
    return dict(
        session.rows(
            f"""
            select 'schema ' || {quoted("n.nspname")}, d.description from pg_description d
            join pg_namespace n on n.oid = d.objoid and d.classoid = 'pg_namespace'::regclass
            where {USER_SCHEMA} and {not_of_extension("pg_namespace", "n.oid")}
              and d.description <> 'standard public schema'
            union all
            select 'extension ' || {quoted("x.extname")}, d.description from pg_description d
            join pg_extension x on x.oid = d.objoid and d.classoid = 'pg_extension'::regclass
            where d.description is distinct from (select a.comment from pg_available_extensions a
                                                  where a.name = x.extname)
            """
        )
    )


# What must not be copied: the fence's setting, and what is about the server's own files and roles.
_NOT_OURS = (
    "default_tablespace",
    "default_transaction_read_only",
    "local_preload_libraries",
    "role",
    "search_path",
    "session_authorization",
    "session_preload_libraries",
    "temp_tablespaces",
)


def settings(session: Session) -> dict[str, str]:
    """Return what is set for the database and for the session's role, as a new session gets it."""
    rows = session.rows(
        """
        select distinct on (1) split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
        from pg_db_role_setting s, unnest(setconfig) c
        where setdatabase in (0, (select oid from pg_database where datname = current_database()))
          and setrole in (0, (select oid from pg_roles where rolname = current_user))
        order by 1, setrole <> 0 and setdatabase <> 0 desc, setrole <> 0 desc, setdatabase <> 0 desc
        """
    )
    return {name: value for name, value in rows if name.lower() not in _NOT_OURS}


def allowed(session: Session, names: Collection[str]) -> set[str]:
    """Return which settings of O(names) the session's role may make for new sessions."""
    if not names:
        return set()
    return {
        name
        for (name,) in session.rows(
            """
            select w from unnest(%s::text[]) w left join pg_settings s on lower(s.name) = lower(w)
            where s.context = 'user' or (select rolsuper from pg_roles where rolname = current_user)
            """,
            [list(names)],
        )
    }


def settable(session: Session, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return which of O(wanted) the session's role may set, as the server itself writes the value."""
    found = {}
    for name in sorted(allowed(session, wanted)):
        # A value may name something that the server does not have.
        with suppress(StateError), session.attempt():
            found[name] = session.value("select set_config(%s, %s, true)", [name, wanted[name]])
    return found
