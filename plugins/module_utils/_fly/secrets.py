# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Fly secrets, which cannot be read back: Fly only shows a digest, which nobody else can compute.

A secret is known to be unchanged if its value has the fingerprint in the ledger, and Fly still shows the digest and
time that it returned when that value was written. Everything else is C(unknown): it is compared inside a Machine, or
written again and judged by the digests before and after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Optional

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.ledger import Ledger, fingerprint
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.machines import (
    DEPLOYED,
    by_group,
    secret_statuses,
)

SET, UNSET, UNCHANGED, UNKNOWN = "set", "unset", "unchanged", "unknown"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Set by 'fly mpg attach', 'fly redis create' and 'fly storage create', so not ours to remove.
ATTACHED = frozenset({"DATABASE_URL", "REDIS_URL", "BUCKET_NAME", "AWS_ENDPOINT_URL_S3"})
STORAGE = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"})  # with AWS_ENDPOINT_URL_S3
EXEC_TIMEOUT = 30  # seconds

Values = Mapping[str, Optional[str]]


@dataclass(frozen=True)
class Wanted:
    """What the app's secrets should be."""

    values: Values
    exact: bool = False
    keep: Sequence[str] = ()  # names and globs
    remove_attached: bool = False
    undetermined: Sequence[str] = ()


@dataclass
class Plan:
    """What happens to each secret, by name."""

    names: dict[str, str] = field(default_factory=dict)

    def having(self, *outcomes: str) -> list[str]:
        """Return the names with one of these outcomes."""
        return [name for name, outcome in self.names.items() if outcome in outcomes]


def checked(secrets: Mapping[str, Any]) -> dict[str, str | None]:
    """Return O(secrets); raises InputError, before anything is written, for a name or value that Fly cannot accept."""
    for name, value in secrets.items():
        if not NAME.fullmatch(name):
            raise InputError(
                f"secret {name!r}",
                "a name may contain only letters, digits and _, and cannot begin with a digit",
                "Rename it, also in the app; nothing was written.",
            )
        if value is not None and not isinstance(value, str):
            raise InputError(
                f"secret {name}",
                f"its value has the type {type(value).__name__}, but secrets are strings",
                "Put the value in quotes, so that YAML does not convert it; nothing was written.",
            )
        flaw = _flaw(value or "")
        if flaw:
            raise InputError(f"secret {name}", flaw, "Encode it, with base64 for example; nothing was written.")
    return dict(secrets)


def _flaw(value: str) -> str:
    """Return why O(value) cannot be in an environment, or nothing."""
    if "\0" in value:
        return "its value contains a NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "its value is not valid Unicode text"
    return ""


def ensure_secrets(
    fly: FlyAPI, app: str, wanted: Wanted, ledger: Ledger | None, verify: str, check_mode: bool
) -> dict[str, Any]:
    """Write what differs in one request, without any restart; return the module's result."""
    if fly.app(app) is None:
        if not check_mode:
            raise StateError(f"Fly app {app}", "it does not exist", "Create it first (module fly_app).")
        present: list[dict[str, Any]] = []
        machines: list[dict[str, Any]] = []
        releases: list[dict[str, Any]] = []
    else:
        present, machines, releases = fly.secrets(app), fly.machines(app), fly.releases(app, limit=50)
    found = {secret["name"]: secret for secret in present}
    known = ledger.load() if ledger else {}
    plan = _plan(app, wanted, found, known, check_mode)
    if verify == "machine" and plan.having(UNKNOWN):
        _look_inside(fly, app, wanted, plan, machines, secret_statuses(present, machines, releases))
    # Remember what a Machine proved equal.
    seen = [
        name
        for name in plan.having(UNCHANGED)
        if name in found and not _remembered(known, app, found[name], wanted.values[name])
    ]
    before, predicted = dict(found), dict(plan.names)
    version = None
    to_write = [name for name in plan.having(SET, UNSET, UNKNOWN) if name not in wanted.undetermined]
    if not check_mode and to_write:
        answer = fly.update_secrets(app, {name: wanted.values.get(name) for name in to_write})
        version = answer["version"]
        for name in plan.having(UNSET):
            found.pop(name, None)
        answered = {secret["name"]: secret for secret in answer["secrets"] or []}
        found.update(answered)
        for name in plan.having(UNKNOWN):
            if name in to_write:
                same = name in answered and before[name].get("digest") == answered[name].get("digest", "none")
                plan.names[name] = UNCHANGED if same else SET
    if ledger and not check_mode and (to_write or seen):
        _remember(ledger, app, wanted.values, [*to_write, *seen], found)
    statuses = secret_statuses(found.values(), machines, releases)
    return {
        "changed": bool(plan.having(SET, UNSET)) or (check_mode and bool(to_write)),
        "names": dict(sorted(plan.names.items())),
        "statuses": dict(sorted(statuses.items())),
        "version": version,
        "diff": _diff(before, predicted),
    }


def _plan(app: str, wanted: Wanted, found: Mapping[str, Any], known: Mapping[str, Any], check_mode: bool) -> Plan:
    plan = Plan()
    for name, value in wanted.values.items():
        if value is None:
            plan.names[name] = UNSET if name in found else UNCHANGED
        elif name not in found:
            plan.names[name] = SET
        else:
            entry = known.get("secrets", {}).get(app, {}).get(name)
            if not entry or any(entry[key] != found[name].get(key) for key in ("digest", "updated_at")):
                plan.names[name] = UNKNOWN
            else:
                same = entry["fingerprint"] == fingerprint(known, app, name, value)
                plan.names[name] = UNCHANGED if same else SET
    for name in wanted.undetermined:
        plan.names[name] = SET if check_mode and name not in found else UNKNOWN
    if wanted.exact:
        protected = set() if wanted.remove_attached else _attached(found)
        for name in found:
            kept = name in protected or any(fnmatchcase(name, pattern) for pattern in wanted.keep)
            if name not in plan.names and not kept:
                plan.names[name] = UNSET
    return plan


def _attached(found: Iterable[str]) -> set[str]:
    names = set(found)
    return (names & ATTACHED) | (names & STORAGE if "AWS_ENDPOINT_URL_S3" in names else set())


def _look_inside(
    fly: FlyAPI,
    app: str,
    wanted: Wanted,
    plan: Plan,
    machines: Iterable[dict[str, Any]],
    statuses: Mapping[str, str],
) -> None:
    """Compare with the environment of a started Machine those secrets whose current values are deployed."""
    started = [m for own in by_group(machines).values() for m in own if m["state"] == "started"]
    names = [name for name in plan.having(UNKNOWN) if statuses.get(name) == DEPLOYED and name in wanted.values]
    if not started or not names:
        return
    # Every image with a shell has cat; the kernel separates variables by NUL, which none can contain.
    answer = fly.exec(app, started[0]["id"], ["cat", "/proc/self/environ"], EXEC_TIMEOUT)
    if answer.get("exit_code", 0) != 0:
        return
    pairs = (entry.partition("=") for entry in str(answer.get("stdout", "")).split("\0"))
    environment = {name: value for name, equals, value in pairs if equals}
    for name in names:
        if name in environment:
            plan.names[name] = UNCHANGED if environment[name] == wanted.values[name] else SET


def _remembered(known: Mapping[str, Any], app: str, secret: Mapping[str, Any], value: str | None) -> bool:
    entry = known.get("secrets", {}).get(app, {}).get(secret["name"])
    return bool(
        entry and value is not None and entry["fingerprint"] == fingerprint(known, app, secret["name"], value)
    ) and all(entry[key] == secret.get(key) for key in ("digest", "updated_at"))


def _remember(
    ledger: Ledger, app: str, values: Values, names: Iterable[str], found: Mapping[str, Mapping[str, Any]]
) -> None:
    with ledger.change() as content:
        entries = content.setdefault("secrets", {}).setdefault(app, {})
        for name in names:
            value = values.get(name)
            if value is None or name not in found:
                entries.pop(name, None)
            else:
                entries[name] = {
                    "fingerprint": fingerprint(content, app, name, value),
                    "digest": found[name].get("digest"),
                    "updated_at": found[name].get("updated_at"),
                }


def _diff(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return the diff, with names and digests only."""
    before = {name: found[name].get("digest", "") for name in sorted(found)}
    after = dict(before)
    for name, outcome in names.items():
        if outcome == UNSET:
            after.pop(name, None)
        elif outcome == SET:
            after[name] = "(new value)"
        elif outcome == UNKNOWN:
            after[name] = f"{before.get(name, '')} (unknown whether its value differs)".strip()
    return {
        "before": "".join(f"{name}: {text}\n" for name, text in sorted(before.items())),
        "after": "".join(f"{name}: {text}\n" for name, text in sorted(after.items())),
    }
