# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Give the target what may be set at any time: privileges, comments on schemas and extensions, settings.

No part of a copy depends on it, so every run does it, and reports what the role may not do.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import attributes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import Grant
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


def settle(
    source: Session, target: Session, withheld: Collection[Grant], findings: Findings, check_mode: bool
) -> list[str]:
    """Give the target the source's attributes; return what was done, or in check mode would be.

    The source's privileges are those that it has and those O(withheld), which a fence took away for a while.
    """
    wanted = attributes.given_back(attributes.grants(source), withheld)
    done = _privileges(wanted, target, findings, check_mode)
    if not check_mode:
        marker.note_given(target, sorted(attributes.to_others(wanted)))
    done += _comments(source, target, findings, check_mode)
    return done + _settings(source, target, findings, check_mode)


def left_behind(source: Session, target: Session, withheld: Collection[Grant], findings: Findings) -> None:
    """Note what the target cannot be given."""
    roles = {name for (name,) in target.rows("select quote_ident(rolname) from pg_roles")}
    wanted_grants = attributes.given_back(attributes.grants(source), withheld)
    _statements, homeless = attributes.statements(wanted_grants, set(), roles)
    findings.leave("grant", homeless, "the target does not have the role")
    findings.leave(
        "default privilege", [f"of role {role}" for role in attributes.others_defaults(source)], "is another role's"
    )
    wanted = attributes.settings(source)
    forbidden = sorted(set(wanted) - attributes.allowed(target, wanted))
    findings.leave("setting", forbidden, "the target's role may not set it")


def _privileges(source: set[Grant], target: Session, findings: Findings, check_mode: bool) -> list[str]:
    roles = {name for (name,) in target.rows("select quote_ident(rolname) from pg_roles")}
    given = {Grant(*one) for one in marker.given(target)}
    wanted, _homeless = attributes.statements(source, attributes.grants(target), roles, given)
    foreign = {
        name
        for (name,) in target.rows(
            "select 'on schema ' || quote_ident(nspname) from pg_namespace where not pg_has_role(nspowner, 'usage')"
        )
    }
    possible = {about: sql for about, sql in wanted.items() if not any(f" {name} " in about for name in foreign)}
    findings.leave(
        "grant", [sql for about, sql in wanted.items() if about not in possible], "the schema belongs to another role"
    )
    return _run(target, possible, findings, "grant", check_mode)


def _comments(source: Session, target: Session, findings: Findings, check_mode: bool) -> list[str]:
    existing = attributes.comments(target)
    owned = {
        name
        for (name,) in target.rows(
            """
            select 'schema ' || quote_ident(nspname) from pg_namespace where pg_has_role(nspowner, 'usage')
            union all
            select 'extension ' || quote_ident(extname) from pg_extension where pg_has_role(extowner, 'usage')
            """
        )
    }
    wanted = {name: text for name, text in attributes.comments(source).items() if existing.get(name) != text}
    findings.leave(
        "comment", [name for name in wanted if name not in owned], "it belongs to another role on the target"
    )
    done = []
    for name in wanted:
        if name in owned:
            done.append(f"comment on {name}")
            if not check_mode:
                # A schema's name may hold a percent sign.
                sql = f"comment on {name.replace('%', '%%')} is %s"
                target.run(sql, [wanted[name]], doing=f"commenting {name}")
    return done


def _settings(source: Session, target: Session, findings: Findings, check_mode: bool) -> list[str]:
    wanted = attributes.settings(source)
    existing = attributes.settings(target)
    possible = attributes.settable(target, wanted)
    done = []
    for name, value in possible.items():
        if existing.get(name) != value:
            done.append(f"setting {name}")
            if not check_mode:
                set_for_new_sessions(target, name, value)
    return done


def set_for_new_sessions(target: Session, name: str, value: str) -> None:
    """Set O(name) for the database, or else for the role in it, which may always do that."""
    database = target.value("select quote_ident(current_database())")
    with target.transaction():
        target.run("select set_config(%s, %s, true)", [name, value], doing=f"setting {name}")
        for whose in (f"database {database}", f"role current_user in database {database}"):
            with suppress(StateError), target.attempt():
                target.run(f'alter {whose} set "{name}" from current', doing=f"setting {name}")
                if attributes.settings(target).get(name) == value:
                    return


def _run(target: Session, statements: dict[str, str], findings: Findings, kind: str, check_mode: bool) -> list[str]:
    done = []
    for sql in statements.values():
        try:
            if not check_mode:
                target.run(sql, doing="setting privileges")
            done.append(sql)
        except StateError as error:
            findings.leave(kind, [sql], error.cause)
    return done
