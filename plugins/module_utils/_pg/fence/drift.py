# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What changed in a database although the fence was up: an owner can always give itself its rights back.

No right to write comes back without a trace: a grant, like every DDL statement and every new or removed large object,
leaves a new version of a row in a catalog. Rows of tables need not be read.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import NAME, USER_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_RELATION = "join pg_class c on c.oid = x.{0} join pg_namespace n on n.oid = c.relnamespace"
_SCHEMA = "join pg_namespace n on n.oid = x.{0}"
_NO_TEMPORARY = "c.relpersistence <> 't'"
# Kind of object: the catalog, its joins and condition, a name for people, and the oid of x or what stands for it.
_CATALOGS = {
    "tables, views, sequences and indexes": (
        "pg_class",
        "join pg_namespace n on n.oid = x.relnamespace",
        "x.relpersistence <> 't'",
        "quote_ident(n.nspname) || '.' || quote_ident(x.relname)",
        "x.oid",
    ),
    "columns": (
        "pg_attribute",
        _RELATION.format("attrelid"),
        _NO_TEMPORARY,
        f"{NAME} || '.' || quote_ident(x.attname)",
        "x.attrelid::text || ' ' || x.attnum",
    ),
    "column defaults": ("pg_attrdef", _RELATION.format("adrelid"), _NO_TEMPORARY, NAME, "x.oid"),
    "constraints": ("pg_constraint", _SCHEMA.format("connamespace"), "true", "quote_ident(x.conname)", "x.oid"),
    "triggers": ("pg_trigger", _RELATION.format("tgrelid"), _NO_TEMPORARY, "quote_ident(x.tgname)", "x.oid"),
    "rules": ("pg_rewrite", _RELATION.format("ev_class"), _NO_TEMPORARY, f"{NAME}", "x.oid"),
    "policies": ("pg_policy", _RELATION.format("polrelid"), _NO_TEMPORARY, "quote_ident(x.polname)", "x.oid"),
    "functions": (
        "pg_proc",
        _SCHEMA.format("pronamespace"),
        "true",
        "quote_ident(n.nspname) || '.' || quote_ident(x.proname)",
        "x.oid",
    ),
    "types": (
        "pg_type",
        _SCHEMA.format("typnamespace"),
        "true",
        "quote_ident(n.nspname) || '.' || quote_ident(x.typname)",
        "x.oid",
    ),
    "enum labels": ("pg_enum", "", "true", "quote_literal(x.enumlabel)", "x.oid"),
    "schemas": ("pg_namespace", "join pg_namespace n on n.oid = x.oid", "true", "quote_ident(x.nspname)", "x.oid"),
    "extensions": ("pg_extension", "", "true", "quote_ident(x.extname)", "x.oid"),
    "large objects": ("pg_largeobject_metadata", "", "true", "x.oid::text", "x.oid"),
}
_NAMED = 10  # of each kind


def mark(session: Session) -> dict[str, Any]:
    """Return what differs after any change of the catalogs or a sequence, and the id from which versions are new."""
    parts = session.rows(
        " union all ".join(
            f"""
            select '{kind}', count(*), coalesce(sum(hashtext(concat_ws(' ', {ident}, x.xmin))::bigint), 0)::text
            from {catalog} x {joins} where {condition} and {_user(joins)}
            """
            for kind, (catalog, joins, condition, _name, ident) in _CATALOGS.items()
        )
    )
    values = session.row(
        """
        select count(*), coalesce(sum(hashtext(concat_ws(' ', schemaname, sequencename, last_value))::bigint), 0)::text
        from pg_sequences
        """
    )
    kinds = {kind: [count, digest] for kind, count, digest in [*parts, ("values of sequences", *values)]}
    return {"next": session.value("select pg_snapshot_xmax(pg_current_snapshot())::text"), "kinds": kinds}


def drift(session: Session, former: dict[str, Any]) -> list[str]:
    """Return a line for each kind that is not as it was at the mark O(former)."""
    present = mark(session)["kinds"]
    lines = []
    for kind, (count, digest) in present.items():
        then = former["kinds"].get(kind, [0, "0"])
        if [count, digest] == then:
            continue
        names = _changed(session, kind, former["next"]) if kind in _CATALOGS else []
        more = [", ".join(names)] if names else []
        if count != then[0]:
            more.append(f"{then[0]} before, {count} now")
        lines.append(f"{kind}: {'; '.join(more) or 'changed'}")
    return lines


def _changed(session: Session, kind: str, mark_xmax: str) -> list[str]:
    """Return the names of what got a new version since the mark."""
    catalog, joins, condition, name, _ident = _CATALOGS[kind]
    rows = session.rows(
        f"""
        select distinct {name} from {catalog} x {joins} where {condition} and {_user(joins)}
          and age(x.xmin) <= age((%s::numeric %% 4294967296)::text::xid) order by 1 limit {_NAMED + 1}
        """,
        [mark_xmax],
    )
    names = [str(row[0]) for row in rows]
    return [*names[:_NAMED], "and others"] if len(names) > _NAMED else names


def _user(joins: str) -> str:
    return USER_SCHEMA if " n on " in joins else "true"
