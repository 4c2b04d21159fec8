# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The present state, from the ledger and from what the steps read. No times of this run: a second run is equal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import accept

SCHEMA = 1
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_MOVED = ("heroku-postgresql", "heroku-redis")
NOT_STARTED, REHEARSED, FROZEN, LIVE = STATES = ("not started", "rehearsed", "frozen", "live")
_URGENCIES = ("before", "day", "after")
# The window's phases as they follow each other; the ledger's file has them by name.
_PHASES = ("freeze", "data", "start", "seal")

# What a run in check mode would change, by the name of the step's result.
_DRIFT = {
    "app": "Fly app",
    "cluster": "Postgres cluster",
    "redis_created": "Redis database",
    "secrets": "secrets",
    "database": "data in Postgres",
    "keys": "keys in Redis",
    "dockerfile": "Dockerfile",
    "processes": "fly.toml",
    "deploy": "deploy",
    "certificates": "certificates",
}


class Seen:
    """What the steps of a run returned, by name. A step that was skipped, or not taken yet, has nothing."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        """Take results of modules and values of the role's variables."""
        self._results = results

    def __getitem__(self, name: str) -> dict[str, Any]:
        found = self._results.get(name)
        return dict(found) if isinstance(found, Mapping) and not found.get("skipped") else {}

    def value(self, name: str, default: Any = "") -> Any:
        """Return one value, not a result."""
        found = self._results.get(name)
        return default if found is None else found

    def changed(self, name: str) -> bool:
        """Return whether a step changed something, or would."""
        return bool(self[name].get("changed"))

    @property
    def ledger(self) -> dict[str, Any]:
        """The ledger's sections."""
        return dict(self["ledger"].get("ledger") or {})

    @property
    def state(self) -> str:
        """How far the migration is, of STATES."""
        if (self.ledger.get("cutover") or {}).get("completed_at"):
            return LIVE
        if "freeze" in self.ledger:
            return FROZEN
        return REHEARSED if self["fly"].get("machines") else NOT_STARTED


def facts(seen: Seen) -> dict[str, Any]:
    """Return the report as data."""
    heroku, fly, processes, ledger = seen["heroku"], seen["fly"], seen["processes"], seen.ledger
    frozen = (ledger.get("freeze") or {}).get("formation") or {}
    return {
        "schema": SCHEMA,
        "heroku_app": seen.value("heroku_app"),
        "fly_app": seen.value("fly_app"),
        "url": seen.value("url"),
        "status": seen.state,
        "state": sentence(seen),
        "findings": findings(seen),
        "config": heroku.get("config_names") or {},
        "secrets": fly.get("secrets") or {},
        "database": ledger.get("database") or {},
        "database_size": _database_size(seen),
        "tables": _tables(seen),
        "redis": ledger.get("redis") or {},
        "processes": processes.get("processes") or {},
        # Heroku's formation is at zero once it is frozen.
        "sizes": {
            group: {**machine, "count": frozen.get(group, machine.get("count"))}
            for group, machine in (processes.get("groups") or {}).items()
        },
        "release_command": processes.get("release_command") or "",
        "machines": fly.get("groups") or {},
        "certificates": seen["certificates"].get("hostnames") or {},
        "addons_to_replace": [addon for addon in heroku.get("addons") or [] if addon["service"] not in _MOVED],
        "scheduler_jobs": seen.value("scheduler_jobs", []),
        "window": window(ledger),
        "drift": [],
    }


def sentence(seen: Seen) -> str:
    """Return the state in one sentence without a full stop."""
    if seen.state == LIVE:
        return f"live on Fly.io since {seen.ledger['cutover']['completed_at']}"
    return {
        FROZEN: "Heroku frozen, not yet cut over",
        REHEARSED: "rehearsed on Fly.io, live on Heroku",
        NOT_STARTED: "live on Heroku, nothing runs on Fly.io",
    }[seen.state]


def findings(seen: Seen) -> list[dict[str, Any]]:
    """Return the findings that still hold, the most urgent first, and of these the most serious."""
    # Maintenance mode is our own doing while the ledger has a freeze; a Dockerfile may be there by now.
    gone = ["maintenance-on"] if "freeze" in seen.ledger else []
    if seen.changed("dockerfile") and not seen.value("check_mode", False):
        gone += ["generated-dockerfile", "aptfile"]
    # Once the app is live, neither the source nor the data on Heroku is looked at: the ledger has what was found then.
    kept = seen.ledger.get("findings") if seen.state == LIVE else None
    rows = seen.value("findings", []) if kept is None else kept
    # What a step found while it worked replaces what preflight expected.
    of_steps = seen.ledger.get("found") or {}
    gone += [row["id"] for step, own in of_steps.items() if step == "redis" or seen.state == LIVE for row in own]
    found = [finding for finding in rows if finding["id"] not in gone and not _done(finding, seen)]
    found += accept([row for own in of_steps.values() for row in own], seen.value("accepted", []))[0]
    found += _certificate_findings(seen)
    return sorted(
        ({**finding, "urgency": urgency(finding)} for finding in found),
        key=lambda finding: (_URGENCIES.index(finding["urgency"]), ("block", "warn", "info").index(finding["level"])),
    )


def _done(finding: Mapping[str, Any], seen: Seen) -> bool:
    """Return whether this run has already done what a finding of preflight announced: the next run will not find it."""
    deployed = (bool(seen["deploy"]) or "cutover" in seen.ledger) and not seen.value("check_mode", False)
    return deployed and finding["id"] == "fly-toml-warning" and "the next deploy " in finding["text"]


def urgency(finding: Mapping[str, Any]) -> str:
    """Return when a finding matters: what it says itself, else by its level."""
    given = finding.get("urgency")
    return str(given) if given in _URGENCIES else "after" if finding["level"] == "info" else "before"


def _certificate_findings(seen: Seen) -> list[dict[str, Any]]:
    hostnames = seen["certificates"].get("hostnames") or {}
    pending = [name for name, entry in hostnames.items() if entry.get("status") not in ("active", "ready", "absent")]
    if not pending or seen.state not in (REHEARSED, FROZEN):
        return []
    return [
        {
            "id": "certificates-pending",
            "level": "warn",
            "urgency": "before",
            "text": f"Fly app {seen.value('fly_app')}: no certificate yet for {', '.join(pending)}. After the cut-over "
            "visitors get a TLS error until there is one.",
            "remedy": "Create the _acme-challenge records of the report now; they change nothing for visitors.",
        }
    ]


def _database_size(seen: Seen) -> dict[str, Any]:
    """Return what would be copied, only if nothing is recorded: it differs in every run."""
    plan = seen["database_plan"].get("plan") or {}
    awaited = (seen["database"] or seen["database_plan"]).get("verdict") in ("unknown", "would_copy")
    if not plan or not awaited or "database" in seen.ledger:
        return {}
    return {
        "bytes": plan["source"]["size_bytes"],
        "read_seconds": (plan.get("estimate") or {}).get("read_seconds") or 0,
    }


def _tables(seen: Seen) -> list[str]:
    """Return the names of the tables on Heroku, or of those that were copied once Heroku is no longer read."""
    found = seen["database_plan"].get("tables") or (seen.ledger.get("database") or {}).get("tables") or []
    return sorted(table["name"] for table in found)


def window(ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Return the freeze window that led to the cut-over, {} before it."""
    opened, cutover = (ledger.get("freeze") or {}).get("opened_at"), ledger.get("cutover") or {}
    closed, measured = cutover.get("completed_at"), cutover.get("window") or {}
    if not opened or not closed:
        return {}
    seconds = (datetime.strptime(closed, _TIME) - datetime.strptime(opened, _TIME)).total_seconds()
    found = {"opened_at": opened, "closed_at": closed, "seconds": int(seconds), **measured}
    if "phases" in measured:
        found["phases"] = {name: measured["phases"][name] for name in _PHASES if name in measured["phases"]}
    return found


def changes(seen: Seen) -> list[str]:
    """Return the names of what a run changed, or would."""
    return [words for name, words in _DRIFT.items() if seen.changed(name)]
