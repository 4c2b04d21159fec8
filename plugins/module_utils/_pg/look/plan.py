# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a copy would do, and what stands in its way: all that check mode does, and the first part of every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import (
    collation,
    extensions,
    obstacles,
    server,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.extensions import Extension
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings, named
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.obstacles import LeftBehind
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.offer import Offer, offer
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.schema import Definition
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

OLDEST_MAJOR = 14
# Beginnings of host names by which platforms offer their connection poolers.
_POOLER_HOSTS = ("pgbouncer.",)


@dataclass
class Side:
    """One server and what was found there."""

    session: Session
    facts: dict[str, Any]
    identity: dict[str, Any]
    extensions: dict[str, Extension]
    left_behind: tuple[LeftBehind, ...] = ()
    """What cannot be copied because it needs something that stays behind."""
    offer: Offer = field(default_factory=Offer)
    """What the target's server has; of the source nobody asks."""
    definitions: Sequence[Definition] | None = None
    """The source's schema, where it was read for an update."""

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.session.version // 10000

    def summary(self) -> dict[str, Any]:
        """Return what RV(plan) says about this side."""
        names = ["version", "size_bytes", "encoding", "collation", "ctype", "role", "search_path"]
        names += ["free_connections", "connected"]
        return {"database": str(self.session.address), **{name: self.facts[name] for name in names}}


def refuse_pooler(session: Session) -> None:
    """Raise StateError if something other than the server itself answers."""
    if session.address.host.startswith(_POOLER_HOSTS) or session.pooled:
        raise StateError(
            session.thing,
            "a connection pooler answers there, which keeps neither sessions nor snapshots",
            "Use the database's direct URL (on Fly, host direct.ID.flympg.net or the tunnel; on Heroku, the URL of "
            "the database's own attachment, not of its connection pool).",
        )


def side(session: Session) -> Side:
    """Look at the server behind O(session); raises StateError for a pooler or a version not supported."""
    refuse_pooler(session)
    if session.version < OLDEST_MAJOR * 10000:
        raise StateError(
            session.thing,
            f"it is PostgreSQL {session.version // 10000}, and the oldest version that can be copied is {OLDEST_MAJOR}",
            "Upgrade it first (heroku pg:upgrade).",
        )
    facts = server.facts(session)
    session.app_path = facts["app_path"]
    return Side(
        session,
        facts,
        server.identity(session),
        extensions.installed(session),
        obstacles.left_behind(session),
    )


def target_side(session: Session) -> Side:
    """Look at the target's server; raises StateError as side() does."""
    return replace(side(session), offer=offer(session))


def judge(source: Side, target: Side, findings: Findings) -> None:
    """Look for what the combination of the two servers makes impossible or leaves behind."""
    _same_database(source, target)
    if source.major > target.major:
        findings.block(
            "database-version",
            f"The source is PostgreSQL {source.major} and the target only {target.major}.",
            f"Create the target with version {source.major} or newer.",
        )
    if target.facts["in_recovery"] or target.facts["read_only"]:
        findings.block(
            "database-read-only",
            "The target accepts no writes (it is a replica, or a setting makes it read-only).",
            "Use the primary's URL.",
        )
    if source.facts["encoding"] != target.facts["encoding"]:
        text = f"The source's encoding is {source.facts['encoding']} and the target's {target.facts['encoding']}."
        if target.facts["encoding"] == "UTF8":
            findings.warn("database-encoding", text, "Text is converted, and the copy stops at text that cannot be.")
        else:
            findings.block("database-encoding", text, "Create the target's database with encoding UTF8.")
    collation.judge(source.session, source.facts, target.offer, target.facts, findings)
    _extensions(source, target, findings)
    _foreign(source, findings)
    _roles(source.session, target.offer, findings)
    _catalog(source.session, target, findings)
    if not target.facts["superuser"]:
        superusers = obstacles.superusers_own(source.session)
        if superusers:
            findings.block(
                "database-superuser",
                f"Only a superuser can create these, and the target's role {target.facts['role']} is not one: "
                f"{named(superusers)}.",
                "Have them created there, as members of an extension, or drop them on the source.",
            )
    if not target.offer.public:
        findings.block(
            "database-public",
            f"The target's role {target.facts['role']} may not create objects in schema public.",
            "Use the role that owns the database, or grant it CREATE ON SCHEMA public.",
        )
    if not target.facts["create_in_database"]:
        findings.block(
            "database-create",
            f"The target's role {target.facts['role']} may not create schemas.",
            "Grant it CREATE ON DATABASE.",
        )


def _same_database(source: Side, target: Side) -> None:
    """Raise StateError if both lead to the same database, through whatever aliases and tunnels."""
    servers = [side.identity["system"] for side in (source, target)]
    # Copies of a server's files have its identifier too; one that may not be read is a host and a port.
    differ = servers[0] != servers[1] and all(server.isdigit() for server in servers)
    if not differ and _see_each_other(source.session, target.session):
        raise StateError(
            target.session.thing,
            f"it is the same database as the {source.session.thing}",
            "Pass the URL of the database to copy to.",
        )


def _see_each_other(source: Session, target: Session) -> bool:
    """Return whether O(target) sees a lock of O(source): an advisory lock is seen in its own database alone."""
    key = int(source.value("select (random() * 2147483647)::int"))
    source.run("select pg_advisory_lock(%s, %s)", (key, source.pid))
    try:
        seen = target.value(
            """
            select exists (select from pg_locks where locktype = 'advisory' and classid = %s and objid = %s and pid = %s
              and database = (select oid from pg_database where datname = current_database()))
            """,
            (key, source.pid, source.pid),
        )
    finally:
        source.run("select pg_advisory_unlock(%s, %s)", (key, source.pid))
    return bool(seen)


def _extensions(source: Side, target: Side, findings: Findings) -> None:
    for name, extension in sorted(source.extensions.items()):
        found = target.extensions.get(name)
        if name == "plpgsql" or (found and found.schema == extension.schema):
            continue
        if found is None and name in target.offer.extensions:
            continue
        uses = extension.uses
        if found is not None:
            if uses:
                findings.block(
                    "database-extension",
                    f"Extension {name} is in schema {found.schema} on the target, but {', '.join(uses)} of the source "
                    f"need it in {extension.schema}.",
                    f"Move it (ALTER EXTENSION {name} SET SCHEMA {extension.schema}), "
                    "or drop it and let the copy create it (on Fly Managed Postgres by the dashboard or API).",
                )
            else:
                findings.left_out_extensions.add(name)
                findings.leave("extension", [name], f"is in schema {found.schema} on the target; no object needs it")
            continue
        reason = "the target's server does not offer it, or not to this role"
        if uses:
            findings.block(
                "database-extension",
                f"Extension {name} is needed by {', '.join(uses)}, but {reason}.",
                f"Enable it there in schema {extension.schema} (on Fly Managed Postgres by the dashboard or API), or "
                "remove those objects.",
            )
        else:
            findings.left_out_extensions.add(name)
            findings.leave("extension", [name], f"{reason}; no object needs it (bodies of functions were not searched)")


def _foreign(source: Side, findings: Findings) -> None:
    """Leave behind what needs a foreign table; block the copy if it holds rows or is read."""
    uses = [one.description for one in source.left_behind if one.is_read]
    if uses:
        findings.block(
            "database-foreign-table",
            f"Foreign tables are not moved, but these need one: {named(uses)}.",
            "Drop them on the source, or copy the foreign table's rows into a table.",
        )
    for one in source.left_behind:
        if not one.is_read and not one.is_part:
            findings.leave(
                one.kind,
                [one.description.removeprefix(f"{one.kind} ")],
                "needs a foreign table or server, which is not moved",
            )


def _roles(source: Session, target: Offer, findings: Findings) -> None:
    """Look for roles that policies and values name, and that the target lacks: roles are not in a dump."""
    named = source.rows(
        """
        select distinct quote_ident(r.rolname), p.polname::text from pg_policy p, unnest(p.polroles) o
        join pg_roles r on r.oid = o where r.rolname <> current_user
        """
    )
    for role, policy in sorted(named):
        if role == target.role:
            findings.block(
                "database-role",
                f"Policy {policy} names the role {role}, which is the one that will own the copy, and not the source's "
                "own role.",
                "Copy as a role with another name.",
            )
        elif role not in target.roles:
            findings.block(
                "database-role",
                f"Policy {policy} names the role {role}, which the target does not have.",
                "Create it there, or let the policy apply to PUBLIC.",
            )
    for column, role in obstacles.roles_held(source):
        if role not in target.roles:
            findings.block(
                "database-role",
                f"Column {column} holds the role {role} as a value, which the target does not have.",
                "Create it there, or let the column be of type text.",
            )


def _catalog(source: Session, target: Side, findings: Findings) -> None:
    """Look for views that read what the target's version of PostgreSQL no longer has."""
    read = obstacles.server_columns(source)
    if not read:
        return
    relations = sorted({relation for _view, relation, _column in read})
    known = set(
        target.session.rows(
            "select name, attname::text from unnest(%s::text[]) name join pg_attribute on attrelid = to_regclass(name)",
            [relations],
        )
    )
    gone: dict[str, list[str]] = {}
    for view, relation, column in read:
        if (relation, column) not in known:
            gone.setdefault(view, []).append(f"{relation}.{column}")
    for view, columns in sorted(gone.items()):
        findings.block(
            "database-catalog",
            f"View {view} reads {named(columns)}, which PostgreSQL {target.major} does not have.",
            "Drop it on the source, or rewrite it so that both versions take it.",
        )


def extensions_beside(source: Side, target: Side | None) -> list[dict[str, Any]]:
    """Return the source's extensions next to the target's; other objects depend on those that are C(needed)."""
    result = []
    for name, extension in sorted(source.extensions.items()):
        found = target.extensions.get(name) if target else None
        result.append(
            {
                "name": name,
                "needed": bool(extension.uses),
                "source": {"version": extension.version, "schema": extension.schema},
                "target": {"version": found.version, "schema": found.schema} if found else None,
            }
        )
    return result


def workers(source: Side, target: Side, wanted: int, findings: Findings) -> int:
    """Return how many workers the connection limits allow; each takes one connection per side.

    One more is needed on either side: by pg_dump, and for a look at what a new session of the target gets.
    """
    free = min(source.facts["free_connections"], target.facts["free_connections"]) - 1
    if free < 1:
        findings.block(
            "database-connections",
            "A server has no free connection for the copy.",
            "Scale dynos down or close other clients.",
        )
        return 1
    if free < wanted:
        findings.warn(
            "database-connections",
            f"Only {free} of {wanted} jobs can run: the servers have no more free connections.",
            "Close other clients for a faster copy.",
        )
    return min(free, wanted)
