# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Checks of the add-ons that Fly.io has no service for."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    AFTER,
    BLOCK,
    DAY,
    INFO,
    WARN,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.attachments import KINDS
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.check import Check, Facts, Words

STATIC_IP = frozenset(
    {"fixie", "fixie-socks", "ipburger", "proximo"} | {"quotaguard", "quotaguardshield", "quotaguardstatic", "statica"}
)
AUTOSCALERS = frozenset({"adept-scale", "hirefire", "judoscale", "rails-autoscale"})
AUTOSCALER_VARS = ("HIREFIRE_TOKEN", "JUDOSCALE_URL", "RAILS_AUTOSCALE_URL")


def _addons(facts: Facts, *services: str) -> Iterator[Words]:
    for addon in facts.inventory.addons:
        if addon["service"] in services:
            yield {"addon": addon["name"], "service": addon["service"], "plan": addon["plan"]}


def _to_replace(facts: Facts) -> Iterator[Words]:
    known = {*KINDS, *STATIC_IP, *AUTOSCALERS, "heroku-kafka", "scheduler"}
    return _addons(facts, *{addon["service"] for addon in facts.inventory.addons} - known)


def _autoscalers(facts: Facts) -> Iterator[Words]:
    found = [{"what": f"{words['addon']} ({words['service']})"} for words in _addons(facts, *AUTOSCALERS)]
    names = [name for name in AUTOSCALER_VARS if name in facts.inventory.config]
    if not found and names:
        found = [{"what": f"an autoscaler ({', '.join(names)})"}]
    yield from found


def _jobs(known: bool, facts: Facts) -> Iterator[Words]:
    jobs = facts.scheduler_jobs
    for words in _addons(facts, "scheduler"):
        if not known and jobs is None:
            yield words
        elif known and jobs:
            yield {**words, "jobs": f"{len(jobs)} job{'s' * (len(jobs) > 1)}"}


CHECKS = (
    Check(
        id="addon-to-replace",
        level=WARN,
        urgency=AFTER,
        means=(
            "An add-on that Fly.io has no service for. Its config vars are copied and work until the "
            "add-on or the Heroku app is destroyed."
        ),
        todo="Take out a plan with the provider itself and replace the credentials.",
        text="the add-on {addon} ({plan}) works after the move, until it or the app is destroyed.",
        remedy="Take out a plan with the provider itself and replace the add-on's credentials with those of the plan.",
        find=_to_replace,
    ),
    Check(
        id="autoscaler",
        level=WARN,
        means="Judoscale, HireFire or the like can start dynos again in the freeze window.",
        todo="Turn it off before the cut-over.",
        text="it is scaled by {what}, which can start dynos again in the freeze window.",
        remedy=("Turn it off before the cut-over; on Fly.io use autostop and autostart, or its metrics autoscaler."),
        find=_autoscalers,
    ),
    Check(
        id="kafka",
        level=BLOCK,
        means="Apache Kafka on Heroku ends with the Heroku app and is not moved.",
        todo="Move it to another provider first.",
        text=("it uses Apache Kafka on Heroku ({addon}), which ends with the Heroku app and is not moved."),
        remedy="Move it to another provider of Kafka first.",
        find=lambda facts: _addons(facts, "heroku-kafka"),
    ),
    Check(
        id="scheduler-jobs",
        level=INFO,
        urgency=DAY,
        means="The jobs of Heroku Scheduler that you listed must be set up again.",
        todo=("Use scheduled Machines or a scheduler in the app, and turn the jobs off on Heroku before the cut-over."),
        text="{jobs} of Heroku Scheduler ({addon}) will not run on Fly.io by themselves.",
        remedy=(
            "Set them up as scheduled Machines or in the app (sidekiq-cron, solid_queue), and turn "
            "them off on Heroku before the cut-over."
        ),
        find=lambda facts: _jobs(True, facts),
    ),
    Check(
        id="scheduler-jobs-unknown",
        level=BLOCK,
        means="The app has Heroku Scheduler, whose jobs no API shows.",
        todo="List them in `migrate_scheduler_jobs`; `[]` says there are none.",
        text="it uses Heroku Scheduler ({addon}), whose jobs no API shows.",
        remedy=(
            "Look them up with 'heroku addons:open {addon}' and give them as scheduler_jobs (in the "
            "role: migrate_scheduler_jobs); an empty list says that there are none."
        ),
        find=lambda facts: _jobs(False, facts),
    ),
    Check(
        id="static-ip",
        level=WARN,
        means="The app sends outbound traffic through static addresses, which partners may have allow-listed.",
        todo="Take out a plan with the provider itself, or allocate a static egress IP on Fly.io and tell partners.",
        text=(
            "it sends outbound traffic through static addresses of {addon} ({service}), which partners may have "
            "allow-listed."
        ),
        remedy="Take out a plan with the provider itself, or allocate a static egress IP on Fly.io and tell partners.",
        find=lambda facts: _addons(facts, *STATIC_IP),
    ),
)
