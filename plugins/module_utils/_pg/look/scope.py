# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Which objects are the app's, and not those of PostgreSQL, an extension, Heroku or this collection."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted

# Schemas that are not the app's: Heroku's own, which holds its event triggers, and this collection's.
FENCE_SCHEMA = "_flyover_fence"

MARKER_SCHEMA = "_flyover"

LOG_SCHEMA = "_flyover_log"
"""Also the name of the log's triggers, which are on the app's tables."""

HIDDEN_SCHEMAS = ("_heroku", MARKER_SCHEMA, FENCE_SCHEMA, LOG_SCHEMA)

# Conditions on pg_namespace n, and on an object's oid: what a user made.
_HIDDEN = ", ".join(f"'{schema}'" for schema in HIDDEN_SCHEMAS)

USER_SCHEMA = rf"n.nspname !~ '^pg_' and n.nspname not in ('information_schema', {_HIDDEN})"


def not_of_extension(catalog: str, oid: str) -> str:
    """Return the SQL condition that the object belongs to no extension."""
    return (
        "not exists (select from pg_depend e where e.deptype = 'e' "
        f"and e.classid = 'pg_catalog.{catalog}'::regclass and e.objid = {oid})"
    )


def goes_with(catalog: str, oid: str) -> str:
    """Return SQL for the extensions with which an object is dropped, as DEPENDS ON EXTENSION says; null if there are
    none.
    """
    return (
        f"(select 'depends on ' || string_agg({quoted('x.extname')}, ',' order by x.extname collate \"C\") "
        "from pg_depend e join pg_extension x on x.oid = e.refobjid where e.deptype = 'x' "
        f"and e.refclassid = 'pg_extension'::regclass and e.classid = '{catalog}'::regclass and e.objid = {oid})"
    )


NAME = dotted("n.nspname", "c.relname")

OWN_RELATION = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
