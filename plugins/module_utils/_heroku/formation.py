# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Dyno quantities of a Heroku app, and the wait until its dynos are actually down or up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.polling import poll
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.dynos import one_off_dynos

POLL_SECONDS = 2.0
# An idle dyno is an Eco dyno that sleeps until the next request.
RUNNING = frozenset({"up", "idle"})
# The release phase is in the formation, but never has a dyno that keeps running.
NEVER_RUNS = frozenset({"release"})


def ensure_quantities(
    heroku: HerokuAPI,
    app: str,
    quantities: Mapping[str, Any],
    wait: bool,
    wait_timeout: float,
    check_mode: bool,
    stop_others: bool = False,
) -> dict[str, Any]:
    """Set the quantities that differ with one PATCH, then wait at most O(wait_timeout) seconds; return the result.

    With O(stop_others), dynos outside the formation are stopped meanwhile. The PATCH returns before anything has
    happened: a dyno has 30 seconds to exit. Raises InputError for an unknown process type or an invalid quantity,
    before any write; StateError if the wait times out.
    """
    wanted = {str(kind): _quantity(str(kind), value) for kind, value in quantities.items()}
    before = {str(entry["type"]): int(entry["quantity"]) for entry in heroku.formation(app)}
    unknown = sorted(set(wanted) - set(before))
    if unknown:
        raise InputError(
            f"formation of Heroku app {app}",
            f"it has no process type {', '.join(unknown)}",
            f"Use the types that it has: {', '.join(sorted(before)) or 'none'}.",
        )
    differing = {kind: quantity for kind, quantity in sorted(wanted.items()) if before[kind] != quantity}
    if differing and not check_mode:
        heroku.scale(app, differing)
    others: dict[str, Any] = {}
    if stop_others:
        found = one_off_dynos(heroku, app, True, wait_timeout, check_mode)
        others = {"stopped_dynos": found["dynos"], "findings": found["findings"]}
    if wait and not check_mode:
        dynos, settled = poll(
            lambda: heroku.dynos(app), lambda seen: not _late(wanted, seen), wait_timeout, POLL_SECONDS, first=0.5
        )
        if not settled:
            raise _timeout(app, wait_timeout, _late(wanted, dynos))
    else:
        dynos = heroku.dynos(app)
    return {
        **others,
        "changed": bool(differing or others.get("stopped_dynos")),
        "before": before,
        "after": {**before, **wanted},
        "other_dynos": sorted(str(dyno["name"]) for dyno in dynos if dyno["type"] not in before),
        "diff": {
            "before": "".join(f"{kind}: {before[kind]}\n" for kind in differing),
            "after": "".join(f"{kind}: {quantity}\n" for kind, quantity in differing.items()),
        },
    }


def _quantity(kind: str, value: Any) -> int:
    """Return a quantity as an int; a template may have turned it into a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(
            f"option quantities, process type {kind}",
            "this is not a number of dynos",
            "Give a whole number, 0 or more.",
        )
    return value


def _late(wanted: Mapping[str, int], dynos: list[dict[str, Any]]) -> list[str]:
    """Return a line for each thing that is not yet as wanted."""
    late: list[str] = []
    for kind, quantity in sorted(wanted.items()):
        of_kind = [dyno for dyno in dynos if dyno["type"] == kind]
        if quantity == 0:
            late.extend(f"{dyno['name']} is still {dyno['state']}" for dyno in of_kind)
        elif kind not in NEVER_RUNS:
            up = sum(dyno["state"] in RUNNING for dyno in of_kind)
            if up != quantity or len(of_kind) != quantity:
                states = ", ".join(f"{dyno['name']} {dyno['state']}" for dyno in of_kind) or "none exist"
                late.append(f"{up} of {quantity} dynos of {kind} are up ({states})")
    return late


def _timeout(app: str, seconds: float, late: list[str]) -> StateError:
    return StateError(
        f"dynos of Heroku app {app}",
        f"after {seconds:g} seconds {'; '.join(late)}",
        f"Check 'heroku ps -a {app}' and 'heroku logs -a {app}'. 'heroku ps:stop DYNO' stops a dyno; first turn off "
        "any autoscaler that would restart it. Then run again.",
        late=late,
    )
