# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Queries that define what belongs to relations: a text that is the same on every major version, and parts in SQL.

The parts are expressions and queries, which each server prints in its own way; see meaning.py.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted, relation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import (
    LOG_SCHEMA,
    USER_SCHEMA,
    goes_with,
    not_of_extension,
)


class Query(NamedTuple):
    """One kind of object."""

    kind: str
    catalog: str
    sql: str
    """Gives oid, name, text and parts of each, the latter as JSON: how each is printed, its scope, and the SQL."""


EXPRESSION = "expression"
"""A part that is one or more expressions; its scope is the FROM clause that they refer to."""
STATEMENT = "query"
"""A part that is a whole query."""


def parts(*each: tuple[str, str, str]) -> str:
    """Return SQL for parts, each of how it is printed, and SQL for its scope and for itself."""
    return (
        "jsonb_build_array("
        + ", ".join(f"jsonb_build_array('{how}', {scope}, {sql})" for how, scope, sql in each)
        + ")"
    )


def _expressions(scope: str, *each: str) -> str:
    """Return SQL for parts that are expressions, each SQL that prints it, over O(scope), SQL for a FROM clause."""
    return parts(*((EXPRESSION, scope, expression) for expression in each))


NO_PARTS = "null::jsonb"
_OWN = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
_FROM = "from pg_class c join pg_namespace n on n.oid = c.relnamespace"
NAME = dotted("n.nspname", "c.relname")
# Condition for a table whose columns pg_dump reorders: those of its parents come first.
_CHILD = "(not c.relispartition and exists (select from pg_inherits where inhrelid = c.oid))"


def _of(name: str) -> str:
    """Return SQL for the name of something of the relation c."""
    return f"{NAME} || '.' || {quoted(name)}"


def _options(options: str) -> str:
    """Return SQL for O(options), an array whose order says nothing, and which a dump makes in an order of its own."""
    return f"""(select array_agg(o order by o collate "C") from unnest({options}) o)"""


def _names(numbers: str, table: str) -> str:
    """Return SQL for the names of the columns of O(table) with O(numbers)."""
    return (
        f"(select string_agg({quoted('u.attname')}, ',' order by k.place) "
        f"from unnest({numbers}) with ordinality k(number, place) "
        f"join pg_attribute u on u.attrelid = {table} and u.attnum = k.number)"
    )


_INDEX_COLUMNS = f"""
  (select string_agg(concat_ws(' ', coalesce({_names("array[i.indkey[k.place]]", "i.indrelid")}, '(expression)'),
     (select {dotted("os.nspname", "o.opcname")} from pg_opclass o join pg_namespace os on os.oid = o.opcnamespace
      where o.oid = i.indclass[k.place]),
     (select {_options("a.attoptions")}::text from pg_attribute a where a.attrelid = c.oid and a.attnum = k.place + 1),
     'collation', nullif(i.indcollation[k.place], 0)::regcollation, 'option', i.indoption[k.place],
     'statistics', (select nullif(a.attstattarget, -1) from pg_attribute a
                    where a.attrelid = c.oid and a.attnum = k.place + 1)), ', ' order by k.place)
   from generate_series(0, i.indnatts - 1) k(place))
"""

_OF_INDEX = ("pg_get_expr(i.indexprs, i.indrelid)", "pg_get_expr(i.indpred, i.indrelid)")
# pg_get_expr handles only one relation, and this has two.
_WHEN = r"substring(pg_get_triggerdef(g.oid) from ' WHEN \((.*)\) EXECUTE FUNCTION ')"

QUERIES = (
    Query(
        "table",
        "pg_class",
        f"""
        select c.oid, {NAME},
          concat_ws(' ', c.relkind, c.relpersistence,
            case when p.partexprs is null then pg_get_partkeydef(c.oid) else concat_ws(' ', p.partstrat,
              {_names("p.partattrs::int2[]", "c.oid")},
              array(select {dotted("os.nspname", "o.opcname")}
                    from unnest(p.partclass::oid[]) with ordinality k(id, place)
                    join pg_opclass o on o.oid = k.id join pg_namespace os on os.oid = o.opcnamespace order by place),
              p.partcollation::regcollation[]) end,
            pg_get_expr(c.relpartbound, c.oid),
            (select 'inherits ' || string_agg({relation("inhparent")}, ',' order by inhseqno)
             from pg_inherits where inhrelid = c.oid),
            case when c.reloftype <> 0 then 'of ' || c.reloftype::regtype end,
            (select nullif(amname, 'heap') from pg_am where pg_am.oid = c.relam),
            {_options("c.reloptions")},
            (select {_options("t.reloptions")} from pg_class t where t.oid = c.reltoastrelid),
            'rls', c.relrowsecurity, c.relforcerowsecurity, 'identity',
            -- without its index, which pg_dump would name, it is as good as none
            case when c.relreplident <> 'i' or exists (select from pg_index where indrelid = c.oid and indisreplident)
              then c.relreplident else 'd' end),
          {_expressions(NAME, "pg_get_expr(p.partexprs, c.oid)")}
        {_FROM} left join pg_partitioned_table p on p.partrelid = c.oid
        where c.relkind in ('r', 'p') and c.relpersistence in ('p', 'u') and {_OWN}
        """,
    ),
    Query(
        "column",
        "pg_class",
        f"""
        select c.oid, {_of("a.attname")},
          concat_ws(' ',
            case when not {_CHILD} then row_number() over (partition by c.oid order by a.attnum) end,
            -- a view's are its query's, and catalogs that it reads have other types on other majors
            case when c.relkind not in ('v', 'm') then format_type(a.atttypid, a.atttypmod) end,
            'not null', a.attnotnull,
            'identity', case when not c.relispartition then nullif(a.attidentity, '') end,
            'generated', nullif(a.attgenerated, ''),
            case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
            case when a.attstorage <> t.typstorage then a.attstorage end, nullif(a.attcompression, ''),
            nullif(a.attstattarget, -1), {_options("a.attoptions")}),
          {_expressions(NAME, "pg_get_expr(d.adbin, d.adrelid)")}
        {_FROM} join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind in ('r', 'p', 'v', 'm', 'c') and c.relpersistence in ('p', 'u') and {_OWN}
          and a.attnum > 0 and not a.attisdropped
        """,
    ),
    Query(
        # NOT NULL is part of the column. Foreign keys of partitions are the parent's, with names the server chooses.
        # What an exclusion constraint excludes by is part of its index.
        "constraint",
        "pg_constraint",
        f"""
        select k.oid, {_of("k.conname")},
          concat_ws(' ', k.contype, case when k.contype in ('c', 'x') then concat_ws(' ', k.convalidated,
              k.connoinherit, k.condeferrable, k.condeferred, k.conexclop::regoperator[],
              nullif(to_jsonb(k) ->> 'conenforced', 'true'))
            else pg_get_constraintdef(k.oid) end),
          {_expressions(NAME, "pg_get_expr(k.conbin, k.conrelid)")}
        {_FROM} join pg_constraint k on k.conrelid = c.oid
        where k.contype not in ('n', 't') and (k.contype <> 'f' or k.conparentid = 0)
          and c.relkind in ('r', 'p') and {_OWN}
        """,
    ),
    Query(
        "index",
        "pg_class",
        f"""
        select c.oid, {NAME},
          concat_ws(' ', 'on', {relation("i.indrelid")}, m.amname, i.indisunique, i.indisexclusion, i.indimmediate,
            to_jsonb(i) ->> 'indnullsnotdistinct', i.indnkeyatts, {_INDEX_COLUMNS}, {_options("c.reloptions")},
            case when i.indisreplident then 'replica identity' end,
            (select 'of ' || {relation("inhparent")} from pg_inherits where inhrelid = c.oid),
            {goes_with("pg_class", "c.oid")}),
          {_expressions(relation("i.indrelid"), *_OF_INDEX)}
        {_FROM} join pg_index i on i.indexrelid = c.oid join pg_am m on m.oid = c.relam
        where (i.indisvalid or c.relkind = 'I') and {_OWN}
        """,
    ),
    Query(
        "view",
        "pg_class",
        f"""
        select c.oid, {NAME}, concat_ws(' ', c.relkind, {_options("c.reloptions")}, {goes_with("pg_class", "c.oid")}),
          {parts((STATEMENT, "''", "rtrim(pg_get_viewdef(c.oid), '; ')"))}
        {_FROM} where c.relkind in ('v', 'm') and {_OWN}
        """,
    ),
    Query(
        "sequence",
        "pg_class",
        f"""
        select c.oid, {NAME},
          concat_ws(' ', c.relpersistence, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
            s.seqcache, s.seqcycle,
            (select {relation("d.refobjid")} || '.' || {quoted("a.attname")}
             from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
             where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
               and d.refclassid = 'pg_class'::regclass limit 1)), {NO_PARTS}
        {_FROM} join pg_sequence s on s.seqrelid = c.oid where c.relpersistence <> 't' and {_OWN}
        """,
    ),
    Query(
        # Triggers cloned to partitions count only if their state differs from the original's.
        "trigger",
        "pg_trigger",
        f"""
        select g.oid, {_of("g.tgname")},
          concat_ws(' ', g.tgenabled, g.tgtype, g.tgfoid::regprocedure, encode(g.tgargs, 'hex'),
            {_names("g.tgattr::int2[]", "c.oid")}, g.tgdeferrable, g.tginitdeferred,
            {relation("g.tgconstrrelid")}, 'old', g.tgoldtable, 'new', g.tgnewtable,
            {goes_with("pg_trigger", "g.oid")}),
          {_expressions(f"{NAME} || ' as old, ' || {NAME} || ' as new'", _WHEN)}
        {_FROM} join pg_trigger g on g.tgrelid = c.oid join pg_proc p on p.oid = g.tgfoid
        left join pg_trigger parent on parent.oid = g.tgparentid
        where not g.tgisinternal and (parent.oid is null or parent.tgenabled <> g.tgenabled) and {_OWN}
          and p.pronamespace <> coalesce(to_regnamespace('{LOG_SCHEMA}'), 0)
        """,
    ),
    Query(
        "rule",
        "pg_rewrite",
        f"""
        select r.oid, {_of("r.rulename")}, r.ev_enabled::text,
          {parts(("rule", NAME, "pg_get_ruledef(r.oid)"))}
        {_FROM} join pg_rewrite r on r.ev_class = c.oid where r.rulename <> '_RETURN' and {_OWN}
        """,
    ),
    Query(
        "policy",
        "pg_policy",
        f"""
        select p.oid, {_of("p.polname")}, concat_ws(' ', p.polcmd, p.polpermissive,
          -- the target's own role stands for the source's
          (select string_agg(name, ',' order by name collate "C") from unnest(p.polroles) r
           cross join lateral (select case when r = 0 then 'public' when pg_get_userbyid(r) = current_user then 'OWNER'
                                           else quote_ident(pg_get_userbyid(r)::text) end) named(name))),
          {_expressions(NAME, "pg_get_expr(p.polqual, c.oid)", "pg_get_expr(p.polwithcheck, c.oid)")}
        {_FROM} join pg_policy p on p.polrelid = c.oid where {_OWN}
        """,
    ),
    Query(
        "statistics",
        "pg_statistic_ext",
        f"""
        select s.oid, {dotted("n.nspname", "s.stxname")}, concat_ws(' ', s.stxkind, {relation("s.stxrelid")},
            -- the server sorts them by their numbers, which are others where pg_dump reorders columns
            (select string_agg({quoted("u.attname")}, ',' order by u.attname collate "C") from pg_attribute u
             where u.attrelid = s.stxrelid and u.attnum = any (s.stxkeys::int2[])),
            nullif(to_jsonb(s) ->> 'stxstattarget', '-1')),
          {_expressions(relation("s.stxrelid"), "array_to_string(pg_get_statisticsobjdef_expressions(s.oid), ', ')")}
        from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where {USER_SCHEMA}
        """,
    ),
)
