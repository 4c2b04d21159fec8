# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One server and database: what it is, what its role may do, and where its transaction ids stand."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


def identity(session: Session) -> dict[str, Any]:
    """Return what distinguishes this database from every other, as far as the role may ask."""
    oid, name, allowed = session.row(
        "select oid, datname, has_function_privilege('pg_catalog.pg_control_system()', 'execute') "
        "from pg_database where datname = current_database()"
    )
    system = f"{session.address.host}:{session.address.port}"
    if allowed:
        system = str(session.value("select system_identifier from pg_control_system()"))
    return {"system": system, "database_oid": int(oid), "database": name}


# The search_path of a new session, with a schema in place of "$user": the other server's role has another name.
_APP_PATH = """
(select 'pg_catalog' || coalesce(string_agg(', ' || quote_ident(case n.name when '$user' then current_user::text
                                                                          else n.name end), '' order by place), '')
 from pg_settings, unnest(string_to_array(replace(reset_val, '"', ''), ',')) with ordinality p(part, place)
 cross join lateral (select trim(part)) n(name)
 where pg_settings.name = 'search_path' and n.name <> '' and n.name <> 'pg_catalog'
   and (n.name <> '$user' or to_regnamespace(quote_ident(current_user::text)) is not null))
"""


_FACTS = (
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
    "connected",
    "create_in_database",
    "search_path",
    "portable_search_path",
    "app_path",
    "read_only",
)


def facts(session: Session) -> dict[str, Any]:
    """Return version, size, encoding and role of a database.

    C(app_path) is the search_path that a new session gets, with PostgreSQL's own objects first.
    """
    values = session.row(
        f"""
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
               (select count(*) from pg_stat_activity where datid = d.oid and pid <> pg_backend_pid())::int,
               has_database_privilege(d.oid, 'create'),
               (select reset_val from pg_settings where name = 'search_path'),
               -- The target's role has another name: where "$user" finds a schema, that schema is meant.
               (select case when to_regnamespace(quote_ident(current_user::text)) is null then reset_val
                            else replace(reset_val, '"$user"', quote_ident(current_user::text)) end
                from pg_settings where name = 'search_path'),
               {_APP_PATH},
               (select reset_val from pg_settings where name = 'default_transaction_read_only') = 'on'
        from pg_database d, pg_roles r
        where d.datname = current_database() and r.rolname = current_user
        """
    )
    return dict(zip(_FACTS, values))


HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


def horizon(session: Session) -> int:
    """Return the id below which every transaction of the server had ended when the session's snapshot was taken."""
    return int(session.value(f"select {HORIZON}"))


def history(session: Session) -> dict[str, Any]:
    """Return what shows whether the server's transaction ids have kept their meaning.

    A failover to a standby that lagged begins a new timeline, on which ids are given out a second time. A server whose
    files were put back to an earlier state gives them out again on the same timeline: then C(next), the id that no
    transaction has reached yet, and C(position), that of the log, go back. Once they have caught up, only C(started)
    shows that files may have been put back.
    """
    allowed = "has_function_privilege('pg_walfile_name(pg_lsn)', 'execute')"
    allowed += " and has_function_privilege('pg_current_wal_lsn()', 'execute')"
    readable, following, started = session.row(
        f"select {allowed} and not pg_is_in_recovery(), pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
        "pg_postmaster_start_time()::text"
    )
    timeline, position = None, 0
    if readable:
        timeline, position = session.row(
            "select substr(pg_walfile_name(lsn), 1, 8), lsn - '0/0'::pg_lsn from pg_current_wal_lsn() lsn"
        )
    return {
        "timeline": timeline,
        "version": session.version // 10000,
        "next": following,
        "position": int(position),
        "started": started,
    }
