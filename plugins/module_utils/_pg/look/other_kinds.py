# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Queries that define what does not belong to a relation: functions, types, operators, text search and the like."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.comments import COMMENTS, IN_NO_DUMP
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.relation_kinds import (
    NO_PARTS,
    Query,
    parts,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import (
    USER_SCHEMA,
    goes_with,
    not_of_extension,
)

FUNCTION_NAME = f"{dotted('n.nspname', 'p.proname')} || '(' || oidvectortypes(p.proargtypes) || ')'"
_BASE = "format_type(t.typbasetype, t.typtypmod)"


def _own(catalog: str, oid: str) -> str:
    """Return the condition that an object in a schema n was made by a user."""
    return f"{USER_SCHEMA} and {not_of_extension(catalog, oid)}"


def _without_schema(catalog: str, oid: str) -> str:
    return f"{oid} >= 16384 and {not_of_extension(catalog, oid)}"


def _in_schema(kind: str, catalog: str, prefix: str, text: str, joins: str = "") -> Query:
    """Return the query for objects of a catalog whose columns begin with O(prefix), in the usual shape."""
    return Query(
        kind,
        catalog,
        f"""
        select o.oid, {dotted("n.nspname", f"o.{prefix}name")}, concat_ws(' ', {text}), {NO_PARTS}
        from {catalog} o join pg_namespace n on n.oid = o.{prefix}namespace {joins} where {_own(catalog, "o.oid")}
        """,
    )


# Since PostgreSQL 16 a server writes the names of ICU's locales in its own way.
_ICU = parts(
    (
        "collation",
        "''",
        "format('provider = icu, locale = %L, deterministic = %s', l.locale, o.collisdeterministic::text) "
        "|| coalesce(', rules = ' || quote_literal(to_jsonb(o) ->> 'collicurules'), '')",
    )
)

QUERIES = (
    Query(
        "schema",
        "pg_namespace",
        f"""
        select n.oid, {quoted("n.nspname")}, '', {NO_PARTS} from pg_namespace n
        where {_own("pg_namespace", "n.oid")} and n.nspname <> 'public'
        """,
    ),
    Query(
        # The constructors of a range type are created with the type.
        "function",
        "pg_proc",
        f"""
        select p.oid, {FUNCTION_NAME}, concat_ws(' ', case when p.prokind = 'a' then concat_ws(' ', 'aggregate',
            a.aggkind, a.aggnumdirectargs, pg_get_function_arguments(p.oid), p.proparallel,
            a.aggtransfn::regproc, a.aggfinalfn::regproc, a.aggcombinefn::regproc, a.aggserialfn::regproc,
            a.aggdeserialfn::regproc, a.aggmtransfn::regproc, a.aggminvtransfn::regproc, a.aggmfinalfn::regproc,
            a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify, a.aggsortop::regoperator,
            a.aggtranstype::regtype, a.aggtransspace, a.aggmtranstype::regtype, a.aggmtransspace,
            'initially', quote_nullable(a.agginitval), quote_nullable(a.aggminitval)) else p.prokind::text end,
            {goes_with("pg_proc", "p.oid")}),
          case when p.prokind <> 'a' then {parts(("function", "p.oid::regprocedure", "pg_get_functiondef(p.oid)"))} end
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace left join pg_aggregate a on a.aggfnoid = p.oid
        where {_own("pg_proc", "p.oid")}
          and not exists (select from pg_depend i where i.classid = 'pg_proc'::regclass and i.objid = p.oid
                          and i.deptype = 'i')
        """,
    ),
    Query(
        "type",
        "pg_type",
        f"""
        select t.oid, {dotted("n.nspname", "t.typname")}, concat_ws(' ', t.typtype, t.typisdefined,
          (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder)
           from pg_enum where enumtypid = t.oid),
          case when t.typtype = 'd' then concat_ws(' ', {_BASE}, t.typnotnull,
            nullif(t.typcollation, 0)::regcollation,
            (select string_agg(concat_ws(' ', {quoted("conname")}, convalidated), ','
                               order by conname::text collate "C")
             from pg_constraint where contypid = t.oid and contype = 'c')) end,
          case when t.typtype = 'b' then concat_ws(' ', t.typinput, t.typoutput, t.typreceive, t.typsend, t.typlen,
            t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim, t.typdefault) end,
          (select concat_ws(' ', format_type(rngsubtype, null), nullif(rngcollation, 0)::regcollation,
             (select {dotted("os.nspname", "opcname")} from pg_opclass join pg_namespace os on os.oid = opcnamespace
              where pg_opclass.oid = rngsubopc), rngcanonical, rngsubdiff, rngmultitypid::regtype)
           from pg_range where rngtypid = t.oid)),
          case when t.typtype = 'd' then {parts(("default", _BASE, "pg_get_expr(t.typdefaultbin, 0)"))} || coalesce(
            (select jsonb_agg(jsonb_build_array('check', {_BASE}, pg_get_expr(conbin, 0))
                              order by conname::text collate "C")
             from pg_constraint where contypid = t.oid and contype = 'c'), '[]') end
        from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
        where t.typtype in ('b', 'c', 'd', 'e', 'p', 'r') and coalesce(c.relkind, 'c') = 'c'
          -- the arrays of others come with them
          and not exists (select from pg_type its where its.typarray = t.oid)
          and {_own("pg_type", "t.oid")}
        """,
    ),
    Query(
        "collation",
        "pg_collation",
        f"""
        select o.oid, {dotted("n.nspname", "o.collname")}, concat_ws(' ', o.collprovider, o.collisdeterministic,
            case when o.collprovider <> 'i' then concat_ws(' ', o.collcollate, o.collctype, l.locale) end),
          case o.collprovider when 'i' then {_ICU} end
        from pg_collation o join pg_namespace n on n.oid = o.collnamespace
        cross join lateral (select coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale',
                                            case o.collprovider when 'i' then o.collcollate end)) l(locale)
        where {_own("pg_collation", "o.oid")}
        """,
    ),
    Query(
        "operator",
        "pg_operator",
        f"""
        select o.oid, o.oid::regoperator::text, concat_ws(' ', o.oprcode::regproc, o.oprcom::regoperator,
          o.oprnegate::regoperator, o.oprcanmerge, o.oprcanhash, o.oprrest, o.oprjoin), {NO_PARTS}
        from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
        where {_own("pg_operator", "o.oid")} and o.oprcode <> 0
        """,
    ),
    Query(
        "operator class",
        "pg_opclass",
        f"""
        select o.oid, {dotted("n.nspname", "o.opcname")} || ' ' || m.amname,
          concat_ws(' ', o.opcintype::regtype, o.opcdefault, nullif(o.opckeytype, 0)::regtype,
            (select {dotted("fs.nspname", "f.opfname")}
             from pg_opfamily f join pg_namespace fs on fs.oid = f.opfnamespace
             where f.oid = o.opcfamily)), {NO_PARTS}
        from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace join pg_am m on m.oid = o.opcmethod
        where {_own("pg_opclass", "o.oid")}
        """,
    ),
    Query(
        "operator family",
        "pg_opfamily",
        f"""
        select o.oid, {dotted("n.nspname", "o.opfname")} || ' ' || m.amname, concat_ws(' ',
          (select string_agg(concat_ws(' ', a.amopopr::regoperator, a.amopstrategy, a.amoppurpose), ', '
                             order by a.amopopr::regoperator::text collate "C", a.amopstrategy)
           from pg_amop a where a.amopfamily = o.oid),
          (select string_agg(concat_ws(' ', a.amproclefttype::regtype, a.amprocrighttype::regtype, a.amprocnum,
                               a.amproc::regprocedure), ', '
                             order by a.amproc::regprocedure::text collate "C", a.amprocnum)
           from pg_amproc a where a.amprocfamily = o.oid)), {NO_PARTS}
        from pg_opfamily o join pg_namespace n on n.oid = o.opfnamespace join pg_am m on m.oid = o.opfmethod
        where {_own("pg_opfamily", "o.oid")}
        """,
    ),
    _in_schema(
        "conversion",
        "pg_conversion",
        "con",
        "pg_encoding_to_char(o.conforencoding), pg_encoding_to_char(o.contoencoding), o.conproc, o.condefault",
    ),
    Query(
        "cast",
        "pg_cast",
        f"""
        select k.oid, k.castsource::regtype || ' as ' || k.casttarget::regtype,
          concat_ws(' ', k.castfunc::regprocedure, k.castcontext, k.castmethod), {NO_PARTS}
        from pg_cast k where {_without_schema("pg_cast", "k.oid")}
        """,
    ),
    Query(
        "transform",
        "pg_transform",
        f"""
        select f.oid, f.trftype::regtype || ' for ' || l.lanname,
          concat_ws(' ', f.trffromsql::regprocedure, f.trftosql::regprocedure), {NO_PARTS}
        from pg_transform f join pg_language l on l.oid = f.trflang where {_without_schema("pg_transform", "f.oid")}
        """,
    ),
    Query(
        "language",
        "pg_language",
        f"""
        select l.oid, l.lanname, concat_ws(' ', l.lanpltrusted, l.lanplcallfoid::regproc), {NO_PARTS}
        from pg_language l where {_without_schema("pg_language", "l.oid")}
        """,
    ),
    Query(
        "access method",
        "pg_am",
        f"""
        select m.oid, m.amname, concat_ws(' ', m.amtype, m.amhandler), {NO_PARTS}
        from pg_am m where {_without_schema("pg_am", "m.oid")}
        """,
    ),
    _in_schema(
        "text search configuration",
        "pg_ts_config",
        "cfg",
        "(select prsname from pg_ts_parser where pg_ts_parser.oid = o.cfgparser), (select string_agg(m.maptokentype || "
        "':' || m.mapdict::regdictionary, ',' order by m.maptokentype, m.mapseqno) from pg_ts_config_map m "
        "where m.mapcfg = o.oid)",
    ),
    _in_schema(
        "text search dictionary",
        "pg_ts_dict",
        "dict",
        "(select tmplname from pg_ts_template where pg_ts_template.oid = o.dicttemplate), o.dictinitoption",
    ),
    _in_schema(
        "text search parser",
        "pg_ts_parser",
        "prs",
        "o.prsstart, o.prstoken, o.prsend, o.prsheadline, o.prslextype",
    ),
    _in_schema("text search template", "pg_ts_template", "tmpl", "o.tmplinit, o.tmpllexize"),
    Query(
        # Comments on schemas and extensions are set by copy/settle.py: what a provider made may not be ours to comment.
        "comment",
        "pg_description",
        f"""
        select d.objoid, i.type || ' ' || i.identity, d.description, {NO_PARTS} {COMMENTS} and not {IN_NO_DUMP}
        """,
    ),
)
