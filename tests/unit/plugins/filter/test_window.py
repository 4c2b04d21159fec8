# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The freeze window: what decides it, how long it takes, and what a failure leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.filter.dns_records import dns_records
from ansible_collections.flyover.heroku_to_fly.plugins.filter.failure_report import failure_report
from ansible_collections.flyover.heroku_to_fly.plugins.filter.first_cause import first_cause
from ansible_collections.flyover.heroku_to_fly.plugins.filter.freeze_state import freeze_state
from ansible_collections.flyover.heroku_to_fly.plugins.filter.heroku_changes import heroku_changes
from ansible_collections.flyover.heroku_to_fly.plugins.filter.hook_files import hook_files
from ansible_collections.flyover.heroku_to_fly.plugins.filter.new_records import new_records
from ansible_collections.flyover.heroku_to_fly.plugins.filter.thaw_failures import thaw_failures
from ansible_collections.flyover.heroku_to_fly.plugins.filter.window_forecast import window_forecast
from ansible_collections.flyover.heroku_to_fly.plugins.filter.window_left import window_left
from ansible_collections.flyover.heroku_to_fly.plugins.filter.window_phases import window_phases

FREEZE = {"formation": {"web": 2, "worker": 1, "clock": 0}, "maintenance": False, "opened_at": "2026-11-26T18:00:00Z"}
FAILED = {"name": "Copy", "msg": "The target is full."}


def heroku(maintenance: bool = False, release: int = 41, addon: str = "pg-1", **quantities: int) -> dict[str, Any]:
    return {
        "app": {"maintenance": maintenance},
        "formation": [{"type": kind, "quantity": number} for kind, number in quantities.items()],
        "services": [{"addon": addon, "kind": "postgres"}],
        "release_version": release,
    }


def test_what_changed_on_heroku_is_named() -> None:
    assert heroku_changes(heroku(web=2, worker=1), heroku(web=2, worker=1)) == []
    assert heroku_changes(heroku(web=2, worker=1), heroku(True, 42, "pg-2", web=4)) == [
        "web: 2 dynos became 4",
        "worker: 1 dynos became 0",
        "maintenance mode became on",
        "release v41 became v42",
        "add-on pg-1 was detached",
        "add-on pg-2 was attached",
    ]


@pytest.mark.parametrize(
    ("app", "ledger", "fence", "expected"),
    [
        (heroku(web=2), {}, None, ("none", {})),
        (heroku(True, web=2), {}, None, ("none", {})),
        (heroku(web=0), {}, None, ("none", {})),
        (heroku(True, web=0), {}, {"raised": False, "record": None}, ("unknown", {})),
        (heroku(True, web=0), FREEZE, None, ("frozen", FREEZE)),
        (heroku(True, web=0), {}, {"raised": True, "record": {**FREEZE, "lease": {"pid": 1}}}, ("frozen", FREEZE)),
        # Killed between the two writes that freeze Heroku, or before them.
        (heroku(True, web=2), FREEZE, None, ("frozen", FREEZE)),
        (heroku(web=2), FREEZE, {"raised": False}, ("stale", FREEZE)),
        (heroku(web=2), {}, {"raised": False, "record": FREEZE}, ("stale", FREEZE)),
        # Thawed by hand, except for the fence.
        (heroku(web=2), FREEZE, {"raised": True}, ("frozen", FREEZE)),
    ],
)
def test_freeze_is_found_wherever_it_is_on_record(
    app: dict[str, Any], ledger: dict[str, Any], fence: dict[str, Any] | None, expected: tuple[str, dict[str, Any]]
) -> None:
    found = freeze_state(app, ledger, fence)
    assert (found["state"], found["record"]) == expected


def test_a_given_formation_is_used_only_where_nothing_else_tells() -> None:
    frozen, given = {**heroku(True, web=0), "release_version": 7}, ({"web": 7}, "2026-11-26T18:00:00Z")
    record = {
        "opened_at": "2026-11-26T18:00:00Z",
        "maintenance": False,
        "formation": {"web": 7},
        "release_version": 7,
    }
    assert freeze_state(frozen, {}, {}, {}, *given) == {"state": "frozen", "record": record}
    assert freeze_state(frozen, FREEZE, {}, {}, *given)["record"] == FREEZE
    assert freeze_state(heroku(web=2), {}, {}, {}, *given) == {"state": "none", "record": {}}


def test_without_a_database_the_machines_have_the_record() -> None:
    machines = {"machines": [{"metadata": {}}, {"metadata": {"flyover_freeze": '{"formation": {"web": 1}}'}}, {}]}
    assert freeze_state(heroku(True, web=0), {}, {}, machines) == {
        "state": "frozen",
        "record": {"formation": {"web": 1}},
    }


def test_forecast_is_the_last_pass_and_the_rest() -> None:
    assert window_forecast({"seconds": {"survey": 3.2, "apply": 1.1}}) == 17
    assert window_forecast({"seconds": {"survey": 3.2}}, {"seconds": 2.5}) == 18
    assert window_forecast({}, {"verdict": "unchanged"}) == 12
    assert window_forecast({}) == 12


def test_time_left_of_a_window() -> None:
    assert window_left(1000.0, 990.0, 0) == 0
    assert window_left(1000.0, 990.0, 60) == 50
    assert window_left(1000.9, 990.0, 11) == 1
    assert window_left(990.0, 87390.0, 60) == 60  # the clock was set back by a day
    with pytest.raises(ValueError, match=r"more than 10 seconds, its limit \(migrate_window_limit\)"):
        window_left(1000.0, 990.0, 10)


def test_phases_of_a_window() -> None:
    times = {"opened": 10.0, "frozen": 13.5, "copied": 15.0, "verified": 17.0, "closed": 18.5}
    phases = {"freeze": 3.5, "data": 1.5, "start": 2.0, "seal": 1.5}
    assert window_phases(times) == {"seconds": 8.5, "accepted": 7.0, "phases": phases}
    assert window_phases({"opened": 10.0, "closed": 18.5}) == {"seconds": 8.5, "phases": {"seal": 8.5}}
    assert window_phases({"closed": 18.5}) == {}
    set_back = {"opened": 100.0, "frozen": 103.0, "copied": 5.0, "verified": 7.0, "closed": 8.0}
    phases = {"freeze": 3.0, "data": 0.0, "start": 0.0, "seal": 0.0}
    assert window_phases(set_back) == {"seconds": 3.0, "accepted": 0, "phases": phases}


def test_hooks_are_found_from_where_the_run_was_started() -> None:
    hooks = {"before_seal": ["dns.yml", "/etc/chat.yml"], "before_freeze": ["pause.yml"]}
    assert hook_files(hooks, "/srv") == ["/srv/pause.yml", "/srv/dns.yml", "/etc/chat.yml"]
    assert hook_files(hooks, "/srv", "before_seal") == ["/srv/dns.yml", "/etc/chat.yml"]
    assert hook_files(hooks, "/srv", "after_cutover") == hook_files({}, "/srv") == []


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ({"before_dns": ["x.yml"]}, "there is no hook before_dns. Choose from before_freeze"),
        ({"before_seal": "x.yml"}, "migrate_hooks.before_seal: it is not a list"),
        ({"before_seal": [{"file": "x.yml"}]}, "migrate_hooks.before_seal: it is not a list"),
        ({"before_seal": [""]}, "migrate_hooks.before_seal: it is not a list"),
        ({"before_seal": None}, "migrate_hooks.before_seal: it is not a list"),
    ],
)
def test_what_is_not_a_hook_is_named(hooks: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hook_files(hooks, "/srv")


def test_no_hooks_are_no_files() -> None:
    assert hook_files(None, "/srv") == []
    with pytest.raises(ValueError, match="it is not a dict"):
        hook_files(["dns.yml"], "/srv")  # type: ignore[arg-type]


def test_dns_records_are_one_list() -> None:
    hostnames = {"a.example.com": {"dns_records": [{"type": "A"}, {"type": "AAAA"}]}, "b.example.com": {}}
    assert dns_records(hostnames) == [
        {"hostname": "a.example.com", "type": "A"},
        {"hostname": "a.example.com", "type": "AAAA"},
    ]


def test_equal_copies_keep_their_earlier_record() -> None:
    records = {"database": {"verdict": "updated"}, "redis": {"verdict": "unchanged"}, "other": {}}
    assert new_records(records, {"database": {}, "redis": {}}) == {"database": {"verdict": "updated"}}


def test_equal_copies_are_recorded_where_the_ledger_was_lost() -> None:
    records = {"database": {"verdict": "unchanged"}, "redis": {"verdict": "unknown"}}
    assert new_records(records, {}) == {"database": {"verdict": "unchanged"}}


def test_first_cause() -> None:
    assert first_cause({"msg": "no"}) == "no"
    assert first_cause({}) == "no message"
    assert (
        first_cause({"msg": "One or more items failed", "results": [{"msg": "a"}, {"failed": True, "msg": "b"}]}) == "b"
    )
    limit = "exceeded its limit (migrate_window_limit)"
    late = {"failed": True, "async_result": {}, "msg": "async task did not complete within the requested time - 9s"}
    assert limit in first_cause(late)
    assert limit in first_cause({"failed": True, "ansible_job_id": "j1.2", "msg": "Timeout exceeded", "finished": True})
    assert first_cause({"failed": True, "msg": "Timeout exceeded"}) == "Timeout exceeded"
    assert "although the write fence was up: tables: x." in first_cause({"drift_since_raised": ["tables: x"]})
    assert first_cause({"ended": True}).startswith("It was stopped because of another host: ")


def test_failed_steps_of_a_thaw() -> None:
    steps = {
        "machines": [{"failed": True, "msg": "503"}, {"failed": True, "msg": "template"}],
        "fence": [{"skipped": True}, {}],
        "formation": [{"failed": True}],
    }
    assert thaw_failures(steps) == {"machines": "503", "formation": "no message"}


AGAIN = "Fix the cause and run the same command again."


def test_a_failure_that_froze_nothing_says_so() -> None:
    assert failure_report(FAILED, "h", "f", {}) == (
        f"Stopped at 'Copy': The target is full. Heroku app h was not frozen. {AGAIN}"
    )


def test_error_that_ansible_has_just_printed_is_not_printed_again() -> None:
    assert failure_report({**FAILED, "shown": True}, "h", "f", {}) == (
        f"Stopped at 'Copy'. Heroku app h was not frozen. {AGAIN}"
    )


def test_what_another_run_does_is_not_told() -> None:
    assert failure_report(FAILED, "h", "f", None) == "Stopped at 'Copy': The target is full."


def test_a_run_without_preflight_is_told_how_to_choose_steps() -> None:
    said = failure_report({"name": "Deploy", "msg": "'x' is undefined", "unprepared": True}, "h", "f", None)
    assert said.startswith("Stopped at 'Deploy': preflight did not run")
    assert "choose steps with --tags or migrate_steps" in said


def test_a_task_without_a_name_or_a_full_stop() -> None:
    failed = {"name": "", "msg": "DNS says no"}
    assert failure_report(failed, "h", "f", None) == "Stopped: DNS says no."
    assert failure_report(failed, "h", "f", {}) == f"Stopped: DNS says no. Heroku app h was not frozen. {AGAIN}"
    assert failure_report({**failed, "shown": True}, "h", "f", {"freeze": FREEZE}, {}).startswith(
        "Stopped: DNS says no. Heroku app h is back in service"
    )


def test_a_ledger_that_cannot_be_changed_is_not_a_heroku_that_does_not_serve() -> None:
    said = failure_report({}, "h", "f", {"freeze": FREEZE}, {"ledger": "ledger x: it cannot be written (disk full)."})
    assert said.startswith("Heroku app h is back in service: ")
    assert "The ledger still has the freeze, because it could not be changed (ledger x: it cannot be written" in said
    said = failure_report({}, "h", "f", {"freeze": FREEZE}, {"ledger": "full.", "fence": "no."})
    assert "NOT fully" in said
    assert "Not put back (ledger)" not in said


def test_one_off_dynos_that_were_stopped_are_named() -> None:
    ledger = {"freeze": FREEZE, "one_off_dynos": [{"name": "run.1", "command": "rake report"}]}
    for thaw in ({}, {"fence": "x"}):
        said = failure_report(FAILED, "h", "f", ledger, thaw)
        assert "do not start again by themselves (run.1: rake report)." in said


def test_a_thaw_says_what_is_back() -> None:
    said = failure_report(FAILED, "h", "f", {"freeze": FREEZE}, {})
    assert said.startswith("Stopped at 'Copy': The target is full. Heroku app h is back in service: ")
    assert "dynos run as before (web=2 worker=1)" in said
    assert "maintenance mode is off as before" in said
    assert "The Machines on Fly stay stopped until the next rehearsal." in said


def test_after_a_thaw_an_error_that_was_printed_before_is_only_recalled() -> None:
    failed = {"name": "Copy", "msg": "Redis at 10.0.0.1:6379: it is full. Give it more memory.", "shown": True}
    said = failure_report(failed, "h", "f", {"freeze": FREEZE}, {})
    assert said.startswith("Stopped at 'Copy': Redis at 10.0.0.1:6379: it is full. Heroku app h is back in service")


def test_a_thaw_that_fails_names_causes_and_commands() -> None:
    said = failure_report(FAILED, "h", "f", {"freeze": FREEZE}, {"formation": "Heroku answered 503.", "machines": "no"})
    assert "NOT fully back in service" in said
    assert "Put back: the database accepts writes, maintenance mode is off as before." in said
    assert "Not put back (formation): Heroku answered 503." in said
    assert "Not put back (machines): no. Run 'ansible-playbook" in said
    assert "heroku ps:scale web=2 worker=1 -a h" in said
    assert "fly machine stop $(fly machine list -q -a f) -a f" in said
    assert "maintenance:off" not in said


def test_a_rollback_that_fails_has_no_first_cause() -> None:
    assert failure_report({}, "h", "f", {"freeze": FREEZE}, {"fence": "x"}).startswith("Heroku app h is NOT fully")


def test_a_run_that_fails_while_heroku_is_frozen_says_so() -> None:
    said = failure_report(FAILED, "h", "f", {"freeze": FREEZE})
    assert "Heroku app h has been frozen since 2026-11-26T18:00:00Z" in said
    assert "heroku ps:scale web=2 worker=1 -a h; heroku maintenance:off -a h" in said
    assert "flyover.heroku_to_fly.rollback" in said


@pytest.mark.parametrize("ledger", [{"sealing": {}, "cutover": {"completed_at": "x"}}, {"sealing": {"began_at": "x"}}])
def test_after_the_point_of_no_return_nothing_is_put_back(ledger: dict[str, Any]) -> None:
    said = failure_report(FAILED, "h", "f", {"freeze": FREEZE, **ledger})
    assert "The app is live on Fly (f)" in said
    assert "same command again: it finishes" in said
    assert "ps:scale" not in said


def test_after_the_end_a_failure_is_only_a_failure() -> None:
    ledger = {"freeze": FREEZE, "sealing": {}, "cutover": {}, "finished": {}}
    assert failure_report(FAILED, "h", "f", ledger) == f"Stopped at 'Copy': The target is full. {AGAIN}"


def test_maintenance_mode_that_was_on_stays_on() -> None:
    freeze = {**FREEZE, "maintenance": True, "formation": {}}
    said = failure_report(FAILED, "h", "f", {"freeze": freeze}, {"maintenance": "x", "formation": "y"})
    assert "heroku maintenance:on -a h" in said
    assert "ps:scale" not in said
