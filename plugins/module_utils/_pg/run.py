# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One run under one snapshot of the source: both sides, what is wanted, and what every way of copying needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import compare as comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.compare import Comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.full_copy import set_sequences
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Servers
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.workers import Pool
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import identity, server
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import Attributes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.checksums import Content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings, named
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import Identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.inventory import Sequences, read_sequences
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.progress import Progress
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.sides import both


@dataclass(frozen=True)
class Wanted:
    """How to transfer."""

    mode: str  # full, warm, delta or auto
    jobs: int
    verify: str  # none, counts or checksums
    clean: bool
    pg_bin_dir: str | None
    progress_file: str | None


class Run:
    """One transfer under one snapshot of the source. It is a context manager, which stops the workers at its end."""

    def __init__(
        self,
        source: Side,
        target: Side,
        tables: Sequence[Table],
        snapshot: str,
        jobs: int,
        wanted: Wanted,
        findings: Findings,
        progress: Progress,
        given: Attributes,
    ) -> None:
        self.source = source
        self.target = target
        self.tables = tables
        self.wanted = wanted
        self.findings = findings
        self.progress = progress
        self.given = given
        self.reason = ""
        """Why everything is copied."""
        self.noted: dict[str, Any] = {}
        """The document of the marker on the target."""
        self.search_path: str = target.facts["search_path"]
        """What a new session of the target gets."""
        self.snapshot = snapshot
        self._jobs = jobs
        self.pool = self._new_pool()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_error: object) -> None:
        self.pool.close()

    def _new_pool(self) -> Pool:
        return Pool(self.source.session, self.target.session, self.snapshot, self._jobs)

    def renew_pool(self) -> None:
        """Replace the workers after one of them failed."""
        self.pool.close()
        self.pool = self._new_pool()

    def identities(self) -> dict[str, Identity]:
        """Return the identities of the source's tables, by name."""
        return identity.identities(self.source.session, {table.name: table.oid for table in self.tables})

    @cached_property
    def servers(self) -> Servers:
        """What both servers are, seen after the source's snapshot was taken and before anything else is read."""
        source, target = self.source.session, self.target.session
        of_source, of_target = both(lambda: server.history(source), lambda: server.history(target))
        return {"source": of_source, "target": of_target}

    def give_up(self, document: dict[str, Any], why: str) -> None:
        """Have the next run start over, and say O(why): the target does not hold what the marker says."""
        kept = {name: value for name, value in document.items() if name in ("source", "servers", "given")}
        marker.note(self.target.session, {**kept, "gave_up": why})

    def logs(self, level: str) -> dict[str, str]:
        """Have the target log what the source logs, before all content is compared; return the logs' identities.

        Writes to the target before the comparison then show up in it, and later ones in the log.
        """
        if level != "checksums":
            return {}
        logs = change_log.logs(self.source.session)
        wanted = {table.name: logs[table.name].columns for table in self.tables if table.name in logs}
        if wanted or change_log.exists(self.target.session):
            for warning in settle_logs(self.target.session, wanted):
                self.findings.warn("database-change-log", warning, "Run again; without it the next run scans.")
        return {
            table: logs_.identity for table, logs_ in changes.logged(self.source.session, self.target.session).items()
        }

    def compare(self, sequences: Sequences, level: str, copied: Mapping[str, Content] | None = None) -> Comparison:
        """Compare schema and sequences, and by O(level) rows and large objects.

        O(copied) is given after a copy: what the source's tables hold, as far as they were read under this snapshot.
        Later an app may use the target's sequences at any moment, so those are set again that have another value.
        """
        found = comparison.compare_schema(self.source, self.target.session, self.noted)
        comparison.compare_search_path(found, self.source, self.search_path)
        self._compare_sequences(found, sequences, again=copied is None)
        if not found.mismatches:
            comparison.compare_content(found, self.tables, self.pool, level, copied or {})
            if level == "checksums":
                self.noted["generated"] = sorted(found.generated)
        return found

    def _compare_sequences(self, found: Comparison, wanted: Sequences, again: bool) -> None:
        present = read_sequences(self.target.session)
        used = {name: value for name, value in wanted.items() if present.get(name) != value}
        found.sequences, found.sequences_differ = len(wanted), bool(used)
        if not again:
            for name in used:
                found.differs("sequence", name, "has another value")
        elif used and not self.target.session.read_only:
            set_sequences(self.target.session, used)

    def tell(self) -> None:
        """Say what the copy is not, and why: also of a copy that was only updated since, by what was noted of it."""
        adapted, generated = (self.noted.get(name) for name in ("adapted", "generated"))
        if adapted:
            self.findings.warn(
                "database-search-path",
                f"PostgreSQL {self.target.major} builds indexes and fills materialized views with a search_path of "
                "its own. On the target these functions were given one, because they call others without naming a "
                f"schema: {named(adapted)}.",
                "Give them the same on Heroku, in a migration: ALTER FUNCTION … SET search_path = ….",
            )
        if generated:
            self.findings.warn(
                "database-generated",
                "The target computes generated columns anew, as any copy does, and got other values than the source "
                f"holds: {named(generated)}. A function that they call was changed after rows were written, or gives "
                "another result on the target's version or locale.",
                "Compare some rows. To have the source's computed anew, update every row there.",
            )


def settle_logs(target: Session, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Give the target the logs O(wanted), keys by table, and no others; return a warning if that fails."""
    try:
        oids = dict(target.rows("select t, t::regclass::oid from unnest(%s) t", [list(wanted)])) if wanted else {}
        change_log.settle(target, {name: (oids[name], key) for name, key in wanted.items()}, change_log.PATIENCE)
    except StateError as error:
        return [f"The target's own change log is not as it should be: {error}"]
    return []
