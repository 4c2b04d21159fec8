# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to copy a database that make bench-pg compares. Another way is another entry in WAYS."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_PACKAGE = "ansible_collections.flyover.heroku_to_fly.plugins.modules"


@dataclass(frozen=True)
class Command:
    """A shell script. It finds in its environment:

    C(SOURCE) and C(TARGET), URLs without passwords, which libpq finds by itself; C(PYTHON); C(WORK), an empty folder.
    """

    script: str
    options: Mapping[str, Any] | None = None
    """Of a module that reads them from standard input; C({source}) and C({target}) in them are URLs with passwords."""

    def standard_input(self, source: str, target: str) -> bytes:
        """Return what the script reads; the URLs are those with passwords."""
        if self.options is None:
            return b""
        given = {
            name: value.format(source=source, target=target) if isinstance(value, str) else value
            for name, value in self.options.items()
        }
        return json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()


def pg_transfer(**options: Any) -> Command:
    """Return the module's run, as Ansible runs it."""
    return Command(f'"$PYTHON" -m {_PACKAGE}.pg_transfer', {"source": "{source}", "target": "{target}", **options})


def pg_change_log() -> Command:
    """Return the run of the module that makes the source's change log."""
    return Command(f'"$PYTHON" -m {_PACKAGE}.pg_change_log', {"url": "{source}"})


@dataclass(frozen=True)
class Way:
    """One row of the table: what is measured, and what comes before without being measured."""

    title: str
    command: Command
    before: Sequence[Command] = ()
    changed: float = 0.0
    """What changes on the source between O(before) and O(command): a share of all rows, or from 1 on their number."""
    program: str = field(default="sh")

    def missing(self) -> str:
        """Return why this way cannot be measured here, or nothing."""
        return "" if shutil.which(self.program) else f"{self.program} is not installed"


def _delta(changed: float, logged: bool = False) -> Way:
    what = f"{changed:.1%}" if changed < 1 else f"{changed:,.0f} rows"
    return Way(
        f"pg_transfer, delta after {what} changed" + (", with `pg_change_log`" if logged else ""),
        pg_transfer(mode="delta"),
        before=[*([pg_change_log()] if logged else []), pg_transfer()],
        changed=changed,
    )


def _pgcopydb(title: str, *options: str) -> Way:
    words = ["--table-jobs 2 --index-jobs 2 --no-owner --no-acl", *options]
    script = f'pgcopydb clone --source "$SOURCE" --target "$TARGET" --dir "$WORK/pgcopydb" {" ".join(words)}'
    return Way(title, Command(script), program="pgcopydb")


GUIDE = "guide"
"""The way that all others are compared with."""

WAYS = {
    # fly.io/docs "Migrate from Heroku", with the app's own database as the target
    GUIDE: Way(
        "guide: `pg_dump --no-owner -C \\| psql`", Command('pg_dump --no-owner -C -d "$SOURCE" | psql -d "$TARGET"')
    ),
    "custom": Way(
        "`pg_dump -Fc -Z0 \\| pg_restore`",
        Command('pg_dump -Fc -Z0 -d "$SOURCE" | pg_restore --no-owner --no-acl -d "$TARGET"'),
    ),
    "directory": Way(
        "`pg_dump -Fd -j2 -Z0`, `pg_restore -j2`",
        Command(
            'pg_dump -Fd -j2 -Z0 -f "$WORK/dump" -d "$SOURCE" '
            '&& pg_restore --no-owner --no-acl -j2 -d "$TARGET" "$WORK/dump"'
        ),
    ),
    "pgcopydb": _pgcopydb("`pgcopydb clone`, 2 jobs"),
    "pgcopydb-split": _pgcopydb("`pgcopydb clone`, 2 jobs, large tables split", "--split-tables-larger-than 200MB"),
    "unverified": Way("**pg_transfer**, `verify: none`", pg_transfer(verify="none")),
    "ours": Way("**pg_transfer**, `verify: checksums`", pg_transfer()),
    "verification": Way("pg_transfer, verification alone", pg_transfer(), before=[pg_transfer(verify="none")]),
    "delta-0.1": _delta(0.001),
    "delta-1": _delta(0.01),
    "delta-10": _delta(0.1),
    "logged-0.1": _delta(0.001, logged=True),
    "logged-1": _delta(0.01, logged=True),
    "delta-rows": _delta(30_000),
    "logged-rows": _delta(30_000, logged=True),
}
