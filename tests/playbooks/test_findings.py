# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings from every source in one list: the play fails once, after its report, and names everything that blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.unit import traps

from .conftest import Sandbox

SCENARIO = """
heroku_app: paper-crane
source: app
config: {SECRET_KEY_BASE: x, PROCFILE: services/api/Procfile}
addons:
  - {plan: "heroku-kafka:basic-0", as: KAFKA, config: {KAFKA_URL: "kafka+ssl://example"}}
formation:
  web: {quantity: 1, size: Standard-1X}
  mailer: {quantity: 2, size: Standard-1X, command: "python3 worker.py --mail"}
"""


@pytest.fixture
def blocked(tmp_path: Path) -> Iterator[Sandbox]:
    """Yield an app that cannot be moved, for three reasons that three modules tell."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Procfile").write_text("web: python3 web.py\n")
    (tmp_path / "app" / "web.py").write_text("import os\n\nprint(os.environ['DYNO'])\n")
    (tmp_path / "app" / "Dockerfile").write_text("FROM python:3.13\n")
    (tmp_path / "app" / "fly.toml").write_text("app = 'paper-crane'\n")
    (tmp_path / "scenario.yml").write_text(SCENARIO)
    box = Sandbox(tmp_path / "box").up("--scenario", str(tmp_path / "scenario.yml"))
    try:
        yield box
    finally:
        box.down()


@pytest.mark.parametrize("playbook", ["audit", pytest.param("migrate", marks=pytest.mark.slow)])
def test_all_that_blocks_in_one_message_after_the_report(blocked: Sandbox, playbook: str) -> None:
    hostnames = '{"migrate_hostnames": ["https://x"], "migrate_accept_findings": ["env-dyno:web.py"]}'
    run = blocked.play(playbook, "-e", hostnames)
    assert run.rc != 0
    assert run.recap("failed") == 1, run.output
    message = run.output[run.output.index("fatal:") :]
    for name in ("kafka", "process-nowhere", "fly-certificate"):
        assert f"[{name}]" in message, run.output
    assert "2 of mailer (python3 worker.py --mail)" in message
    # The report, or the plan in an audit, comes first.
    assert "procfile-variable" in run.output[: run.output.index("fatal:")]
    assert blocked.writes() == []
    if playbook == "audit":
        lenient = blocked.play(playbook, "-e", "migrate_audit_fail_on=never").succeeded()
        assert lenient.recap("failed") == 0
        assert "  block kafka" in lenient.output
        assert blocked.writes() == []
    else:
        (report,) = Path(blocked.environment["MIGRATE_STATE_DIR"]).glob("*.report.json")
        levels = {entry["id"]: entry["level"] for entry in json.loads(report.read_text())["findings"]}
        assert levels["kafka"] == levels["process-nowhere"] == levels["fly-certificate"] == "block"
        assert levels["env-dyno"] == "info"


TRAPS = """
heroku_app: paper-crane
source: app
config: {SECRET_KEY_BASE: x, RAILS_MAX_THREADS: "5", STRIPE_PRIVATE_KEY: x}
addons:
  - {plan: "heroku-postgresql:standard-0", as: DATABASE}
formation:
  web: {quantity: 2, size: Standard-1X}
  worker: {quantity: 1, size: Standard-1X}
  clock: {quantity: 1, size: Standard-1X}
"""


def test_every_trap_in_the_source_and_the_url_that_it_needs(tmp_path: Path) -> None:
    wanted = traps.write(tmp_path / "app")
    (tmp_path / "scenario.yml").write_text(TRAPS)
    box = Sandbox(tmp_path / "box").up("--scenario", str(tmp_path / "scenario.yml"))
    try:
        folder = ("-e", f"migrate_source_dir={tmp_path / 'app'}")  # the checkout itself
        run = box.play("audit", "-v", *folder, ANSIBLE_CALLBACK_RESULT_FORMAT="json").succeeded()
        starts = (match.end() for match in re.finditer(r"^ok: \[localhost\] => (?=\{)", run.output, re.MULTILINE))
        results = (json.JSONDecoder().raw_decode(run.output, start)[0] for start in starts)
        gathered = next(result for result in results if "unmatched" in result)
        found = {(row["id"], row["path"], row.get("line", 0)) for row in gathered["findings"] if row.get("path")}
        assert found == wanted
        assert "sk_canary" not in run.output
        assert box.writes() == []
        # Advisory locks and settings of a session are among the traps.
        steps = '{"migrate_steps": ["preflight", "provision", "secrets"]}'
        box.play("migrate", "-e", steps, *folder).succeeded()
        assert "@localhost:" in box.fly["secrets"]["DATABASE_URL"]
        box.play("migrate", "-e", steps, *folder, "-e", "migrate_postgres_pooled=true").succeeded()
        assert "@127.0.0.1:" in box.fly["secrets"]["DATABASE_URL"]
    finally:
        box.down()
