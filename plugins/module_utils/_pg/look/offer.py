# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a target's server has, and its role may do, that a copy may need."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


@dataclass(frozen=True)
class Offer:
    """What a copy finds there."""

    extensions: frozenset[str] = frozenset()
    """Those that the session's role may create."""
    role: str = ""
    """The session's, as it is written in statements."""
    roles: frozenset[str] = frozenset()
    """All of them, as they are written in statements."""
    locales: frozenset[str] = frozenset()
    """The operating system's, as far as the server lists them."""
    icu: bool = False
    """Whether the server was built with ICU. Since PostgreSQL 16 every server lists an ICU collation."""
    public: bool = False
    """Whether the role may create objects in schema public."""


def offer(session: Session) -> Offer:
    """Return what the server offers to the session's role."""
    extensions, role, roles, locales, icu, public = session.row(
        """
        select array(select v.name::text from pg_available_extension_versions v join pg_available_extensions a
                       on a.name = v.name and a.default_version = v.version, pg_roles r
                     where r.rolname = current_user and (r.rolsuper or v.trusted or not v.superuser)),
               quote_ident(current_user),
               array(select quote_ident(rolname) from pg_roles),
               array(select collcollate::text from pg_collation where collprovider = 'c'
                     union select collname::text from pg_collation where collprovider = 'c'
                     union select datcollate::text from pg_database),
               exists (select from pg_collation where collprovider = 'i' and pg_collation_actual_version(oid) <> ''),
               coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'create'), false)
        """
    )
    return Offer(frozenset(extensions), role, frozenset(roles), frozenset(locales), icu, public)
