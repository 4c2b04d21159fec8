# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Comments, and which of them are in no dump."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import USER_SCHEMA

COMMENTS = f"""
from pg_description d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
left join pg_namespace n on n.nspname = i.schema
where d.objoid >= 16384 and d.classoid <> 'pg_largeobject'::regclass
  and i.type not in ('extension', 'event trigger', 'publication', 'subscription', 'foreign-data wrapper',
                     'server', 'foreign table', 'foreign table column', 'schema')
  and (n.oid is null or {USER_SCHEMA})
  and not exists (select from pg_depend e where e.deptype = 'e' and e.classid = d.classoid
                  and e.objid = d.objoid)
"""
"""FROM and WHERE of the comments on what the app made, with O(i) for what each is on."""

IN_NO_DUMP = """
(case d.classoid
   when 'pg_class'::regclass then exists (
     select from pg_index x join pg_class c on c.oid = x.indexrelid
     where x.indexrelid = d.objoid and not x.indisvalid and c.relkind = 'i')
   when 'pg_constraint'::regclass then exists (
     select from pg_constraint k where k.oid = d.objoid
       and (k.contype = 't' or k.contype in ('c', 'n') and k.conrelid <> 0 and not k.conislocal
            or k.contype = 'f' and k.conparentid <> 0))
   when 'pg_trigger'::regclass then exists (
     select from pg_trigger g left join pg_trigger parent on parent.oid = g.tgparentid
     where g.oid = d.objoid and (g.tgisinternal and parent.oid is null or parent.tgenabled = g.tgenabled))
   when 'pg_rewrite'::regclass then exists (
     select from pg_rewrite r where r.oid = d.objoid and r.rulename = '_RETURN')
   when 'pg_type'::regclass then exists (
     select from pg_type t left join pg_class c on c.oid = t.typrelid
     where t.oid = d.objoid and (t.typtype = 'm' or c.relkind <> 'c'
                                 or exists (select from pg_type its where its.typarray = t.oid)))
   when 'pg_proc'::regclass then exists (
     select from pg_depend p where p.classid = d.classoid and p.objid = d.objoid and p.deptype = 'i')
   else false end)
"""
"""Condition for a comment that pg_dump does not write, because the server makes its object along with another one."""
