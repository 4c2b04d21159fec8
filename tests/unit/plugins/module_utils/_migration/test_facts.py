# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which findings a report has: those of preflight, and what the steps found and kept in the ledger."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen, facts, window

LIVE = {"cutover": {"completed_at": "2026-11-26T18:00:00Z"}, "freeze": {"opened_at": "2026-11-26T17:59:00Z"}}


def finding(name: str, text: str, level: str = "warn") -> dict[str, Any]:
    return {"id": name, "level": level, "text": text, "remedy": "Look at it."}


def shown(ledger: dict[str, Any], *expected: dict[str, Any], accepted: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the findings of a report, texts and levels, where preflight has found O(expected)."""
    results = {"ledger": {"ledger": ledger}, "findings": list(expected), "accepted": list(accepted), "fly": {}}
    return {row["text"]: row["level"] for row in facts(Seen(results))["findings"]}


def test_what_steps_found_in_the_window_is_in_the_report() -> None:
    found = {
        "one_off_dynos": [finding("one-off-dynos", "run.1 was stopped")],
        "drained": [finding("redis-not-drained", "7 jobs were left")],
        "redis_late_keys": [finding("redis-late-keys-left", "1 key came late")],
    }
    assert set(shown({**LIVE, "found": found})) == {"run.1 was stopped", "7 jobs were left", "1 key came late"}


def test_findings_of_the_seal_are_those_of_all_later_reports() -> None:
    then, now = finding("redis-was-a-cache", "Then"), finding("aptfile", "Now")
    assert set(shown({**LIVE, "findings": [then]}, now)) == {"Then"}
    assert set(shown({**LIVE, "findings": []}, now)) == set()
    # Before the cut-over, and for a ledger that has none.
    assert set(shown({"freeze": LIVE["freeze"], "findings": [then]}, now)) == {"Now"}
    assert set(shown(LIVE, now)) == {"Now"}


def test_it_can_be_accepted_by_its_id() -> None:
    found = {"redis_late_keys": [finding("redis-late-keys-left", "1 key came late")]}
    assert shown({"found": found}, accepted=("redis-late-keys-left",)) == {"1 key came late": "info"}


def test_the_copy_of_redis_tells_more_than_the_look_before_it() -> None:
    ledger = {"found": {"redis": [finding("redis-jobs", "5 jobs", "info"), finding("redis-clients", "1 client")]}}
    before = (finding("redis-jobs", "3 jobs", "info"), finding("aptfile", "An Aptfile"))
    assert shown(ledger, *before) == {"5 jobs": "info", "1 client": "warn", "An Aptfile": "warn"}


def test_dynos_that_run_now_are_told_though_others_were_stopped_before() -> None:
    ledger = {"found": {"one_off_dynos": [finding("one-off-dynos", "run.1 was stopped")]}}
    now = finding("one-off-dynos", "run.2 runs")
    assert set(shown(ledger, now)) == {"run.1 was stopped", "run.2 runs"}
    assert set(shown({**LIVE, **ledger}, now)) == {"run.1 was stopped"}


def test_phases_of_the_window_follow_each_other_though_the_ledger_has_them_by_name() -> None:
    phases = {"data": 1.5, "freeze": 3.5, "seal": 1.5}
    cutover = {"completed_at": "2026-11-26T18:00:09Z", "window": {"seconds": 6.5, "phases": phases}}
    found = window({"freeze": {"opened_at": "2026-11-26T18:00:00Z"}, "cutover": cutover})
    assert list(found["phases"]) == ["freeze", "data", "seal"]
