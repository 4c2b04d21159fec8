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
    AFTER,
    BEFORE,
    BLOCK,
    INFO,
    LEVELS,
    WARN,
    Finding,
    accept,
    order,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.findings import LEVELS as OF_HEROKU
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES

# id -> level, what it means, what to do: those that no module returns as a finding.
OF_STEPS: dict[str, tuple[str, str, str]] = {
    "copy-warning": (
        WARN,
        "The copy of the database will differ, or part of it needs your attention.",
        "Read it, and fix what matters before the cut-over.",
    ),
    "dockerfile-generation": (
        BLOCK,
        "There is no Dockerfile, and `fly launch` cannot generate one.",
        "Write a Dockerfile, or choose another `migrate_build`.",
    ),
    "fly-certificate": (BLOCK, "Fly.io would refuse a certificate.", "Correct `migrate_hostnames`."),
    "fly-create": (BLOCK, "Fly.io would refuse to create the app.", "Do as the text says."),
    "fly-postgres-create": (
        BLOCK,
        "Fly.io would refuse to create the Postgres cluster, or does not offer what the database needs.",
        "Do as the text says.",
    ),
    "fly-redis-create": (BLOCK, "Fly.io would refuse to create the Redis database.", "Do as the text says."),
    "fly-toml": (BLOCK, "The Procfile or `fly.toml` cannot be used.", "Correct the line that the text names."),
    "fly-toml-warning": (
        INFO,
        "`fly.toml` will contain something that you should check.",
        "Check the file after the first run.",
    ),
    "not-moved": (
        WARN,
        "Something in the database is not part of a copy, such as a grant. What belongs to Heroku, or is of no use on "
        "another server, has the level info.",
        "Create it again on the new database if the app needs it.",
    ),
    "postgres-copy": (
        BLOCK,
        "The database cannot be read, or cannot be copied as it is.",
        "Do as the text says.",
    ),
    "postgres-size": (
        BLOCK,
        "The database does not fit into the new cluster.",
        "Set `migrate_postgres_disk_gb`, with room to grow.",
    ),
    "postgres-version": (
        BLOCK,
        "The new cluster would have an older PostgreSQL than the database.",
        "Set `migrate_postgres_major`.",
    ),
    "redis-copy": (BLOCK, "Redis cannot be read, or cannot be copied as it is.", "Do as the text says."),
    "redis-warning": (
        WARN,
        "The copy of Redis needs your attention.",
        "Read it, and fix what matters before the cut-over.",
    ),
    "source": (BLOCK, "The folder of the app's source cannot be read.", "Correct `migrate_source_dir`."),
}
# What stays behind and is missed by nobody.
_HEROKUS_OWN = frozenset(["comment", "event trigger", "index", "publication", "schema"])
# Other modules have a page of their own for these.
_ELSEWHERE = ("redis-", "postgres-", "database-", "not-moved-", "tools-for-", "fly-", "one-off-")


def gather(
    found: Iterable[Mapping[str, Any]],
    results: Mapping[str, Any],
    warnings: Iterable[Mapping[str, Any]],
    not_moved: Iterable[Mapping[str, Any]],
    accepted: Sequence[str],
    dropped: Iterable[str] = (),
) -> dict[str, Any]:
    """Return every finding once, the gravest first, and those that block.

    Raises InputError for an entry of O(accepted) that names no finding there can be: a slip would accept nothing.
    """
    left_out = set(dropped)
    rows = [
        *({"urgency": BEFORE, **finding} for finding in found),
        *_failed(results),
        *_warned(warnings),
        *(_stays(thing) for thing in not_moved),
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


def too_small(source: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[Finding]:
    """Return why a database does not fit into the cluster that is to be created."""
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


def _stays(thing: Mapping[str, Any]) -> Finding:
    own = thing["kind"] in _HEROKUS_OWN
    return {
        "id": "not-moved",
        "level": INFO if own else WARN,
        "urgency": AFTER if own else BEFORE,
        "text": f"The {thing['kind']} {thing['name']} of the database stays behind: {thing['reason']}.",
        "remedy": "Nothing." if own else OF_STEPS["not-moved"][2],
    }


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["id"], row.get("path"), row.get("line"), row["text"])


def _check(accepted: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    known = {*OF_HEROKU, *OF_STEPS, *(rule.id for rule in RULES), *(str(row["id"]) for row in rows)}
    names = {entry: entry.partition(":")[0] for entry in accepted}
    unknown = sorted(entry for entry, name in names.items() if name not in known and not name.startswith(_ELSEWHERE))
    if unknown:
        raise InputError(
            "option accepted (in the role: migrate_accept_findings)",
            f"there is no finding {', '.join(unknown)}",
            "docs/findings.md lists them all; those of one file are accepted as ID:PATH.",
        )
