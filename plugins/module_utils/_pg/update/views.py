# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Materialized views: which ones may be out of date, or were filled by others, and in which order to fill them.

A view whose definition calls a function of the user may read anything, and is always filled again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import full_copy as engine
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import server
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import (
    MARKER_SCHEMA,
    NAME,
    OWN_RELATION,
)
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


# A REFRESH makes a new file. Where there is a unique index, it may be CONCURRENTLY, which writes the view's row in this
# catalog, as GRANT does too. Nothing else can write to a view's rows.
_STATES = f"""
select pg_catalog.jsonb_object_agg({NAME}, pg_catalog.jsonb_build_array(
  c.relispopulated, pg_catalog.concat_ws(' ', c.oid, pg_catalog.pg_relation_filenode(c.oid),
    case when exists (select from pg_index where indrelid = c.oid and indisunique) then c.xmin end)))
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'm' and {OWN_RELATION}
"""

States = dict[str, list[object]]
"""By name: whether the view holds rows, and what any filling of it changes."""


def states(target: Session) -> tuple[int, States]:
    """Return the target's horizon, and what its materialized views are."""
    horizon, found = target.row(f"select {server.HORIZON}, ({_STATES})")
    return int(horizon), found or {}


def note_again(target: Session) -> None:
    """Note what they are after privileges on them were set."""
    target.run(
        f"update {MARKER_SCHEMA}.transfer set document = jsonb_set(document, '{{views}}', found) "
        f"from ({_STATES}) s(found) where document ? 'views' and found is not null",
        doing="writing the marker",
    )


@dataclass(frozen=True)
class Views:
    """The target's materialized views."""

    now: States = field(default_factory=dict)
    noted: States = field(default_factory=dict)
    """What they were when the copy filled them."""
    filled: Mapping[str, int] = field(default_factory=dict)
    """Those that hold rows on the source, with their oids there."""

    @property
    def wrong(self) -> list[str]:
        """Those that hold something else than the copy filled them with, or hold rows and should not."""
        return [
            name
            for name, state in self.now.items()
            if (state != self.noted.get(name) if name in self.filled else state[0])
        ]

    def fill(
        self, target: Session, tables: Collection[str], everything: bool, cures: Callable[[int, StateError], bool]
    ) -> States:
        """Fill those that are wrong, and those that may read O(tables), or all with O(everything), in a transaction of
        the target as its app; return what is to be noted. O(cures) is as in run_entries.
        """
        stale = _stale(target, self.filled.keys() & self.now.keys(), [*tables, *self.wrong], everything)
        engine.refresh(target, {name: self.filled[name] for name in stale}, cures)
        for name in self.wrong:
            if name not in self.filled:
                target.run(f"refresh materialized view {name} with no data", doing=f"emptying {name}")
        # What was not filled here is not looked at again: others may have filled it meanwhile.
        kept = {name: state for name, state in self.noted.items() if name in self.filled}
        now = states(target)[1] if stale else {}
        return {**kept, **{name: now[name] for name in stale}}


def _stale(session: Session, names: Collection[str], relations: Collection[str], everything: bool) -> list[str]:
    """Return those of the views O(names) that are O(relations) or may read them, or all with O(everything), each after
    those that it reads.
    """
    if not names or not (relations or everything):
        return []
    oids = "select t, t::regclass::oid from pg_catalog.unnest(%s::text[]) t"
    found = dict(session.rows(oids, [[*names, *relations]]))
    views = {found[name]: name for name in names}
    moved = {0, *(found[name] for name in relations)}
    reads: dict[int, set[int]] = {}
    for reader, read in session.rows(_READS):
        reads.setdefault(reader, set()).add(read)
    return [views[view] for view in _ordered(views, reads) if everything or ({view} | _reached(view, reads)) & moved]


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
