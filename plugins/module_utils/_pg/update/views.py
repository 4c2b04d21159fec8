# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Materialized views: which ones may be out of date after some tables were written, and in which order to fill them.

A view whose definition calls a function of the user may read anything, and is always filled again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.inventory import populated_views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# The relations that a view's query, or a table with children, reads; 0 stands for what is unknown.
_READS = """
select r.ev_class, case when d.refclassid = 'pg_class'::regclass and c.relkind <> 'S' then d.refobjid else 0 end
from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.deptype = 'n'
left join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
where r.rulename = '_RETURN' and d.refobjid <> r.ev_class and d.refobjid >= 16384 and (
  d.refclassid = 'pg_class'::regclass or d.refclassid in (
    'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass) and not exists (
      select from pg_depend e where e.deptype = 'e' and e.classid = d.refclassid and e.objid = d.refobjid))
union
select inhparent, inhrelid from pg_inherits
"""


def stale(session: Session, tables: Collection[str], everything: bool) -> list[str]:
    """Return the materialized views that hold rows and may read O(tables), or all with O(everything), each after those
    that it reads.
    """
    names = populated_views(session)
    if not names:
        return []
    reads: dict[int, set[int]] = {}
    for reader, read in session.rows(_READS):
        reads.setdefault(reader, set()).add(read)
    moved = {oid for (oid,) in session.rows("select t::oid from unnest(%s::regclass[]) t", [list(tables)])}
    ordered = _ordered(names, reads)
    return [names[view] for view in ordered if everything or _reached(view, reads) & (moved | {0})]


def _reached(view: int, reads: Mapping[int, Collection[int]]) -> set[int]:
    """Return everything that O(view) reads, directly or indirectly."""
    found: set[int] = set()
    fresh = {view}
    while fresh:
        fresh = {read for reader in fresh for read in reads.get(reader, ())} - found
        found |= fresh
    return found


def _ordered(views: Collection[int], reads: Mapping[int, Collection[int]]) -> list[int]:
    """Return O(views), each after those that it reads; those for which that is unknown come last."""
    reached = {view: _reached(view, reads) for view in views}
    # What a view reads, directly or indirectly, reads fewer views than the view itself does.
    return sorted(views, key=lambda view: (0 in reached[view], len(reached[view] & set(views)), view))
