# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role makes of the modules' results."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.filter.addon_replacements import addon_replacements
from ansible_collections.flyover.heroku_to_fly.plugins.filter.chosen_steps import chosen_steps
from ansible_collections.flyover.heroku_to_fly.plugins.filter.database_record import database_record
from ansible_collections.flyover.heroku_to_fly.plugins.filter.machine_counts import machine_counts
from ansible_collections.flyover.heroku_to_fly.plugins.filter.nearest_fly_region import nearest_fly_region
from ansible_collections.flyover.heroku_to_fly.plugins.filter.redis_record import redis_record
from ansible_collections.flyover.heroku_to_fly.plugins.filter.wanted_extensions import wanted_extensions
from ansible_collections.flyover.heroku_to_fly.plugins.filter.worker_processes import worker_processes

GROUPS = {"web": "bin/rails server", "worker": "sidekiq", "clock": "clockwork"}


def test_machines_follow_herokus_quantities_whatever_their_case() -> None:
    counts = machine_counts(GROUPS, {"Web": 3, "worker": 0, "gone": 4})
    assert counts == {"web": 3, "worker": 0, "clock": 1}


def test_given_numbers_go_before_herokus() -> None:
    assert machine_counts(GROUPS, {"web": 3}, {"Web": "1", "clock": 0}) == {"web": 1, "worker": 1, "clock": 0}


def test_only_the_chosen_groups_run() -> None:
    assert machine_counts(GROUPS, {"web": 3}, only=["WEB"]) == {"web": 3, "worker": 0, "clock": 0}
    assert machine_counts(GROUPS, {"web": 3}, only=[]) == {"web": 0, "worker": 0, "clock": 0}


def test_a_text_is_taken_for_the_list_that_is_meant() -> None:
    assert machine_counts(GROUPS, {}, only="web, Clock") == {"web": 1, "worker": 0, "clock": 1}
    assert machine_counts(GROUPS, {}, only="") == {"web": 0, "worker": 0, "clock": 0}


@pytest.mark.parametrize("count", ["two", -1, 1.5, True, None])
def test_what_is_not_a_number_of_machines_is_named(count: Any) -> None:
    with pytest.raises(ValueError, match="Process group worker"):
        machine_counts(GROUPS, {}, {"worker": count})


def test_extensions_that_nothing_needs_are_optional_and_come_last() -> None:
    found = [
        {"name": "plpgsql", "source": {"schema": "pg_catalog"}, "needed": True},
        {"name": "pg_stat_statements", "source": {"schema": "heroku_ext"}, "needed": False},
        {"name": "citext", "source": {"schema": "public"}, "needed": True},
        {"name": "on_fly_alone", "source": None, "needed": False},
    ]
    assert wanted_extensions(found) == [
        {"name": "citext", "schema": "public"},
        {"name": "pg_stat_statements", "schema": "heroku_ext", "optional": True},
    ]


def test_each_addon_gets_the_url_of_its_kind() -> None:
    services = [
        {"kind": "postgres", "addon": "postgresql-flat-1"},
        {"kind": "postgres", "addon": "postgresql-follower-2"},
        {"kind": "redis", "addon": "redis-round-3"},
    ]
    urls = {"postgres": "postgres://new", "redis": ""}
    assert addon_replacements(services, urls) == {"postgresql-flat-1": "postgres://new"}
    assert addon_replacements([], urls) == {}


def test_a_copy_is_summed_up() -> None:
    totals = {"tables": 2, "rows": 7, "sequences": 1, "large_objects": 0}
    copied = {"verdict": "copied", "totals": totals, "verified": {"level": "checksums"}, "tables": []}
    assert database_record(copied)["summary"] == (
        "2 tables, 7 rows, 1 sequences, 0 large objects; checksums compared: equal"
    )
    tables = [{"name": "a", "how": "by key"}, {"name": "b", "how": "unchanged"}]
    assert "in 1 tables" in database_record({**copied, "verdict": "updated", "tables": tables})["summary"]
    assert database_record({"verdict": "unchanged"}) == {
        "verdict": "unchanged",
        "totals": {},
        "verified": {},
        "seconds": {},
        "tables": [],
        "summary": "already equal to Heroku's",
    }
    assert database_record({"verdict": "of_tomorrow"})["summary"] == "of_tomorrow"


def test_regions() -> None:
    assert (nearest_fly_region("eu"), nearest_fly_region("tokyo"), nearest_fly_region("mars")) == ("lhr", "nrt", "iad")


@pytest.mark.parametrize(
    ("result", "summary"),
    [
        (
            {"verdict": "copied", "counts": {"source": 3, "foreign": 0}, "verified": {"compared": 3, "differing": 0}},
            "3 keys compared, 0 differ",
        ),
        (
            {"verdict": "copied", "counts": {"foreign": 9}, "verified": {"compared": 3, "differing": 1}},
            "3 keys compared, 1 differ; 9 other keys there were not copied from Heroku",
        ),
        ({"verdict": "unchanged", "counts": {"source": 3}}, "already equal to Heroku's"),
        ({"verdict": "unknown"}, "unknown, because nothing is read through a tunnel in check mode"),
    ],
)
def test_copy_of_redis_in_a_sentence(result: dict[str, Any], summary: str) -> None:
    assert redis_record(result)["summary"] == summary


@pytest.mark.parametrize(
    ("commands", "workers"),
    [
        ({"web": "puma", "worker": "bundle exec sidekiq -c 5", "clock": "clockwork clock.rb"}, ["worker"]),
        ({"web": "puma", "jobs": "rake resque:work", "timer": "rake resque:scheduler"}, ["jobs"]),
        ({"web": "puma", "pro": "sidekiqswarm", "dj": "bin/delayed_job run"}, ["pro", "dj"]),
        ({"web": "puma with sidekiq inside", "mailer": "python mail.py", "release": "rake db:migrate"}, ["mailer"]),
        ({"web": "puma"}, []),
    ],
)
def test_workers_are_told_by_their_commands(commands: dict[str, str], workers: list[str]) -> None:
    rows = [{"type": kind, "quantity": 1, "command": command} for kind, command in commands.items()]
    assert worker_processes(rows) == workers


@pytest.mark.parametrize(
    ("run_tags", "skip_tags", "chosen"),
    [
        (["all"], [], ["provision", "secrets", "report"]),
        (["preflight"], [], ["provision", "secrets", "report"]),
        (["report", "secrets"], [], ["secrets", "report"]),
        (["all"], ["provision"], ["secrets", "report"]),
        (["cutover"], [], []),
    ],
)
def test_tags_choose_steps(run_tags: list[str], skip_tags: list[str], chosen: list[str]) -> None:
    assert chosen_steps(["provision", "secrets", "report"], run_tags, skip_tags) == chosen
