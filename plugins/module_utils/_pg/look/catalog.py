# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a database holds: read-only queries of the catalogs, for source and target alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import row_hash
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# Schemas that are not the app's: Heroku's own (reference: event triggers live there), and this collection's.
FENCE_SCHEMA = "_flyover_fence"
MARKER_SCHEMA = "_flyover"
LOG_SCHEMA = "_flyover_log"
"""Also the name of the log's triggers, which stand on the app's tables."""
HIDDEN_SCHEMAS = ("_heroku", MARKER_SCHEMA, FENCE_SCHEMA, LOG_SCHEMA)

# Conditions on pg_namespace n, and on an object's oid: what a user made.
_HIDDEN = ", ".join(f"'{schema}'" for schema in HIDDEN_SCHEMAS)
USER_SCHEMA = rf"n.nspname !~ '^pg_' and n.nspname not in ('information_schema', {_HIDDEN})"


def not_of_extension(catalog: str, oid: str) -> str:
    """Return the SQL condition that the object belongs to no extension."""
    return (
        "not exists (select from pg_depend e where e.deptype = 'e' "
        f"and e.classid = 'pg_catalog.{catalog}'::regclass and e.objid = {oid})"
    )


NAME = dotted("n.nspname", "c.relname")
_OWN_RELATION = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"

# Types whose binary form is the same in every major, and means the same on another server: no oid inside
# (regclass, aclitem, user-defined element types), no setting.
_BINARY_TYPES = [
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cidr",
    "circle",
    "date",
    "daterange",
    "datemultirange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "int4range",
    "int4multirange",
    "int8range",
    "int8multirange",
    "interval",
    "json",
    "jsonb",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "name",
    "numeric",
    "numrange",
    "nummultirange",
    "oid",
    "path",
    "point",
    "polygon",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsrange",
    "tsmultirange",
    "tstzrange",
    "tstzmultirange",
    "uuid",
    "varbit",
    "varchar",
]


@dataclass(frozen=True)
class Table:
    """One table with rows of its own: ordinary or a leaf of a partition tree, or an extension's with user rows."""

    oid: int
    name: str
    """Schema and name, quoted as SQL needs."""
    columns: tuple[str, ...]
    """Quoted names of the columns that COPY moves: all but generated ones."""
    all_columns: tuple[str, ...]
    bytes: int
    binary: bool
    """Whether COPY's binary format is safe for every column."""
    freeze: bool = True
    condition: str = ""
    """WHERE clause of an extension's table: the rows that are the user's."""
    row_hash: str = "0"
    """SQL for the hash of a row, see there."""
    inherits: bool = False
    """Whether it is another table's child, so that the target's may have its columns in another order."""

    @property
    def source_query(self) -> str:
        """What COPY reads on the source."""
        columns = ", ".join(self.columns)
        if self.condition:
            return f"(select {columns} from only {self.name} {self.condition})"
        return f"{self.name} ({columns})" if columns else self.name

    @property
    def clearing(self) -> str:
        """The statement that removes the rows that are to be replaced."""
        return f"truncate only {self.name}" if self.freeze else f"delete from only {self.name} {self.condition}"

    @property
    def row_query(self) -> str:
        """A subquery with every column in the source's order, to compare content by."""
        return f"select {', '.join(self.all_columns)} from only {self.name} {self.condition}"


@dataclass(frozen=True)
class Extension:
    """An installed extension."""

    name: str
    version: str
    schema: str


def identity(session: Session) -> dict[str, Any]:
    """Return what tells this database from every other, as far as the role may ask."""
    system = ""
    if session.value("select has_function_privilege('pg_catalog.pg_control_system()', 'execute')"):
        system = str(session.value("select system_identifier from pg_control_system()"))
    oid, name = session.row("select oid, datname from pg_database where datname = current_database()")
    if not system:
        system = f"{session.address.host}:{session.address.port}"
    return {"system": system, "database_oid": int(oid), "database": name}


def facts(session: Session) -> dict[str, Any]:
    """Return version, size, encoding and role of a database."""
    names = [
        "version",
        "size_bytes",
        "encoding",
        "collation",
        "ctype",
        "role",
        "superuser",
        "bypass_rls",
        "in_recovery",
        "connection_limit",
        "free_connections",
        "create_in_database",
        "search_path",
        "read_only",
    ]
    values = session.row(
        """
        select current_setting('server_version'), pg_database_size(d.oid), pg_encoding_to_char(d.encoding),
               d.datcollate, d.datctype, current_user, r.rolsuper, r.rolbypassrls, pg_is_in_recovery(),
               r.rolconnlimit,
               least(
                 current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                   - coalesce(current_setting('reserved_connections', true)::int, 0)
                   -- What others' sessions are is hidden; those of users in a database are mostly clients.
                   - (select count(*) from pg_stat_activity where coalesce(backend_type = 'client backend',
                      usesysid is not null and datid is not null)),
                 case when r.rolconnlimit < 0 then 100000
                      else r.rolconnlimit - (select count(*) from pg_stat_activity where usename = current_user) end,
                 case when d.datconnlimit < 0 then 100000
                      else d.datconnlimit - (select count(*) from pg_stat_activity where datid = d.oid) end)::int,
               has_database_privilege(d.oid, 'create'),
               (select reset_val from pg_settings where name = 'search_path'),
               (select reset_val from pg_settings where name = 'default_transaction_read_only') = 'on'
        from pg_database d, pg_roles r
        where d.datname = current_database() and r.rolname = current_user
        """
    )
    return dict(zip(names, values))


def app_path(session: Session) -> str:
    """Return the search_path that a new session gets, with PostgreSQL's own objects first and no schema by the name
    of a role: the other server's role has another.
    """
    names = session.value(
        """
        select array(select quote_ident(case name when '$user' then current_user::text else name end)
          from unnest(string_to_array(replace(setting, '"', ''), ',')) with ordinality p(part, place)
          cross join lateral (select trim(part)) n(name)
          where name <> '' and name <> 'pg_catalog'
            and (name <> '$user' or to_regnamespace(quote_ident(current_user::text)) is not null) order by place)
        from (select reset_val from pg_settings where name = 'search_path') s(setting)
        """
    )
    return ", ".join(["pg_catalog", *names])


def tables(session: Session) -> list[Table]:
    """Return the tables that hold rows, largest first."""
    rows = session.rows(
        f"""
        select c.oid, {NAME}, pg_table_size(c.oid),
               not c.relispartition and exists (select from pg_inherits where inhrelid = c.oid), a.*
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        cross join lateral (
          select coalesce(array_agg({quoted("attname")} order by attnum)
                          filter (where attgenerated = ''), '{{}}'),
                 coalesce(array_agg({quoted("attname")} order by attnum), '{{}}'),
                 coalesce(bool_and(case when tn.nspname <> 'pg_catalog' then false
                                        when t.typcategory = 'A' and t.typelem <> 0 then e.typname = any (%s)
                                        else t.typname = any (%s) end), false)
          from pg_attribute join pg_type t on t.oid = atttypid join pg_namespace tn on tn.oid = t.typnamespace
          left join pg_type e on e.oid = t.typelem
          where attrelid = c.oid and attnum > 0 and not attisdropped) a
        where c.relkind = 'r' and c.relpersistence in ('p', 'u') and {_OWN_RELATION}
        order by 3 desc, 2
        """,
        [_BINARY_TYPES, _BINARY_TYPES],
    )
    own = [
        Table(
            oid=oid,
            name=name,
            columns=tuple(columns),
            all_columns=tuple(all_columns),
            bytes=size,
            binary=binary,
            inherits=inherits,
        )
        for oid, name, size, inherits, columns, all_columns, binary in rows
    ]
    found = own + _extension_tables(session)
    hashes = row_hash.expressions(session, [table.oid for table in found])
    return [replace(table, row_hash=hashes[table.oid]) for table in found]


def _extension_tables(session: Session) -> list[Table]:
    """Return the tables in which extensions keep rows of the user, such as PostGIS's reference systems."""
    rows = session.rows(
        f"""
        select c.oid, {NAME}, pg_table_size(c.oid), coalesce(x.condition, ''),
               array(select {quoted("attname")} from pg_attribute
                     where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum)
        from pg_extension e
        cross join lateral unnest(e.extconfig, e.extcondition) x(oid, condition)
        join pg_class c on c.oid = x.oid and c.relkind = 'r' join pg_namespace n on n.oid = c.relnamespace
        """
    )
    return [
        Table(
            oid=oid,
            name=name,
            columns=tuple(columns),
            all_columns=tuple(columns),
            bytes=size,
            binary=False,
            freeze=False,
            condition=condition or "where true",
        )
        for oid, name, size, condition, columns in rows
    ]


def extensions(session: Session) -> dict[str, Extension]:
    """Return the installed extensions by name."""
    return {
        name: Extension(name, version, schema)
        for name, version, schema in session.rows(
            "select extname, extversion, nspname from pg_extension join pg_namespace n on n.oid = extnamespace"
        )
    }


def creatable_extensions(session: Session) -> set[str]:
    """Return the extensions that the role may create."""
    return {
        name
        for (name,) in session.rows(
            """
            select v.name from pg_available_extension_versions v join pg_available_extensions a
              on a.name = v.name and a.default_version = v.version, pg_roles r
            where r.rolname = current_user and (r.rolsuper or v.trusted or not v.superuser)
            """
        )
    }


def uses_of_extension(session: Session, name: str, limit: int = 5) -> list[str]:
    """Return descriptions of user-made objects that need the extension; bodies of functions are not looked into.

    Neither its own objects count, nor their constraints and the operators of their families, nor other extensions that
    want it, unless those are needed themselves, nor what belongs to other servers and stays behind.
    """
    return [
        text
        for (text,) in session.rows(
            """
            with recursive wanted(oid) as (
              select oid from pg_extension where extname = %s
              union
              select d.objid from pg_depend d join wanted w on d.refobjid = w.oid
              where d.refclassid = 'pg_extension'::regclass and d.classid = 'pg_extension'::regclass
            ), member(classid, objid) as (
              select d.classid, d.objid from pg_depend d join wanted w on w.oid = d.refobjid
              where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
              union
              select d.classid, d.objid from pg_depend d join member m
                on d.refclassid = m.classid and d.refobjid = m.objid
              where d.deptype = 'i'
                or d.classid in ('pg_foreign_server'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass)
                or d.classid = 'pg_constraint'::regclass
                  and exists (select from pg_constraint c where c.oid = d.objid and c.contypid <> 0)
                  and m.classid = 'pg_type'::regclass
            )
            select distinct pg_describe_object(d.classid, d.objid, d.objsubid) from pg_depend d join member m
              on d.refclassid = m.classid and d.refobjid = m.objid
            where d.deptype in ('n', 'a') and (d.classid, d.objid) not in (select classid, objid from member)
              and not exists (select from pg_depend e where e.deptype = 'e' and e.classid = d.classid
                              and e.objid = d.objid)
              and d.classid <> 'pg_user_mapping'::regclass
              and not (m.classid = 'pg_foreign_server'::regclass and d.classid = 'pg_class'::regclass)
            order by 1 limit %s
            """,
            (name, limit),
        )
    ]


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
    """Whether it goes without saying with what it belongs to, such as a row type or a default."""


def left_behind(session: Session) -> tuple[LeftBehind, ...]:
    """Return what belongs to foreign tables and servers, or needs them, by the server's own dependencies."""
    rows = session.rows(
        """
        with recursive gone(classid, objid, part) as (
          select 'pg_class'::regclass::oid, oid, true from pg_class where relkind = 'f'
          union all select 'pg_foreign_server'::regclass::oid, oid, true from pg_foreign_server
          union
          select d.classid, d.objid, d.deptype <> 'n' from pg_depend d join gone
            on d.refclassid = gone.classid and d.refobjid = gone.objid
          where d.deptype in ('n', 'a', 'i') and d.classid <> 'pg_extension'::regclass
        )
        select classid, (select relname::text from pg_class where oid = classid), objid,
               coalesce((pg_identify_object(classid, objid, 0)).type, 'object'), pg_describe_object(classid, objid, 0),
               case classid when 'pg_class'::regclass then
                 (select relkind in ('r', 'p', 'm', 'v') from pg_class where oid = objid)
               when 'pg_rewrite'::regclass then true else false end, bool_and(part)
        from gone group by classid, objid order by 1, 3
        """
    )
    return tuple(LeftBehind(*row) for row in rows)


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
            where {_OWN_RELATION} order by 1
            """
        )
    ]


def own_collations(session: Session) -> list[tuple[str, str]]:
    """Return the collations that a user made of the operating system's locales: name and locale."""
    return session.rows(
        f"""
        select {dotted("n.nspname", "o.collname")}, o.collcollate from pg_collation o
        join pg_namespace n on n.oid = o.collnamespace
        where o.collprovider = 'c' and {USER_SCHEMA} and {not_of_extension("pg_collation", "o.oid")} order by 1
        """
    )


def locales(session: Session) -> set[str]:
    """Return the operating system's locales that the server lists."""
    return {
        name
        for (name,) in session.rows(
            """
            select collcollate from pg_collation where collprovider = 'c'
            union select collname from pg_collation where collprovider = 'c'
            union select datcollate from pg_database
            """
        )
    }


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
            where {_OWN_RELATION} order by 1
            """
        )
    ]


def regroles(session: Session) -> list[tuple[str, str]]:
    """Return the columns of type regrole, each with every role that it holds."""
    found = []
    columns = session.rows(
        f"""
        select {NAME}, {quoted("a.attname")} from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        where a.atttypid = 'regrole'::regtype and c.relkind = 'r' and not a.attisdropped and {_OWN_RELATION}
        """
    )
    for table, column in columns:
        roles = session.rows(
            f"select distinct r.rolname::text from only {table} t join pg_roles r on r.oid = t.{column} order by 1"
        )
        found += [(f"{table}.{column}", role) for (role,) in roles]
    return found


Sequences = dict[str, tuple[int, bool]]
"""By name: last value, and whether it was called."""


def sequences(session: Session) -> Sequences:
    """Return the sequences' values, which are of this moment: no snapshot holds them."""
    names = [
        name
        for (name,) in session.rows(
            f"""
            select {NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'S' and c.relpersistence in ('p', 'u') and {_OWN_RELATION}
              and not exists (select from pg_depend d join pg_class f on f.oid = d.refobjid and f.relkind = 'f'
                              where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i'))
            order by 1
            """
        )
    ]
    found: dict[str, tuple[int, bool]] = {}
    for start in range(0, len(names), 200):
        chunk = names[start : start + 200]
        parts = (f"select {index}, last_value, is_called from {name}" for index, name in enumerate(chunk))
        for index, value, called in session.rows(" union all ".join(parts)):
            found[chunk[index]] = (value, called)
    return found


def populated_views(session: Session) -> dict[int, str]:
    """Return the materialized views that hold rows: oid and name."""
    return dict(
        session.rows(
            f"""
            select c.oid, {NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'm' and c.relispopulated and {_OWN_RELATION}
            """
        )
    )


def parents_and_views(session: Session) -> list[str]:
    """Return the partitioned tables, which hold no rows of their own, and the materialized views with rows."""
    return [
        name
        for (name,) in session.rows(
            f"""
            select {NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where (c.relkind = 'p' or c.relkind = 'm' and c.relispopulated) and {_OWN_RELATION}
            """
        )
    ]


def contents(session: Session) -> dict[str, int]:
    """Return how many objects of each kind a user made here: an empty database has none."""
    kinds = {"r": "tables", "p": "tables", "v": "views", "m": "materialized views", "S": "sequences"}
    counted: dict[str, int] = {}
    for kind, number in session.rows(
        f"""
        select c.relkind, count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relpersistence in ('p', 'u') and {_OWN_RELATION}
        group by 1 order by 1
        """
    ):
        name = kinds.get(kind, "foreign tables")
        counted[name] = counted.get(name, 0) + number
    others = session.rows(
        f"""
        select 'functions', count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {USER_SCHEMA} and {not_of_extension("pg_proc", "p.oid")}
        union all
        select 'types', count(*) from pg_type t join pg_namespace n on n.oid = t.typnamespace
        left join pg_class c on c.oid = t.typrelid
        where t.typtype in ('c', 'd', 'e', 'r') and coalesce(c.relkind, 'c') = 'c'
          and {USER_SCHEMA} and {not_of_extension("pg_type", "t.oid")}
        union all
        select 'large objects', count(*) from pg_largeobject_metadata
        """
    )
    counted.update({name: number for name, number in others if number})
    return counted


def horizon(session: Session) -> int:
    """Return the id below which every transaction of the server was over when the session's snapshot was taken."""
    return int(session.value("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


def history(session: Session) -> dict[str, Any]:
    """Return what must stay the same for the server's transaction ids to mean the same.

    A failover to a standby that lagged begins a new timeline, on which ids are given out a second time.
    """
    allowed = "has_function_privilege('pg_walfile_name(pg_lsn)', 'execute')"
    allowed += " and has_function_privilege('pg_current_wal_lsn()', 'execute')"
    timeline = None
    if session.value(f"select {allowed} and not pg_is_in_recovery()"):
        timeline = session.value("select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
    return {"timeline": timeline, "version": session.version // 10000}


def column_numbers(relation: str) -> str:
    """Return SQL for the numbers of the columns of O(relation), an oid: a column that is dropped and made again gets
    another, and has lost its content without a trace in the rows.
    """
    return (
        "(select string_agg(attnum::text, ',' order by attnum) from pg_attribute "
        f"where attrelid = {relation} and attnum > 0 and not attisdropped)"
    )


def next_transaction(session: Session) -> int:
    """Return the id that no transaction of the server has reached yet."""
    return int(session.value("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
