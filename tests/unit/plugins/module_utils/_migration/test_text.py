# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and report as people see them."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen, facts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.next_steps import next_steps
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.plan import plan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.text import (
    WIDTH,
    plan_lines,
    report_lines,
)

AUDIT = """
paper-crane (Heroku) to paper-crane (Fly.io, personal, iad)
Audit: nothing is written. Now: live on Heroku, nothing runs on Fly.io.

  + create  Fly app paper-crane in organization personal, with its addresses
  + create  Managed Postgres paper-crane-db: plan basic, PostgreSQL 17, 10 GB, in iad
  + create  Upstash Redis paper-crane-redis, in iad
  + create  a release: the app has never been released
  + create  2 Machines for web (shared-cpu-1x)
  + create  certificates for example.com, www.example.com
  ~ change  21 secrets to set on Fly
  ~ change  fly.toml: process groups web, worker; release command bin/rails db:migrate; app removed
  > copy    Postgres: 45 tables, 37.0 MB
  > copy    Redis: 86 keys
  = leave   worker: no Machine before the cut-over, so that no job runs twice
  = leave   Heroku: web 2, worker 1, config vars, add-ons, domains

Plan: 6 to create, 2 to change, 2 to copy, 2 left alone.
Freeze window: not known yet; the rehearsal measures it.
Costs on Fly.io (list prices of 2026-11, https://fly.io/docs/about/pricing/):
  $ Managed Postgres paper-crane-db, plan basic: $38 a month and storage by the GB
  $ Upstash Redis: pay as you go, by commands and storage
  $ 2 Machines for web (shared-cpu-1x, 512 MB): by the second while they run
Before the cut-over: 2 findings
  warn  addon-to-replace
        Heroku app paper-crane: the add-on rollbar-flat-25839 (rollbar:free) works after the move,
        until it or the app is destroyed. Take out a plan with the provider itself and replace the
        add-on's credentials with those of the plan.
  warn  tls-redis-code
        Heroku app paper-crane: redis-flat-17920 speaks TLS with a certificate that nobody can
        verify; code for it often says VERIFY_NONE. Look for ssl_params and VERIFY_NONE in the code:
        harmless with the new redis:// URL in most clients, but remove it in any case.
After the cut-over: 3 findings
  dropped-urls (2), hidden-defaults
The findings in full: the same with -e migrate_audit_dir=FOLDER
Next: ansible-playbook flyover.heroku_to_fly.migrate
"""


def text(lines: list[str]) -> str:
    assert all(len(line) <= WIDTH for line in lines if " " in line.strip())
    assert all(line == line.rstrip() for line in lines)
    return "\n".join(lines)


def plan_of(seen: dict[str, Any]) -> str:
    return text(plan_lines(plan(Seen(seen), facts(Seen(seen))), in_full=False))


def report_of(seen: dict[str, Any]) -> str:
    found = facts(Seen(seen))
    return text(report_lines(found, next_steps(found), {"markdown": "/srv/report.md"}))


def test_plan_of_an_app_that_is_not_there_yet(audit: dict[str, Any]) -> None:
    assert plan_of(audit) == AUDIT.strip()


def test_plan_before_the_first_write_tells_what_only_preflight_knows(audit: dict[str, Any]) -> None:
    looked = {**audit["processes"], "changed": False, "differs": True}
    early = {
        **audit,
        "processes": looked,
        "check_mode": False,
        "secrets": {},
        "database": {},
        "keys": {"skipped": True},
        "deploy": {},
    }
    lines = plan_of({**early, "keys_plan": audit["keys"]})
    assert "Rehearsal: nothing on Heroku is written." in lines
    assert "  ~ change  19 secrets to set on Fly" in lines
    assert "  > copy    Postgres: 45 tables, 37.0 MB" in lines
    assert "  > copy    Redis: 86 keys" in lines
    assert (
        "  ~ change  fly.toml: process groups web, worker; release command bin/rails db:migrate; app removed" in lines
    )


def test_plan_after_the_rehearsal_names_window_and_next_command(rehearsed: dict[str, Any]) -> None:
    lines = plan_of(rehearsed)
    assert "Plan: 0 to create, 0 to change, 2 to copy" in lines
    assert "  = leave   21 secrets on Fly, equal already" in lines
    assert "  ? unknown how much of Postgres changed since the last copy" in lines
    assert "Freeze window: about 15 s, because the last update took 3.0 s." in lines
    assert "certificates-pending" in lines
    assert "Next: ansible-playbook flyover.heroku_to_fly.migrate -e migrate_cutover=true" in lines


def test_plan_of_a_cut_over_says_what_is_done_to_heroku(rehearsed: dict[str, Any]) -> None:
    lines = plan_of({**rehearsed, "check_mode": False, "cutover": True, "machine_counts": {"web": 2, "worker": 1}})
    assert "Cut-over: Heroku is frozen for the length of the window." in lines
    assert "  ~ change  Heroku: maintenance mode on, web 2, worker 1 to zero, write fence up; all saved first" in lines
    assert "  + create  1 Machine for worker (shared-cpu-2x)" in lines


def test_a_finding_that_blocks_comes_first_and_the_audit_is_next(audit: dict[str, Any]) -> None:
    kafka = {
        "id": "kafka",
        "level": "block",
        "text": "Kafka is not moved.",
        "remedy": "Move it.",
        "path": "a.rb",
        "line": 3,
    }
    lines = plan_of({**audit, "findings": [*audit["findings"], kafka]})
    assert lines.index("  block kafka (a.rb:3)") < lines.index("  warn  addon-to-replace")
    assert lines.endswith("Next: ansible-playbook flyover.heroku_to_fly.audit")


def test_findings_to_know_are_named_only(audit: dict[str, Any]) -> None:
    warn, info = (
        {"id": level, "level": level, "urgency": "before", "text": "T.", "remedy": "R."} for level in ("warn", "info")
    )
    lines = plan_of({**audit, "findings": [info, warn, info]}).splitlines()
    start = lines.index("Before the cut-over: 3 findings")
    assert lines[start + 1 : start + 4] == ["  warn  warn", "        T. R.", "  also  info (2)"]


def test_what_the_deploy_has_done_is_no_finding_of_the_report(rehearsed: dict[str, Any]) -> None:
    texts = [
        "fly.toml: the next deploy destroys the Machines of 'app'.",
        "fly.toml: [http_service] stops idle Machines.",
    ]
    found = [{"id": "fly-toml-warning", "level": "info", "text": text, "remedy": "Look."} for text in texts]
    seen = {**rehearsed, "findings": found}
    kept = [finding["text"] for finding in facts(Seen({**seen, "check_mode": False}))["findings"]]
    assert texts[0] not in kept
    assert texts[1] in kept
    assert texts[0] in [finding["text"] for finding in facts(Seen(seen))["findings"]]


def test_report_after_the_cut_over_leads_to_dns_and_to_the_end_of_heroku(live: dict[str, Any]) -> None:
    lines = report_of(live)
    for part in (
        "paper-crane (Heroku), paper-crane (Fly.io): live on Fly.io since 2026-11-26T18:00:09Z",
        "  Window    8.5 s from 2026-11-26T18:00:00Z (freeze 3.5 s, data 1.5 s, start 2.0 s, seal 1.5 s)",
        "  Machines  web 2, worker 1",
        "  Domain    www.example.com: certificate pending_validation, DNS does not point to Fly yet",
        "  1. Point the DNS of www.example.com to Fly with the DNS records in the",
        "Set up the jobs of Heroku Scheduler again",
        "Replace the add-on rollbar-",
        "heroku apps:destroy -a paper-crane",
        "Report (markdown): /srv/report.md",
    ):
        assert part in lines


def test_nothing_at_all_is_still_a_plan_and_a_report() -> None:
    bare = {"heroku_app": "a", "fly_app": "b", "url": "https://b.fly.dev", "org": "o", "region": "iad"}
    assert "Plan: 1 to create, 0 to change, 0 to copy, 1 left alone." in plan_of(bare)
    assert "  Postgres  not copied yet" in report_of(bare)
