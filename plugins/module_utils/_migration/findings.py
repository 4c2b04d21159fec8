# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""All that the steps of a migration found, in one list: what modules return, what they warn of, and where they fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    BEFORE,
    BLOCK,
    LEVELS,
    Finding,
    accept,
    meant,
    order,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.finding_ids import OF_STEPS, ids


def gather(
    found: Iterable[Mapping[str, Any]],
    results: Mapping[str, Any],
    warnings: Iterable[Mapping[str, Any]],
    accepted: Sequence[str],
    dropped: Iterable[str] = (),
) -> dict[str, Any]:
    """Return every finding once, the most serious first, and those that block.

    Raises InputError for an entry of O(accepted) that is not the id of a finding: a misspelt one would accept nothing.
    """
    left_out = set(dropped)
    rows = [
        *({"urgency": BEFORE, **finding} for finding in found),
        *_failed(results),
        *_warned(warnings),
    ]
    unique = {_key(row): row for row in rows if row["id"] not in left_out}
    _check(accepted, unique.values())
    judged, unmatched = accept(unique.values(), accepted)
    judged.sort(key=order)
    return {
        "findings": judged,
        "blocking": [row for row in judged if row["level"] == BLOCK],
        "counts": {level: sum(row["level"] == level for row in judged) for level in LEVELS},
        "unmatched": unmatched,
    }


def with_connected(findings: Iterable[Mapping[str, Any]], source: Mapping[str, Any]) -> list[Finding]:
    """Return the findings; that of too many connections also says how many Heroku's database has open now."""
    now = f" Heroku's database has {source['connected']} open now." if "connected" in source else ""
    return [{**row, "text": row["text"] + now} if row["id"] == "connections" else dict(row) for row in findings]


def too_small(source: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[Finding]:
    """Return why a database does not fit into the cluster that will be created."""
    if not source or not cluster.get("major"):
        return []
    name, major = cluster["name"], str(source["version"]).partition(".")[0]
    rows = []
    if int(major) > int(cluster["major"]):
        text = f"Heroku's database is PostgreSQL {major}, and the new cluster {name} would have {cluster['major']}."
        rows.append(_of_step("postgres-version", text, f"Set migrate_postgres_major to {major} or newer."))
    size = int(source["size_bytes"])
    if size >= int(cluster["disk_gb"]) * 1_000_000_000:
        text = (
            f"Heroku's database has {size / 1e9:.1f} GB, and the new cluster {name} would have {cluster['disk_gb']} GB."
        )
        rows.append(_of_step("postgres-size", text, "Set migrate_postgres_disk_gb, with room to grow."))
    return rows


def _of_step(name: str, text: str, remedy: str) -> Finding:
    level = OF_STEPS[name][0] if name in OF_STEPS else BLOCK
    return {"id": name, "level": level, "urgency": BEFORE, "text": text, "remedy": remedy}


def _failed(results: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for each result of a step that failed, which is one with a message."""
    rows = []
    for name, result in results.items():
        message, remedy = str(result.get("msg") or ""), str(result.get("remedy") or "")
        if message and not result.get("skipped"):
            text = message[: -len(remedy)].rstrip() if remedy and message.endswith(remedy) else message
            rows.append(_of_step(name, text, remedy or "See the text."))
    return rows


def _warned(warnings: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [
        _of_step(warning["id"], str(text), OF_STEPS[warning["id"]][2].replace("`", ""))
        for warning in warnings
        for text in warning["texts"]
    ]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["id"], row.get("path"), row.get("line"), row["text"])


def _check(accepted: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    known = {*ids(), *(str(row["id"]) for row in rows)}
    unknown = sorted(entry for entry in accepted if entry.partition(":")[0] not in known)
    if unknown:
        raise InputError(
            "option accepted (in the role: migrate_accept_findings)",
            f"there is no finding {', '.join(unknown)}",
            f"{meant(unknown, known)}docs/findings.md lists them all; those of one file are accepted as ID:PATH.",
        )
