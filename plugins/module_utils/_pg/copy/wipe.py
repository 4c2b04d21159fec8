# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Empty the target: everything that a user made there, except extensions and the schemas that hold them."""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import attributes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import Grant
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import (
    LOG_SCHEMA,
    USER_SCHEMA,
    not_of_extension,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# Objects per transaction: each takes several locks, of which a server has a few thousand.
_AT_ONCE = 100

_QUALIFIED = "quote_ident(n.nspname::text) || '.' || quote_ident({name}::text)"

# (statement, query of kinds and names), in an order that leaves the least to CASCADE. A statement may find its
# object already dropped by an earlier one.
_DROPS = (
    (
        "drop {kind} if exists {name} cascade",
        f"""
        select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
               when 'f' then 'foreign table' else 'table' end,
               quote_ident(n.nspname::text) || '.' || quote_ident(c.relname::text)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('v', 'm', 'r', 'p', 'f', 'S') and {USER_SCHEMA} and {not_of_extension("pg_class", "c.oid")}
          -- partitions go with their table, sequences with their column; a partitioned table depends on itself
          and not c.relispartition
          and not exists (select from pg_depend i where i.classid = 'pg_class'::regclass and i.objid = c.oid
                          and i.deptype in ('a', 'i') and i.refclassid = 'pg_class'::regclass
                          and i.refobjid <> c.oid)
        order by position(c.relkind in 'vmrpfS')
        """,
    ),
    (
        # The arguments of an aggregate would have to be written in another way.
        "drop routine if exists {name} cascade",
        f"""
        select '', p.oid::regprocedure::text
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {USER_SCHEMA} and {not_of_extension("pg_proc", "p.oid")}
          and not exists (select from pg_depend i where i.classid = 'pg_proc'::regclass and i.objid = p.oid
                          and i.deptype = 'i')
        """,
    ),
    (
        "drop type if exists {name} cascade",
        f"""
        select '', t.oid::regtype::text from pg_type t join pg_namespace n on n.oid = t.typnamespace
        left join pg_class c on c.oid = t.typrelid
        where t.typtype in ('c', 'd', 'e', 'r', 'p') and coalesce(c.relkind, 'c') = 'c'
          and {USER_SCHEMA} and {not_of_extension("pg_type", "t.oid")}
        """,
    ),
    (
        "drop {kind} if exists {name} cascade",
        f"""
        select 'operator', o.oid::regoperator::text
        from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_operator", "o.oid")}
        union all
        select 'operator family', {_QUALIFIED.format(name="o.opfname")} || ' using ' || m.amname
        from pg_opfamily o join pg_namespace n on n.oid = o.opfnamespace join pg_am m on m.oid = o.opfmethod
        where {USER_SCHEMA} and {not_of_extension("pg_opfamily", "o.oid")}
        union all
        select 'collation', {_QUALIFIED.format(name="o.collname")}
        from pg_collation o join pg_namespace n on n.oid = o.collnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_collation", "o.oid")}
        union all
        select 'conversion', {_QUALIFIED.format(name="o.conname")}
        from pg_conversion o join pg_namespace n on n.oid = o.connamespace
        where {USER_SCHEMA} and {not_of_extension("pg_conversion", "o.oid")}
        union all
        select 'text search configuration', {_QUALIFIED.format(name="o.cfgname")}
        from pg_ts_config o join pg_namespace n on n.oid = o.cfgnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_ts_config", "o.oid")}
        union all
        select 'text search dictionary', {_QUALIFIED.format(name="o.dictname")}
        from pg_ts_dict o join pg_namespace n on n.oid = o.dictnamespace
        where {USER_SCHEMA} and {not_of_extension("pg_ts_dict", "o.oid")}
        union all
        select 'statistics', {_QUALIFIED.format(name="o.stxname")}
        from pg_statistic_ext o join pg_namespace n on n.oid = o.stxnamespace where {USER_SCHEMA}
        """,
    ),
    (
        "drop schema if exists {name}",
        f"""
        select '', quote_ident(n.nspname::text) from pg_namespace n
        where {USER_SCHEMA} and n.nspname <> 'public' and {not_of_extension("pg_namespace", "n.oid")}
          and not exists (select from pg_extension x where x.extnamespace = n.oid)
        """,
    ),
)


def reset_defaults(target: Session, given: Collection[Grant]) -> None:
    """Take default privileges back that are among those O(given) by copies, until this one has ended: what it makes
    must not get them, because on the source they came after it, or are no more.
    """
    for sql in attributes.defaults_undone(attributes.grants(target), given):
        target.run(sql, doing="resetting default privileges")


def wipe(target: Session) -> None:
    """Drop everything that a user made in the database, in as many transactions as the server's locks need.

    The caller has already committed to the marker that a copy is under way: whoever finds the
    database half empty starts anew.
    """
    # Its triggers are on tables that will be dropped.
    target.run(f"drop schema if exists {LOG_SCHEMA} cascade", doing="emptying the target")
    for statement, query in _DROPS:
        found = [statement.format(kind=kind, name=name) for kind, name in target.rows(query)]
        for start in range(0, len(found), _AT_ONCE):
            target.run(";\n".join(found[start : start + _AT_ONCE]), doing="emptying the target")
    while target.value(
        "select count(lo_unlink(oid)) from (select oid from pg_largeobject_metadata limit 1000) o",
        doing="emptying the target of large objects",
    ):
        pass
