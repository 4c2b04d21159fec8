# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What changed since an earlier report, by name: config vars, secrets, processes and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import LIVE, SCHEMA

# Those whose value goes to Fly as it is.
_MOVED = ("transfer", "addon")
Drift = dict[str, str]


def earlier(paths: Iterable[str]) -> dict[str, Any]:
    """Return the first report among the JSON files O(paths) that exists and can be compared with, else {}."""
    for path in paths:
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("schema") == SCHEMA:
            return found
    return {}


def since(former: Mapping[str, Any], now: Mapping[str, Any], names: Mapping[str, str]) -> list[Drift]:
    """Return what differs between two reports, each with C(id), C(name) and C(text); nothing without O(former).

    O(names) tells what a run would do with each secret, as M(flyover.heroku_to_fly.fly_secrets) returns it.
    """
    if not former:
        return []
    # Once the app lives on Fly, what happens on Heroku no longer matters.
    heroku = [] if now["status"] == LIVE else [*_config_vars(former, now, names), *_tables(former, now)]
    return [*heroku, *_secrets(former, now), *_processes(former, now)]


def _config_vars(former: Mapping[str, Any], now: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Drift]:
    before, after = _part(former, "config"), _part(now, "config")
    classes = {name: f" ({found['class']})" for name, found in after.items()}
    yield from _came_and_went("config-var", " on Heroku", before, after, classes)
    for name in sorted(before.keys() & after.keys()):
        was, is_now = before[name].get("class"), after[name]["class"]
        same_on_fly = _digest(former, name) == _digest(now, name) != ""
        if was != is_now:
            yield _drift("config-var-class", name, f"config var {name} is {is_now} now, and was {was}")
        elif is_now in _MOVED and names.get(name) == "set" and same_on_fly:
            yield _drift("config-var-changed", name, f"config var {name} has another value on Heroku")


def _tables(former: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Drift]:
    before, after = set(former.get("tables") or []), set(now["tables"])
    if not before or not after:
        return  # one of the two runs did not read the database
    yield from _came_and_went("table", " on Heroku", before, after)


def _secrets(former: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Drift]:
    before, after = _part(former, "secrets"), _part(now, "secrets")
    yield from _came_and_went("secret", " on Fly.io", before, after)
    for name in sorted(before.keys() & after.keys()):
        digests = _digest(former, name), _digest(now, name)
        if all(digests) and digests[0] != digests[1]:
            yield _drift("secret-changed", name, f"secret {name} was changed on Fly.io")


def _processes(former: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Drift]:
    before, after = _part(former, "processes"), _part(now, "processes")
    if not before or not after:
        return  # the Procfile could not be read
    yield from _came_and_went("process", "", before, after)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield _drift("process-changed", name, f"process {name} has another command")


def _came_and_went(
    kind: str, where: str, before: Iterable[str], after: Iterable[str], notes: Mapping[str, str] | None = None
) -> Iterator[Drift]:
    """Yield what was added, with its note in O(notes), then what was removed; O(where) is part of the sentence."""
    words, was, is_now = kind.replace("-", " "), set(before), set(after)
    for name in sorted(is_now - was):
        yield _drift(f"{kind}-added", name, f"{words} {name} was added{where}{(notes or {}).get(name, '')}")
    for name in sorted(was - is_now):
        yield _drift(f"{kind}-removed", name, f"{words} {name} was removed{where}")


def _part(report: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = report.get(key)
    return dict(found) if isinstance(found, Mapping) else {}


def _digest(report: Mapping[str, Any], name: str) -> str:
    return str((_part(report, "secrets").get(name) or {}).get("digest") or "")


def _drift(name: str, subject: str, text: str) -> Drift:
    return {"id": name, "name": subject, "text": text}
