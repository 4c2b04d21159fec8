# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a person does next, in each state of a migration: the steps lead the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import (
    FROZEN,
    LIVE,
    NOT_STARTED,
    REHEARSED,
)

PLAYBOOK = "ansible-playbook flyover.heroku_to_fly"
MIGRATE, ROLLBACK = f"{PLAYBOOK}.migrate", f"{PLAYBOOK}.rollback"
CUT_OVER = f"{MIGRATE} -e migrate_cutover=true"


def next_steps(facts: Mapping[str, Any]) -> list[str]:
    """Return the next steps, the first one first."""
    return {
        NOT_STARTED: _before_the_rehearsal,
        REHEARSED: _before_the_cut_over,
        FROZEN: _in_the_window,
        LIVE: _after_the_cut_over,
    }[facts["status"]](facts)


def next_command(facts: Mapping[str, Any]) -> str:
    """Return the command to run next, "" once nothing is left to run."""
    if facts["status"] == LIVE:
        return ""
    blocked = any(finding["level"] == "block" for finding in facts["findings"])
    if blocked:
        return f"{PLAYBOOK}.audit"
    return MIGRATE if facts["status"] == NOT_STARTED else CUT_OVER


def _before_the_rehearsal(facts: Mapping[str, Any]) -> list[str]:
    steps = _urgent(facts, "Before the first run")
    return [*steps, f"Rehearse, which writes nothing to Heroku: {MIGRATE}"]


def _before_the_cut_over(facts: Mapping[str, Any]) -> list[str]:
    steps = [
        f"Try the app at {facts['url']}; run {MIGRATE} again as often as you like.",
        *_urgent(facts, "Before the cut-over"),
    ]
    names = ", ".join(facts["certificates"])
    if names:
        steps.append(f"Lower the TTL of the DNS records of {names} to 60 seconds, a day before the cut-over.")
    if any(record["name"].startswith("_acme-challenge") for record in dns_records(facts)):
        steps.append(
            "Create the report's _acme-challenge records now, so that certificates are ready; visitors notice nothing."
        )
    return [*steps, f"Cut over: {CUT_OVER}"]


def _in_the_window(facts: Mapping[str, Any]) -> list[str]:
    return [
        f"{facts['heroku_app']} is frozen: visitors see the maintenance page. Finish the cut-over: {CUT_OVER}",
        f"Or put Heroku back into service: {ROLLBACK}",
    ]


def _after_the_cut_over(facts: Mapping[str, Any]) -> list[str]:
    steps = []
    names = ", ".join(facts["certificates"])
    if names:
        steps.append(
            f"Point the DNS of {names} to Fly with the DNS records in the report. Until their former TTL has passed, "
            "visitors who still reach Heroku see its maintenance page."
        )
    steps.append(
        f"Watch: fly status -a {facts['fly_app']}, fly logs -a {facts['fly_app']}, and your own error tracker."
    )
    steps += _urgent(facts, "From now on")
    if facts["scheduler_jobs"]:
        steps.append("Set up the jobs of Heroku Scheduler again; they no longer run.")
    if facts["addons_to_replace"]:
        addons = [addon["name"] for addon in facts["addons_to_replace"]]
        which = f"add-ons {', '.join(addons)}; each" if addons[1:] else f"add-on {addons[0]}, which"
        steps.append(f"Replace the {which} works until it or the Heroku app is destroyed.")
    steps.append(
        f"Heroku bills its add-ons until they are destroyed. Once DNS has moved and you will not go back, take a last "
        f"backup and run 'heroku apps:destroy -a {facts['heroku_app']}'."
    )
    steps.append(f"To go back and lose what was written on Fly since: {ROLLBACK} -e migrate_discard_fly_writes=true")
    return steps


def _urgent(facts: Mapping[str, Any], when: str) -> list[str]:
    urgency = "day" if facts["status"] == LIVE else "before"
    found = [finding for finding in facts["findings"] if finding["urgency"] == urgency and finding["level"] != "info"]
    ids = [finding["id"] for finding in found]
    return [f"{when}, settle these findings: {', '.join(dict.fromkeys(ids))}."] if ids else []


def dns_records(facts: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the DNS records to create, each with its hostname and the status of its certificate."""
    return [
        {"hostname": hostname, "status": entry.get("status", "unknown"), **record}
        for hostname, entry in facts["certificates"].items()
        for record in entry.get("dns_records") or []
    ]
