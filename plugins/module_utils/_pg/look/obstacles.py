# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What cannot be copied, or comes out differently on another server."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import (
    HIDDEN_SCHEMAS,
    NAME,
    OWN_RELATION,
    USER_SCHEMA,
    not_of_extension,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


@dataclass(frozen=True)
class LeftBehind:
    """An object that needs a foreign table or server."""

    catalog_oid: int
    catalog: str
    oid: int
    kind: str
    description: str
    is_read: bool
    """Whether it holds rows, or reads them as a view does: without it the app would not work."""
    is_part: bool
    """Whether it is part of something else and needs no mention, such as a row type or a default."""


def left_behind(session: Session) -> tuple[LeftBehind, ...]:
    """Return what belongs to foreign tables and servers, or needs them, according to the server's own dependencies."""
    rows = session.rows(
        """
        with recursive gone(classid, objid, part) as (
          select 'pg_class'::regclass::oid, oid, true from pg_class where relkind = 'f'
          union all select 'pg_foreign_server'::regclass::oid, oid, true from pg_foreign_server
          union
          select d.classid, d.objid, d.deptype = 'i' or d.deptype = 'a' and not exists (
              select from pg_class where d.classid = 'pg_class'::regclass and oid = d.objid and relkind = 'S')
            from pg_depend d join gone
            on d.refclassid = gone.classid and d.refobjid = gone.objid
          where d.deptype in ('n', 'a', 'i') and d.classid <> 'pg_extension'::regclass
        )
        select classid, (select relname::text from pg_class where oid = classid), objid,
               coalesce((pg_identify_object(classid, objid, 0)).type, 'object'), pg_describe_object(classid, objid, 0),
               case classid when 'pg_class'::regclass then
                 (select relkind in ('r', 'p', 'm', 'v') from pg_class where oid = objid)
               when 'pg_rewrite'::regclass then true else false end, bool_or(part)
        from gone group by classid, objid order by 1, 3
        """
    )
    return tuple(LeftBehind(*row) for row in rows)


def server_columns(session: Session) -> list[tuple[str, str, str]]:
    """Return the columns of PostgreSQL's own views that the app's views read: view, relation, column.

    The server notes none for its own tables, such as pg_class.
    """
    return session.rows(
        f"""
        select distinct {NAME}, {dotted("s.nspname", "r.relname")}, a.attname::text
        from pg_depend d join pg_rewrite w on w.oid = d.objid join pg_class c on c.oid = w.ev_class
        join pg_namespace n on n.oid = c.relnamespace join pg_class r on r.oid = d.refobjid
        join pg_namespace s on s.oid = r.relnamespace and s.nspname in ('pg_catalog', 'information_schema')
        join pg_attribute a on a.attrelid = r.oid and a.attnum = d.refobjsubid
        where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
          and {OWN_RELATION}
          and {not_of_extension("pg_class", "r.oid")} order by 1, 2, 3
        """
    )


def ordered_text(session: Session) -> list[str]:
    """Return the columns of text that an index keeps in the database's own order."""
    return [
        name
        for (name,) in session.rows(
            f"""
            select distinct {NAME} || '.' || {quoted("a.attname")}
            from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
            cross join lateral unnest(i.indkey::int2[], i.indcollation::oid[]) k(number, collation_)
            join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
            join pg_collation o on o.oid = k.collation_ and o.collprovider = 'd'
            where {OWN_RELATION} order by 1
            """
        )
    ]


def own_collations(session: Session) -> list[tuple[str, str, bool]]:
    """Return the collations that a user made from the operating system's locales or with ICU: name, locale (empty for
    ICU), and whether it uses ICU.
    """
    return session.rows(
        f"""
        select {dotted("n.nspname", "o.collname")}, case o.collprovider when 'c' then o.collcollate else '' end,
               o.collprovider = 'i'
        from pg_collation o join pg_namespace n on n.oid = o.collnamespace
        where o.collprovider in ('c', 'i') and {USER_SCHEMA} and {not_of_extension("pg_collation", "o.oid")} order by 1
        """
    )


def hashed_by_enum(session: Session) -> list[str]:
    """Return the tables that are partitioned by the hash of an enum, or of something that holds one."""
    return [
        name
        for (name,) in session.rows(
            f"""
            with recursive key(relation, type) as (
              select p.partrelid, a.atttypid from pg_partitioned_table p join pg_attribute a
                on a.attrelid = p.partrelid and a.attnum = any (p.partattrs::int2[]) where p.partstrat = 'h'
              union
              select k.relation, inner_type from key k join pg_type t on t.oid = k.type
              cross join lateral (values (t.typelem), (t.typbasetype)) inner_types(inner_type)
              where inner_type <> 0
            )
            select distinct {NAME} from key k join pg_type t on t.oid = k.type and t.typtype = 'e'
            join pg_class c on c.oid = k.relation join pg_namespace n on n.oid = c.relnamespace
            where {OWN_RELATION} order by 1
            """
        )
    ]


# By type of column, a query of the roles that its value C({}) holds.
_ROLES_HELD = {
    "regrole": "select {}::oid",
    "regrole[]": "select unnest({})::oid",
    "aclitem": "select unnest(array[grantor, grantee]) from aclexplode(array[{}])",
    "aclitem[]": "select unnest(array[grantor, grantee]) from aclexplode({})",
}


def roles_held(session: Session) -> list[tuple[str, str]]:
    """Return the columns whose values name roles, each with every role that it holds, as written in statements."""
    found = []
    columns = session.rows(
        f"""
        select {NAME}, {quoted("a.attname")}, format_type(a.atttypid, null)
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where format_type(a.atttypid, null) = any (%s) and c.relkind = 'r' and not a.attisdropped and {OWN_RELATION}
        """,
        [list(_ROLES_HELD)],
    )
    for table, column, type_ in columns:
        held = _ROLES_HELD[type_].format(f"t.{column}")
        roles = session.rows(
            f"select distinct quote_ident(r.rolname) from only {table} t cross join lateral ({held}) h(oid) "
            "join pg_roles r on r.oid = h.oid order by 1"
        )
        found += [(f"{table}.{column}", role) for (role,) in roles]
    return found


def superusers_own(session: Session) -> list[str]:
    """Return descriptions of the objects that only a superuser can make, according to PostgreSQL's manual: base types,
    operator classes and families, access methods, languages, parsers and templates of text search, functions in a
    language that is not trusted, leakproof ones or those with a support function, aggregates with an internal state,
    casts without a function, and casts and transforms of types that are not the app's.
    """
    found = session.rows(
        """
        with users(type) as (
          -- Casts and transforms are for whoever owns the type.
          select oid from pg_type t where oid >= 16384 and not exists (
            select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')
        ), theirs(classid, objid) as (
          select 'pg_language'::regclass::oid, oid from pg_language
          union all select 'pg_am'::regclass, oid from pg_am
          union all select 'pg_opclass'::regclass, oid from pg_opclass
          union all select 'pg_opfamily'::regclass, oid from pg_opfamily
          union all select 'pg_ts_parser'::regclass, oid from pg_ts_parser
          union all select 'pg_ts_template'::regclass, oid from pg_ts_template
          union all select 'pg_type'::regclass, oid from pg_type where typtype in ('b', 'p') and typcategory <> 'A'
          union all select 'pg_cast'::regclass, oid from pg_cast where castmethod = 'b' or not exists (
            select from users where type in (castsource, casttarget))
          union all select 'pg_transform'::regclass, oid from pg_transform where trftype not in (select type from users)
          union all select 'pg_proc'::regclass, p.oid from pg_proc p join pg_language l on l.oid = p.prolang
            left join pg_aggregate a on a.aggfnoid = p.oid
            where p.proleakproof or p.prosupport <> 0 or a.aggtranstype = 'internal'::regtype
              or not l.lanpltrusted and p.prokind <> 'a')
        select pg_describe_object(classid, objid, 0) from theirs where objid >= 16384
          and not exists (select from pg_depend d where d.classid = theirs.classid and d.objid = theirs.objid
                          and d.deptype in ('e', 'i'))
          and coalesce((pg_identify_object(classid, objid, 0)).schema, '') <> all (%s)
        order by 1
        """,
        [list(HIDDEN_SCHEMAS)],
    )
    return [name for (name,) in found]
