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


def installed(session: Session) -> dict[str, Extension]:
    """Return the installed extensions by name."""
    return {
        name: Extension(name, version, schema)
        for name, version, schema in session.rows(
            "select extname, extversion, nspname from pg_extension join pg_namespace n on n.oid = extnamespace"
        )
    }


def creatable(session: Session) -> set[str]:
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


def uses(session: Session, name: str, limit: int = 5) -> list[str]:
    """Return descriptions of user-made objects that need the extension; bodies of functions are not searched.

    These do not count: its own objects, their constraints, the operators of their families, other extensions that
    require it (unless those are needed themselves), and what belongs to other servers and stays behind.
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
