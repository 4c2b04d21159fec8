# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Give the target what may be set at any time: privileges, comments on schemas and extensions, settings.

No part of a copy depends on it, so every run does it, and reports what the role may not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import attributes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import Attributes, Grant
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


def settle(source: Attributes, target: Side, findings: Findings, check_mode: bool) -> list[str]:
    """Give the target the attributes of O(source); return what was done, or in check mode would be."""
    session = target.session
    noted = marker.given(session)
    done = _privileges(source.grants, {Grant(*one) for one in noted}, target, findings, check_mode)
    given = [list(one) for one in sorted(attributes.to_others(source.grants))]
    if given != noted and not check_mode:
        marker.note_given(session, given)
    done += _comments(source.comments, session, findings, check_mode)
    return done + settings(source.settings, session, check_mode)


def left_behind(source: Attributes, target: Side, findings: Findings) -> None:
    """Note what the target cannot be given."""
    _statements, homeless = attributes.statements(source.grants, set(), target.offer.roles, target.offer.role)
    findings.leave("grant", homeless, "the target does not have the role")
    findings.leave("default privilege", [f"of role {role}" for role in source.others], "is another role's")
    forbidden = sorted(set(source.settings) - attributes.allowed(target.session, source.settings))
    findings.leave("setting", forbidden, "the target's role may not set it")


def _privileges(source: set[Grant], given: set[Grant], target: Side, findings: Findings, check_mode: bool) -> list[str]:
    session, offer = target.session, target.offer
    wanted, _homeless = attributes.statements(source, attributes.grants(session), offer.roles, offer.role, given)
    if not wanted:
        return []
    foreign = {
        name
        for (name,) in session.rows(
            "select 'on schema ' || quote_ident(nspname) from pg_namespace where not pg_has_role(nspowner, 'usage')"
        )
    }
    possible = {about: sql for about, sql in wanted.items() if not any(f" {name} " in about for name in foreign)}
    findings.leave(
        "grant", [sql for about, sql in wanted.items() if about not in possible], "the schema belongs to another role"
    )
    return _run(session, possible, findings, "grant", check_mode)


def _comments(wanted: Mapping[str, str], target: Session, findings: Findings, check_mode: bool) -> list[str]:
    existing = attributes.comments(target)
    missing = {name: text for name, text in wanted.items() if existing.get(name) != text}
    if not missing:
        return []
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
    findings.leave(
        "comment", [name for name in missing if name not in owned], "it belongs to another role on the target"
    )
    done = []
    for name, text in missing.items():
        if name in owned:
            done.append(f"comment on {name}")
            if not check_mode:
                # A schema's name may hold a percent sign.
                sql = f"comment on {name.replace('%', '%%')} is %s"
                target.run(sql, [text], doing=f"commenting {name}")
    return done


def settings(wanted: Mapping[str, str], target: Session, check_mode: bool) -> list[str]:
    """Have the target's new sessions begin with those of the settings O(wanted) that its role may make."""
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
