# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What pg_dump's SQL lacks, or must name otherwise on the target."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Entry
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import relation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_NAME = r'(?:"(?:[^"]|"")*"|[\w$]+)'
_ROLES = re.compile(
    rf"(?P<before>CREATE POLICY {_NAME} ON {_NAME}\.{_NAME}(?: AS RESTRICTIVE)?(?: FOR [A-Z]+)? TO )"
    rf"(?P<roles>{_NAME}(?:, {_NAME})*)"
)


def amended(source: Session, *sections: Iterable[Entry]) -> list[list[Entry]]:
    """Return O(sections) of the archive of O(source) with such changes."""
    own = str(source.value("select quote_ident(current_user)"))
    types = _sequence_types(source)
    return [[_amended(entry, own, types.get(entry.oid, "")) for entry in entries] for entries in sections]


def _amended(entry: Entry, own: str, type_: str) -> Entry:
    if entry.kind == "POLICY":
        return replace(entry, sql=for_own_role(entry.sql, own))
    if entry.kind == "SEQUENCE" and type_:
        return replace(entry, sql=f"{entry.sql}{type_}\n")
    return entry


def for_own_role(policy: str, own: str) -> str:
    """Return the SQL of O(policy) for the role that makes it where it is for O(own), the source's role."""
    found = _ROLES.match(policy)
    if not found:
        return policy
    roles = ["current_user" if role == own else role for role in re.findall(_NAME, found["roles"])]
    return found["before"] + ", ".join(roles) + policy[found.end() :]


def _sequence_types(source: Session) -> dict[int, str]:
    """Return, by oid, what gives a type of its own to a sequence whose column is of another type.

    For an identity column pg_dump leaves the type to the column, and the bounds where they are the type's.
    """
    return dict(
        source.rows(
            f"""
            select s.seqrelid, format('ALTER SEQUENCE %s AS %s MINVALUE %s MAXVALUE %s;', {relation("s.seqrelid")},
                                      s.seqtypid::regtype, s.seqmin, s.seqmax)
            from pg_sequence s join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid
              and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'
            join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where a.atttypid <> s.seqtypid
            """
        )
    )
