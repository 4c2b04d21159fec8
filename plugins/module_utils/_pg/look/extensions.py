# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Extensions: those installed, those that can be created, and what needs one."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


@dataclass(frozen=True)
class Extension:
    """An installed extension."""

    name: str
    version: str
    schema: str
    uses: tuple[str, ...]
    """Descriptions of the first five user-made objects that need it; bodies of functions are not searched.

    These do not count: its own objects, their constraints, the operators of their families, other extensions that
    require it (unless those are needed themselves), and what belongs to other servers and stays behind.
    """


def installed(session: Session) -> dict[str, Extension]:
    """Return the installed extensions by name."""
    rows = session.rows(
        """
        with recursive wanted(extension, oid) as (
          select oid, oid from pg_extension
          union
          select w.extension, d.objid from pg_depend d join wanted w on d.refobjid = w.oid
          where d.refclassid = 'pg_extension'::regclass and d.classid = 'pg_extension'::regclass
        ), member(extension, classid, objid) as (
          select w.extension, d.classid, d.objid from pg_depend d join wanted w on w.oid = d.refobjid
          where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
          union
          select m.extension, d.classid, d.objid from pg_depend d join member m
            on d.refclassid = m.classid and d.refobjid = m.objid
          where d.deptype = 'i'
            or d.classid in ('pg_foreign_server'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass)
            or d.classid = 'pg_constraint'::regclass
              and exists (select from pg_constraint c where c.oid = d.objid and c.contypid <> 0)
              and m.classid = 'pg_type'::regclass
        ), uses(extension, text) as (
          select distinct m.extension, pg_describe_object(d.classid, d.objid, d.objsubid) from pg_depend d join member m
            on d.refclassid = m.classid and d.refobjid = m.objid
          where d.deptype in ('n', 'a', 'x')
            and not exists (select from member o where o.extension = m.extension and o.classid = d.classid
                            and o.objid = d.objid)
            and not exists (select from pg_depend e where e.deptype = 'e' and e.classid = d.classid
                            and e.objid = d.objid)
            and d.classid <> 'pg_user_mapping'::regclass
            and not (m.classid = 'pg_foreign_server'::regclass and d.classid = 'pg_class'::regclass)
        )
        select extname, extversion, nspname,
               array(select text from uses u where u.extension = x.oid order by 1 limit 5)
        from pg_extension x join pg_namespace n on n.oid = extnamespace
        """
    )
    return {name: Extension(name, version, schema, tuple(uses)) for name, version, schema, uses in rows}
