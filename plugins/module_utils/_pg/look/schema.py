# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A schema as rows read from the catalogs, so that two servers of different majors can be compared without pg_dump.

This is the copy's independent witness: the copy itself goes by pg_dump's archive.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.catalog import (
    LOG_SCHEMA,
    USER_SCHEMA,
    not_of_extension,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


class Definition(NamedTuple):
    """One object and what it is."""

    kind: str
    name: str
    text: str


class Difference(NamedTuple):
    """One object that is not the same on both sides."""

    kind: str
    name: str
    difference: str


_RELATION = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
_FROM_RELATIONS = "from pg_class c join pg_namespace n on n.oid = c.relnamespace"

# (kind, query of name and text). search_path is pg_catalog, so every name in a text is qualified.
_QUERIES = (
    (
        "table",
        f"""
        select c.oid::regclass::text,
          concat_ws(' ', c.relkind, c.relpersistence, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
            (select 'inherits ' || string_agg(inhparent::regclass::text, ',' order by inhseqno)
             from pg_inherits where inhrelid = c.oid),
            case when c.reloftype <> 0 then 'of ' || c.reloftype::regtype end,
            c.reloptions, (select t.reloptions from pg_class t where t.oid = c.reltoastrelid),
            'rls', c.relrowsecurity, c.relforcerowsecurity, 'identity', c.relreplident)
        {_FROM_RELATIONS} where c.relkind in ('r', 'p') and c.relpersistence in ('p', 'u') and {_RELATION}
        """,
    ),
    (
        "column",
        f"""
        select c.oid::regclass || '.' || quote_ident(a.attname::text),
          concat_ws(' ', row_number() over (partition by c.oid order by a.attnum),
            format_type(a.atttypid, a.atttypmod), 'not null', a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
            'identity', case when not c.relispartition then nullif(a.attidentity, '') end,
            'generated', nullif(a.attgenerated, ''),
            case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
            case when a.attstorage <> t.typstorage then a.attstorage end, nullif(a.attcompression, ''),
            nullif(a.attstattarget, -1), a.attoptions)
        {_FROM_RELATIONS} join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind in ('r', 'p', 'v', 'm', 'c') and c.relpersistence in ('p', 'u') and {_RELATION}
          and a.attnum > 0 and not a.attisdropped
        """,
    ),
    (
        # NOT NULL is the column's; the foreign keys of partitions are the parent's, under names of the server's choice.
        "constraint",
        f"""
        select c.oid::regclass || '.' || quote_ident(k.conname::text),
          concat_ws(' ', pg_get_constraintdef(k.oid), case when k.contype = 'c' then k.connoinherit end)
        {_FROM_RELATIONS} join pg_constraint k on k.conrelid = c.oid
        where k.contype not in ('n', 't') and (k.contype <> 'f' or k.conparentid = 0) and {_RELATION}
        """,
    ),
    (
        "index",
        f"""
        select c.oid::regclass::text, concat_ws(' ', pg_get_indexdef(c.oid),
          case when i.indisclustered then 'clustered' end, case when i.indisreplident then 'replica identity' end)
        {_FROM_RELATIONS} join pg_index i on i.indexrelid = c.oid
        where (i.indisvalid or c.relkind = 'I') and {_RELATION}
        """,
    ),
    (
        "view",
        f"""
        select c.oid::regclass::text, concat_ws(' ', c.relkind, c.relispopulated, c.reloptions, pg_get_viewdef(c.oid))
        {_FROM_RELATIONS} where c.relkind in ('v', 'm') and {_RELATION}
        """,
    ),
    (
        "sequence",
        f"""
        select c.oid::regclass::text,
          concat_ws(' ', c.relpersistence, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
            s.seqcache, s.seqcycle,
            (select d.refobjid::regclass || '.' || quote_ident(a.attname::text)
             from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
             where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
               and d.refclassid = 'pg_class'::regclass limit 1))
        {_FROM_RELATIONS} join pg_sequence s on s.seqrelid = c.oid where c.relpersistence <> 't' and {_RELATION}
        """,
    ),
    (
        "function",
        f"""
        select p.oid::regprocedure::text, case when p.prokind = 'a' then concat_ws(' ', a.aggkind,
            a.aggtransfn::regproc, a.aggfinalfn::regproc, a.aggcombinefn::regproc, a.aggtranstype::regtype,
            a.agginitval, a.aggsortop::regoperator, p.proparallel)
          else pg_get_functiondef(p.oid) end
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace left join pg_aggregate a on a.aggfnoid = p.oid
        where {USER_SCHEMA} and {not_of_extension("pg_proc", "p.oid")}
          -- the constructors of range types come with the type
          and not exists (select from pg_depend i where i.classid = 'pg_proc'::regclass and i.objid = p.oid
                          and i.deptype = 'i')
        """,
    ),
    (
        "type",
        f"""
        select t.oid::regtype::text, concat_ws(' ', t.typtype,
          (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder)
           from pg_enum where enumtypid = t.oid),
          case when t.typtype = 'd' then concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typnotnull,
            t.typdefault, case when t.typcollation <> 0 then t.typcollation::regcollation::text end,
            (select string_agg(quote_ident(conname::text) || ' ' || pg_get_constraintdef(oid), ',' order by conname)
             from pg_constraint where contypid = t.oid and contype = 'c')) end,
          (select concat_ws(' ', format_type(rngsubtype, null), rngcanonical, rngsubdiff, rngmultitypid::regtype)
           from pg_range where rngtypid = t.oid))
        from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
        where t.typtype in ('c', 'd', 'e', 'r') and coalesce(c.relkind, 'c') = 'c'
          and {USER_SCHEMA} and {not_of_extension("pg_type", "t.oid")}
        """,
    ),
    (
        "trigger",
        f"""
        select c.oid::regclass || '.' || quote_ident(g.tgname::text),
          g.tgenabled::text || ' ' || pg_get_triggerdef(g.oid)
        {_FROM_RELATIONS} join pg_trigger g on g.tgrelid = c.oid join pg_proc p on p.oid = g.tgfoid
        where not g.tgisinternal and g.tgparentid = 0 and {_RELATION}
          and p.pronamespace <> coalesce(to_regnamespace('{LOG_SCHEMA}'), 0)
        """,
    ),
    (
        "rule",
        f"""
        select c.oid::regclass || '.' || quote_ident(r.rulename::text),
          r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid)
        {_FROM_RELATIONS} join pg_rewrite r on r.ev_class = c.oid where r.rulename <> '_RETURN' and {_RELATION}
        """,
    ),
    (
        "policy",
        f"""
        select c.oid::regclass || '.' || quote_ident(p.polname::text), concat_ws(' ', p.polcmd, p.polpermissive,
          (select string_agg(case when r = 0 then 'public' else pg_get_userbyid(r)::text end, ',' order by 1)
           from unnest(p.polroles) r),
          'using', pg_get_expr(p.polqual, c.oid), 'check', pg_get_expr(p.polwithcheck, c.oid))
        {_FROM_RELATIONS} join pg_policy p on p.polrelid = c.oid where {_RELATION}
        """,
    ),
    (
        "statistics",
        f"""
        select quote_ident(n.nspname::text) || '.' || quote_ident(s.stxname::text),
          concat_ws(' ', pg_get_statisticsobjdef(s.oid), nullif(to_jsonb(s) ->> 'stxstattarget', '-1'))
        from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where {USER_SCHEMA}
        """,
    ),
    (
        "schema",
        f"""
        select quote_ident(n.nspname::text), '' from pg_namespace n
        where {USER_SCHEMA} and {not_of_extension("pg_namespace", "n.oid")} and n.nspname <> 'public'
        """,
    ),
    (
        "collation",
        f"""
        select quote_ident(n.nspname::text) || '.' || quote_ident(o.collname::text),
          concat_ws(' ', o.collprovider, o.collisdeterministic, o.collcollate, o.collctype)
        from pg_collation o join pg_namespace n on n.oid = o.collnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_collation", "o.oid")}
        """,
    ),
    (
        "operator",
        f"""
        select o.oid::regoperator::text, concat_ws(' ', o.oprcode::regproc, o.oprcom::regoperator,
          o.oprnegate::regoperator, o.oprcanmerge, o.oprcanhash)
        from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_operator", "o.oid")} and o.oprcode <> 0
        """,
    ),
    (
        "operator class",
        f"""
        select quote_ident(n.nspname::text) || '.' || quote_ident(o.opcname::text) || ' ' || m.amname,
          concat_ws(' ', o.opcintype::regtype, o.opcdefault)
        from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace join pg_am m on m.oid = o.opcmethod
        where {USER_SCHEMA} and {not_of_extension("pg_opclass", "o.oid")}
        """,
    ),
    (
        "cast",
        f"""
        select k.castsource::regtype || ' as ' || k.casttarget::regtype,
          concat_ws(' ', k.castfunc::regprocedure, k.castcontext, k.castmethod)
        from pg_cast k where k.oid >= 16384 and {not_of_extension("pg_cast", "k.oid")}
        """,
    ),
    (
        "text search configuration",
        f"""
        select quote_ident(n.nspname::text) || '.' || quote_ident(t.cfgname::text),
          (select string_agg(m.maptokentype || ':' || m.mapdict::regdictionary, ',' order by m.maptokentype, m.mapseqno)
           from pg_ts_config_map m where m.mapcfg = t.oid)
        from pg_ts_config t join pg_namespace n on n.oid = t.cfgnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_ts_config", "t.oid")}
        """,
    ),
    (
        "text search dictionary",
        f"""
        select quote_ident(n.nspname::text) || '.' || quote_ident(t.dictname::text), t.dictinitoption
        from pg_ts_dict t join pg_namespace n on n.oid = t.dictnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_ts_dict", "t.oid")}
        """,
    ),
    (
        "comment",
        f"""
        select i.type || ' ' || i.identity, d.description
        from pg_description d
        cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
        left join pg_namespace n on n.nspname = i.schema
        where d.objoid >= 16384 and d.classoid <> 'pg_largeobject'::regclass
          and i.type not in ('extension', 'event trigger', 'publication', 'subscription', 'foreign-data wrapper',
                             'server', 'foreign table', 'foreign table column', 'schema', 'language')
          and (n.oid is null or {USER_SCHEMA})
          and not exists (select from pg_depend e where e.deptype = 'e' and e.classid = d.classoid
                          and e.objid = d.objoid)
        """,
    ),
)

# Kinds that a provider may have put on the target before us, and that hold no rows.
_PROVIDERS_OWN = ("schema",)
_DEPARSED = ("view", "rule", "policy", "function")
_QUALIFIER = re.compile(r'(?:"(?:[^"]|"")+"|\b[A-Za-z_]\w*)\.(?=["A-Za-z_*])')


def definitions(session: Session) -> list[Definition]:
    """Return every object that a copy moves, in a form that is the same on every major."""
    sql = " union all ".join(
        f"select '{kind}', q.name::text, q.definition::text from ({query}) q(name, definition)"
        for kind, query in _QUERIES
    )
    return sorted(Definition(kind, name, _normal(kind, text or "")) for kind, name, text in session.rows(sql))


def differences(source: list[Definition], target: list[Definition]) -> list[Difference]:
    """Return what is missing on the target, differs there, or is only there."""
    there = {(kind, name): text for kind, name, text in target}
    here = {(kind, name): text for kind, name, text in source}
    found = [
        Difference(kind, name, "missing on the target" if (kind, name) not in there else "differs")
        for (kind, name), text in here.items()
        if there.get((kind, name)) != text
    ]
    found += [
        Difference(kind, name, "only on the target")
        for kind, name in there
        if (kind, name) not in here and kind not in _PROVIDERS_OWN
    ]
    return found


def _normal(kind: str, text: str) -> str:
    """Return O(text) without what majors deparse differently: from 16 on, needless qualifiers are left out."""
    if kind in _DEPARSED:
        return re.sub(r"\s+", " ", _QUALIFIER.sub("", text)).strip()
    return text
