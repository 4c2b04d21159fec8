# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Functions that get their own search_path on the target, which PostgreSQL 17 requires for indexes and views.

From that version on, a server builds indexes and fills materialized views with its own search_path. A function that
calls others without their schema, as many apps' f_unaccent() does, then needs one that is set for the function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import UNKNOWN_NAMES
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.other_kinds import FUNCTION_NAME
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.schema import Definition
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import not_of_extension
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_SINCE = 170000
_SETTING = re.compile(r"\n SET search_path TO [^\n]*")


class Adaptation:
    """The functions that were given a search_path, by name."""

    def __init__(
        self, source: Session, target: Session, interrupted: Marker | None, note: Callable[[Sequence[str]], None]
    ) -> None:
        """Begin with what an O(interrupted) run did; O(note) keeps all names for the next one."""
        self._source = source
        self._target = target
        self._note = note
        self.names: list[str] = list(interrupted.document.get("adapted", ())) if interrupted else []

    def cures(self, relation: int, error: StateError) -> bool:
        """Give a path to the functions that the source's O(relation) calls, unless they have one: an index, a view, or
        a table with its indexes and statistics.

        Return whether any function got one.
        """
        state = str(error.facts.get("sqlstate", ""))
        if self._target.version < _SINCE or not state.startswith(UNKNOWN_NAMES):
            return False
        found = [name for name in _functions(self._source, relation) if name not in self.names]
        path = self._target.app_path
        if found:
            # Before it is done: a run that is killed in between leaves no function that differs for no known reason.
            self._note([*self.names, *found])
        for name in found:
            self._target.run(f"alter routine {name} set search_path = {path}", doing=f"giving {name} a search_path")
        self.names += found
        return bool(found)


def without(definitions: Sequence[Definition], adapted: Iterable[str]) -> list[Definition]:
    """Return the target's O(definitions) as they were before functions were adapted."""
    names = set(adapted)
    return [
        one._replace(parts=tuple(part._replace(sql=_SETTING.sub("", part.sql or "", count=1)) for part in one.parts))
        if one.kind == "function" and one.name in names
        else one
        for one in definitions
    ]


def _functions(source: Session, relation: int) -> list[str]:
    """Return the user's functions that an index, a constraint's index, a view or a table's statistics call, also by
    operators, domains, and the views that a view reads.
    """
    rows = source.rows(
        f"""
        with recursive used(classid, objid) as (
          select 'pg_class'::regclass::oid, %(oid)s::oid
          union
          (select 'pg_class'::regclass, conindid from pg_constraint where oid = %(oid)s and conindid <> 0
           union all select 'pg_class'::regclass, indexrelid from pg_index where indrelid = %(oid)s
           union all select 'pg_statistic_ext'::regclass, oid from pg_statistic_ext where stxrelid = %(oid)s)
          union
          select next.* from used u cross join lateral (
            select d.refclassid, d.refobjid from pg_depend d where d.classid = u.classid and d.objid = u.objid
              and (d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
                   or d.refclassid = 'pg_class'::regclass
                   and exists (select from pg_class where oid = d.refobjid and relkind in ('v', 'm')))
            union all
            select 'pg_rewrite'::regclass::oid, r.oid from pg_rewrite r
            where u.classid = 'pg_class'::regclass and r.ev_class = u.objid
            union all
            select 'pg_constraint'::regclass::oid, c.oid from pg_constraint c
            where u.classid = 'pg_type'::regclass and c.contypid = u.objid) next
        )
        select {FUNCTION_NAME} from used u join pg_proc p on u.classid = 'pg_proc'::regclass and p.oid = u.objid
        join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
        where p.oid >= 16384 and l.lanname not in ('c', 'internal') and p.prokind in ('f', 'p')
          and not coalesce(p.proconfig::text ~ 'search_path=', false) and {not_of_extension("pg_proc", "p.oid")}
        order by 1
        """,
        {"oid": relation},
    )
    return [name for (name,) in rows]
