# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a run would do, before it does it: created, changed, copied, left alone, unknown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import LIVE, Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.next_steps import (
    next_command,
    next_steps,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.prices import costs, counted

CREATE, CHANGE, COPY, LEAVE, UNKNOWN = VERBS = ("create", "change", "copy", "leave", "unknown")
# What a window takes besides the data: stopping dynos, starting Machines, two seals.
_REST = 12
Item = tuple[str, str]


def plan(seen: Seen, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan: C(items) in the order of the steps, and what a person decides by; O(known) are the facts()."""
    items = [
        {"verb": verb, "text": text}
        for verb, text in [
            *_services(seen),
            *_secrets(seen),
            *_data(seen),
            *_app(seen),
            *_domains(seen),
            *_heroku(seen),
        ]
    ]
    machines = {
        group: {**machine, "count": count}
        for group, machine in known["sizes"].items()
        if (count := _wanted(seen, group, machine))
    }
    cluster = {"name": seen.value("postgres_name"), "plan": seen.value("postgres_plan")}
    return {
        "heroku_app": known["heroku_app"],
        "fly_app": known["fly_app"],
        "org": seen.value("org"),
        "region": seen.value("region"),
        "mode": mode(seen),
        "state": known["state"],
        "items": items,
        "counts": {verb: sum(item["verb"] == verb for item in items) for verb in VERBS},
        "findings": known["findings"],
        "drift": known["drift"],
        "window": expected_window(seen),
        "costs": costs(
            machines,
            cluster if seen.value("wants_cluster", False) else {},
            bool(seen.value("wants_redis", False)),
            str(seen.value("redis_plan")),
        ),
        "next": next_command(known),
        "next_steps": next_steps(known),
    }


def mode(seen: Seen) -> str:
    """Return what kind of run this is, in words."""
    if seen.value("check_mode", False):
        return "audit: nothing is written"
    if seen.state == LIVE:
        return "a look at an app that has moved: data, secrets and Machines are left alone"
    if seen.value("cutover", False):
        return "cut-over: Heroku is frozen for the length of the window"
    return "rehearsal: nothing on Heroku is written"


def _services(seen: Seen) -> Iterator[Item]:
    app, cluster, redis = seen["app"], seen["cluster"], seen["redis_created"]
    name = seen.value("fly_app")
    if app.get("created") or (not app and not seen["fly"].get("exists")):
        yield CREATE, f"Fly app {name} in organization {seen.value('org')}, with its addresses"
    elif app.get("changed"):
        yield CHANGE, f"addresses of Fly app {name}"
    if seen.value("wants_cluster", False) and cluster.get("created"):
        yield (
            CREATE,
            f"Managed Postgres {seen.value('postgres_name')}: plan {seen.value('postgres_plan')}, PostgreSQL "
            f"{seen.value('postgres_major')}, {seen.value('postgres_disk_gb')} GB, in {seen.value('region')}",
        )
    elif cluster.get("changed"):
        yield CHANGE, f"Managed Postgres {seen.value('postgres_name')}"
    if seen.value("wants_redis", False) and redis.get("created"):
        yield CREATE, f"Upstash Redis {redis.get('name')}, in {seen.value('region')}"


def _secrets(seen: Seen) -> Iterator[Item]:
    if seen.state == LIVE:
        return
    names = seen["secrets"].get("names")
    if names is None:
        classes = seen["heroku"].get("config_names") or {}
        moved = [name for name, entry in classes.items() if entry["class"] in ("transfer", "addon", "alias")]
        existing = seen["fly"].get("secrets") or {}
        names = {name: "unknown" if name in existing else "set" for name in moved}
    for word, verb, text in (
        ("set", CHANGE, "to set on Fly"),
        ("unset", CHANGE, "to unset on Fly"),
        ("unknown", UNKNOWN, "on Fly may differ: Fly does not return values"),
        ("unchanged", LEAVE, "on Fly, equal already"),
    ):
        number = sum(state == word for state in names.values())
        if number:
            yield verb, f"{counted(number, 'secret')} {text}"


def _data(seen: Seen) -> Iterator[Item]:
    if seen.state == LIVE:
        return
    result = seen["database"] or seen["database_plan"]
    verdict = result.get("verdict")
    if verdict in ("unchanged", "copied", "updated"):
        yield LEAVE, "Postgres: equal to Heroku's"
    elif verdict:
        yield (
            COPY,
            f"Postgres: {_size(seen, result)}"
            + (" (what changed since the last copy)" if verdict == "would_update" else ""),
        )
        if verdict == "unknown" and seen.ledger.get("database"):
            yield UNKNOWN, "how much of Postgres changed since the last copy: no tunnel is opened in check mode"
    keys = seen["keys"] or seen["keys_plan"]
    if keys.get("verdict") in ("unchanged", "copied"):
        yield LEAVE, "Redis: equal to Heroku's"
    elif keys.get("verdict"):
        yield COPY, f"Redis: {counted(int((keys.get('counts') or {}).get('source') or 0), 'key')}"


def _size(seen: Seen, result: Mapping[str, Any]) -> str:
    totals = result.get("totals") or {}
    source = (result.get("plan") or {}).get("source") or (seen["database_plan"].get("plan") or {}).get("source") or {}
    parts = [counted(totals["tables"], "table")] if totals.get("tables") is not None else []
    if totals.get("rows"):
        parts.append(counted(totals["rows"], "row"))
    size = source.get("size_bytes") or totals.get("bytes")
    if size:
        parts.append(human_bytes(size))
    seconds = ((seen["database_plan"].get("plan") or {}).get("estimate") or {}).get("read_seconds")
    if seconds:
        parts.append(f"about {human_seconds(seconds)} to read from this machine")
    return ", ".join(parts) or "size unknown"


def _app(seen: Seen) -> Iterator[Item]:
    processes, deploy = seen["processes"], seen["deploy"]
    if seen.state == LIVE:
        return
    if processes.get("differs", processes.get("changed")):
        gone = processes.get("removed_groups") or []
        release = f"; release command {processes['release_command']}" if processes.get("release_command") else ""
        yield (
            CHANGE,
            f"fly.toml: process groups {', '.join(processes.get('processes') or {})}{release}"
            + (f"; {', '.join(gone)} removed" if gone else ""),
        )
    elif processes:
        yield LEAVE, "fly.toml: has the processes already"
    if deploy.get("reasons"):
        yield CREATE if not seen["fly"].get("release") else CHANGE, f"a release: {deploy['reasons'][0]}"
    for group, machine in (processes.get("groups") or {}).items():
        wanted, now = (
            _wanted(seen, group, machine),
            ((seen["fly"].get("groups") or {}).get(group) or {}).get("count", 0),
        )
        size = machine.get("size") or "size as in fly.toml"
        if wanted > now:
            yield CREATE, f"{counted(wanted - now, 'Machine')} for {group} ({size})"
        elif wanted < now:
            yield CHANGE, f"{counted(now - wanted, 'Machine')} to remove from {group}"
        elif not wanted and not seen.value("cutover", False):
            yield LEAVE, f"{group}: no Machine before the cut-over, so that no job runs twice"


def _wanted(seen: Seen, group: str, machine: Mapping[str, Any]) -> int:
    counts = seen.value("machine_counts", {})
    return int(counts.get(group, machine.get("count") or 0) or 0)


def _domains(seen: Seen) -> Iterator[Item]:
    hostnames = seen["certificates"].get("hostnames") or {}
    absent = [name for name, entry in hostnames.items() if entry.get("status") == "absent"]
    if absent:
        yield CREATE, f"{'certificate' if len(absent) == 1 else 'certificates'} for {', '.join(absent)}"
    existing = [name for name in hostnames if name not in absent]
    if existing:
        yield LEAVE, f"certificates for {', '.join(existing)}: requested already"


def _heroku(seen: Seen) -> Iterator[Item]:
    if seen.state == LIVE:
        return
    dynos = [
        f"{entry['type']} {entry['quantity']}" for entry in seen["heroku"].get("formation") or [] if entry["quantity"]
    ]
    if seen.value("cutover", False):
        yield (
            CHANGE,
            f"Heroku: maintenance mode on, {', '.join(dynos) or 'no dynos'} to zero, write fence up; all saved first",
        )
    else:
        yield LEAVE, f"Heroku: {', '.join(dynos) or 'no dynos'}, config vars, add-ons, domains"


def expected_window(seen: Seen) -> dict[str, Any]:
    """Return C(seconds), null if they are unknown, and the same in words."""
    recorded = seen.ledger.get("database") or {}
    spent = sum((recorded.get("seconds") or {}).values())
    if seen.state == LIVE:
        return {"seconds": None, "text": "over"}
    if not seen["heroku"].get("services"):
        return {"seconds": _REST, "text": f"about {_REST} s: there is no data to copy"}
    if recorded.get("verdict") == "updated":
        seconds = _REST + math.ceil(spent)
        return {
            "seconds": seconds,
            "text": f"about {human_seconds(seconds)}, because the last update took {human_seconds(spent)}",
        }
    if recorded:
        seconds = _REST + math.ceil(spent)
        return {"seconds": seconds, "text": f"less than {human_seconds(seconds)}; another rehearsal measures it"}
    return {"seconds": None, "text": "not known yet; the rehearsal measures it"}


def human_bytes(number: float) -> str:
    """Return O(number) of bytes with a unit."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 1000 and len(units) > 1:
        number /= 1000
        units.pop(0)
    unit = units[0]
    return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"


def human_seconds(seconds: float) -> str:
    """Return O(seconds) in the unit that people would use."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
