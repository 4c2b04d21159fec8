# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What the source alone makes impossible or leaves behind."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import obstacles
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.comments import COMMENTS, IN_NO_DUMP
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings, named
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import USER_SCHEMA, not_of_extension
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


def survey(source: Side, tables: list[Table], findings: Findings) -> None:
    """Look for what the source alone makes impossible, or leaves behind."""
    session = source.session
    if source.facts["in_recovery"]:
        findings.block(
            "database-follower",
            "The source is a follower, which may lag and cannot read unlogged tables.",
            "Use the primary's URL.",
        )
    hashed = obstacles.hashed_by_enum(session)
    if hashed:
        findings.block(
            "database-partitions",
            f"{named(hashed)}: partitioned by the hash of an enum, which differs from server to server, so that the "
            "rows belong to other partitions there.",
            "Partition by list, or by the hash of the enum's text, before the move.",
        )
    _left_behind(session, findings)
    _privileges(session, source, tables, findings)


# Heroku itself lets the public not connect. What else is taken from it matters only where others may connect.
_ON_DATABASE = """
with acl(grantee, privilege, its, owner) as (
  select a.grantee, a.privilege_type, quote_ident(datname::text), datdba
  from pg_database cross join lateral aclexplode(coalesce(datacl, acldefault('d', datdba))) a
  where datname = current_database()
), others as (
  select privilege || ' on database ' || its || ' to '
           || case grantee when 0 then 'PUBLIC' else quote_ident(r.rolname::text) end
  from acl left join pg_roles r on r.oid = grantee
  where grantee not in (0, owner) and r.rolname <> current_user and not r.rolsuper
    or grantee = 0 and privilege = 'CREATE'
)
select * from others union all
select 'TEMPORARY on database ' || quote_ident(current_database()::text) || ' revoked from PUBLIC'
where exists (select from others) and not exists (select from acl where grantee = 0 and privilege = 'TEMPORARY')
"""

# Kind, query of names, and reason.
_LEFT_BEHIND = (
    (
        "event trigger",
        "select evtname from pg_event_trigger",
        "needs a superuser; Heroku's own must not be copied",
    ),
    ("schema", "select nspname from pg_namespace where nspname = '_heroku'", "Heroku's own"),
    ("publication", "select pubname from pg_publication", "belongs to a server's replication"),
    (
        "foreign server",
        "select srvname from pg_foreign_server",
        "a link to another server, which may hold a password: create it again",
    ),
    (
        "foreign table",
        "select foreign_table_schema || '.' || foreign_table_name from information_schema.foreign_tables",
        "belongs to a foreign server, which is not moved",
    ),
    (
        "index",
        f"""
        select n.nspname || '.' || c.relname from pg_class c join pg_index i on i.indexrelid = c.oid
        join pg_namespace n on n.oid = c.relnamespace where not i.indisvalid and c.relkind = 'i' and {USER_SCHEMA}
        """,
        "is invalid on the source, as a failed CREATE INDEX CONCURRENTLY leaves it",
    ),
    (
        "comment",
        "select current_database() where shobj_description((select oid from pg_database "
        "where datname = current_database()), 'pg_database') is not null",
        "belongs to the database itself",
    ),
    (
        "comment",
        f"select i.type || ' ' || i.identity {COMMENTS} and {IN_NO_DUMP}",
        "pg_dump writes none on what comes with another object, or on an invalid index",
    ),
    ("grant", _ON_DATABASE, "is on the database itself: the target's is there already"),
    (
        "subscription",
        "select subname from pg_subscription where subdbid = "
        "(select oid from pg_database where datname = current_database())",
        "belongs to a server's replication",
    ),
    (
        "foreign data wrapper",
        f"select fdwname from pg_foreign_data_wrapper w where {not_of_extension('pg_foreign_data_wrapper', 'w.oid')}",
        "needs a superuser",
    ),
    (
        "user mapping",
        "select srvname || ' for ' || usename from pg_user_mappings",
        "belongs to a foreign server, which is not moved",
    ),
    (
        "security label",
        "select distinct provider || ' on ' || objtype || ' ' || objname from pg_seclabels "
        "where objtype not in ('database', 'role', 'tablespace')",
        "needs a provider on the target's server",
    ),
    (
        "tablespace",
        "select spcname from pg_tablespace s where exists (select from pg_class where reltablespace = s.oid) "
        "and spcname !~ '^pg_'",
        "its objects go to the target's default one",
    ),
)


def _left_behind(session: Session, findings: Findings) -> None:
    # In one query: far from the source, each query would wait for its own answer.
    found = session.rows(
        " union all ".join(
            f"select {number}, name::text from ({sql}) found(name)"
            for number, (_kind, sql, _reason) in enumerate(_LEFT_BEHIND)
        )
    )
    for number, (kind, _sql, reason) in enumerate(_LEFT_BEHIND):
        findings.leave(kind, sorted(name for its, name in found if its == number), reason)


def _privileges(session: Session, source: Side, tables: list[Table], findings: Findings) -> None:
    oids = [table.oid for table in tables]
    if source.facts["superuser"]:
        return
    unreadable = session.rows(
        f"""
        select distinct text from (
          select 'schema ' || n.nspname || ' (USAGE)' from pg_namespace n
          where {USER_SCHEMA} and not has_schema_privilege(n.oid, 'usage')
          union all
          select 'table ' || oid::regclass || ' (SELECT)' from pg_class
          where oid = any (%s::oid[]) and not has_table_privilege(oid, 'select')
          union all
          select 'sequence ' || n.nspname || '.' || c.relname || ' (SELECT)' from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          where c.relpersistence <> 't' and {USER_SCHEMA}
            and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'select') end
          union all
          select 'large object ' || oid || ' (SELECT)' from pg_largeobject_metadata l
          where not pg_has_role(l.lomowner, 'usage') and not exists (
            select from aclexplode(l.lomacl) a where a.privilege_type = 'SELECT'
              and (a.grantee = 0 or pg_has_role(a.grantee, 'usage')))
        ) missing(text) order by 1 limit 20
        """,
        [oids],
    )
    if unreadable:
        findings.block(
            "database-unreadable",
            f"The source's role {source.facts['role']} may not read {named(text for (text,) in unreadable)}.",
            "Grant that, or use the owner's URL.",
        )
    hidden = session.rows(
        """
        select oid::regclass::text from pg_class
        where oid = any (%s::oid[]) and relrowsecurity
          and (relforcerowsecurity or not pg_has_role(relowner, 'usage')) order by 1
        """,
        [oids],
    )
    if hidden and not source.facts["bypass_rls"]:
        findings.block(
            "database-row-security",
            f"Row-level security hides rows of {named(name for (name,) in hidden)} from the source's role "
            f"{source.facts['role']}.",
            "Give it BYPASSRLS, or lift FORCE ROW LEVEL SECURITY meanwhile.",
        )
