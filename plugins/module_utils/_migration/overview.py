# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Many apps at a glance: which is where, what stands in the way, what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import (
    FROZEN,
    LIVE,
    NOT_STARTED,
    REHEARSED,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.html_report import STATES
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.page import (
    badge,
    document,
    section,
    table,
    tag,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.prices import counted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.report import write

FAILED = "failed"
# What needs a person comes first.
_ORDER = (FROZEN, FAILED, NOT_STARTED, REHEARSED, LIVE)
_COLUMNS = ("host", "state", "blocks", "warnings", "changes", "window", "waits for DNS", "next")


def overview(results: Mapping[str, Any], dest: str, check_mode: bool) -> dict[str, Any]:
    """Return the hosts of a play with what their migration_report returned; write the page to O(dest), if any."""
    apps = sorted(
        ({"host": host, **_of(result)} for host, result in results.items()),
        key=lambda app: (_ORDER.index(app["status"]), app["host"]),
    )
    changed = bool(dest) and write(Path(dest), _page(apps, results), check_mode)
    return {
        "changed": changed,
        "apps": apps,
        "lines": [*_lines(apps), *([f"Overview: {dest}"] if dest and not check_mode else [])],
    }


def _of(result: Any) -> dict[str, Any]:
    found = result.get("summary") if isinstance(result, Mapping) else None
    return dict(found) if found else {"status": FAILED, "state": "the run of this host ended before its plan or report"}


def _totals(apps: Sequence[Mapping[str, Any]]) -> str:
    numbers = Counter(app["status"] for app in apps)
    states = ", ".join(f"{numbers[status]} {status}" for status in _ORDER if numbers[status])
    blocked = sum(bool(app.get("blocks")) for app in apps)
    return f"{counted(len(apps), 'app')}: {states}" + (f"; {blocked} with findings that block" if blocked else "")


def _row(app: Mapping[str, Any]) -> list[str]:
    if app["status"] == FAILED:
        return [app["host"], FAILED, "", "", "", "", "", ""]
    numbers = [str(app[key]) for key in ("blocks", "warnings", "changes")]
    return [app["host"], app["status"], *numbers, app["window"], ", ".join(app["waiting_for_dns"]), app["next"]]


def _lines(apps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    # The next command is in the plan of each app.
    rows = [list(_COLUMNS[:5]), *(_row(app)[:5] for app in apps)]
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    yield _totals(apps)
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _page(apps: Sequence[Mapping[str, Any]], results: Mapping[str, Any]) -> str:
    rows = []
    for app in apps:
        row: list[Any] = _row(app)
        report = (results[app["host"]] or {}).get("files", {}).get("html") if app["status"] != FAILED else None
        if report:
            row[0] = tag("a", app["host"], href=Path(report).name)
        row[0] = tag("span", row[0], class_="brief")
        row[1] = badge(*STATES.get(app["status"], (app["status"], "bad" if app["status"] == FAILED else "calm")))
        row[7] = tag("code", row[7]) if row[7] else ""
        rows.append(row)
    return document(
        "Apps on their way from Heroku to Fly.io",
        tag("header", tag("h1", "Apps on their way from Heroku to Fly.io"), tag("p", f"{_totals(apps)}.")),
        section(
            "Apps",
            table("Every app", _COLUMNS, rows, numbers=(2, 3, 4), stack=True, named=True),
            tag(
                "p",
                "Blocks are findings that stop a cut-over. Changes are what the next run creates, changes and copies.",
                class_="soft",
            ),
        ),
    )
