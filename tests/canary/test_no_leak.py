# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is shown: canaries are planted as values, passwords and tokens, and everything printed or kept is searched.

FLYOVER_ANSIBLE_BIN names the bin folder of another ansible-core to run with.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, CHECKOUT, Sandbox, tree

OTHER_CORE = os.environ.get("FLYOVER_ANSIBLE_BIN")
BIN = Path(OTHER_CORE or Path(sys.executable).parent)
WARM = CHECKOUT / "tests" / "tools" / "warm-playbook"
PLAYBOOK = [str(BIN / "ansible-playbook")] if OTHER_CORE else [sys.executable, str(WARM)]
HERE = Path(__file__).parent
CONFIG = {
    "SECRET_KEY_BASE": "canary-0f1e2d3c4b5a",
    "API_URL": "https://user:canary-in-url@example.com/path?token=canary-token#canary-fragment",
    "PEM": "-----BEGIN CANARY-----\ncanary-line-one\ncanary-line-two\n-----END CANARY-----\n",
    "JSON": '{"password": "canary-json", "n": 1}',
    "QUOTED": "canary-'single' \"double\" \\back $dollar `tick`",
    "UNICODE": "canary-žluťoučký-🐎",
    "SHORT": "e",
    "WORD": "set",
    "NUMBER": "2",
}
VISIBLE = {"SHORT", "WORD", "NUMBER"}  # also ordinary words in every output


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("canary")
    guide = CHECKOUT / "tests" / "sandbox" / "scenarios" / "guide"
    scenario = {
        "heroku_app": APP,
        "config": CONFIG,
        "addons": [
            {"plan": "heroku-postgresql:standard-0", "as": "DATABASE", "sql": str(guide / "seed.sql")},
            {"plan": "heroku-redis:mini", "as": "REDIS", "commands": str(guide / "seed.redis")},
        ],
        "formation": {"web": {"quantity": 1, "size": "Basic"}, "worker": {"quantity": 0, "size": "Basic"}},
        "source": str(guide / "app"),
    }
    path = folder / "scenario.yml"
    path.write_text(json.dumps(scenario), encoding="utf-8")
    box = Sandbox(folder / "box").up("--scenario", str(path))
    yield box
    box.down()


def canaries(sandbox: Sandbox) -> dict[str, str]:
    """Return every secret in each form in which it could appear."""
    secrets = {name: value for name, value in CONFIG.items() if name not in VISIBLE}
    secrets |= {name: sandbox.environment[name] for name in ("HEROKU_API_KEY", "FLY_API_TOKEN")}
    for name in ("SOURCE_DATABASE", "TARGET_DATABASE", "SOURCE_REDIS", "TARGET_REDIS"):
        secrets[name] = str(urlsplit(sandbox.environment[f"SANDBOX_{name}_URL"]).password)
    forms: dict[str, str] = {}
    for name, value in secrets.items():
        lines = [line for line in value.splitlines() if "CANARY-----" not in line]
        for number, line in enumerate(lines):
            forms[f"{name} line {number}"] = line
            forms[f"{name} line {number} as JSON"] = json.dumps(line)[1:-1]
            forms[f"{name} line {number} as ASCII"] = json.dumps(line, ensure_ascii=True)[1:-1]
            forms[f"{name} line {number} in a URL"] = quote(line, safe="")
        forms[f"{name} in base64"] = base64.b64encode(value.encode()).decode().rstrip("=")
    for part in ("canary-in-url", "canary-token", "canary-fragment", "canary-json"):
        forms[part] = part
    return forms


def shown(sandbox: Sandbox, *texts: str) -> list[str]:
    """Return the names of the secrets that can be read in O(texts)."""
    return sorted({name for name, form in canaries(sandbox).items() for text in texts if form in text})


def play(sandbox: Sandbox, playbook: Path | str, *options: str, **environment: str) -> tuple[int, str]:
    """Run a playbook with the highest verbosity."""
    done = subprocess.run(
        [*PLAYBOOK, str(playbook), "-vvvv", "--diff", *options],
        cwd=CHECKOUT,
        env={
            **os.environ,
            **sandbox.environment,
            "PATH": f"{BIN}{os.pathsep}{sandbox.environment['PATH']}",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_search_finds_every_form(sandbox: Sandbox) -> None:
    for name, form in canaries(sandbox).items():
        assert len(form) > 7, name
        assert name in shown(sandbox, f"some {form} text")


def test_check_mode_of_the_whole_role(sandbox: Sandbox) -> None:
    rc, output = play(sandbox, "playbooks/migrate.yml", "--check")
    assert rc == 0, output[-3000:]
    assert shown(sandbox, output) == []


def test_cut_over_its_ledger_and_its_report(sandbox: Sandbox) -> None:
    rc, output = play(sandbox, "playbooks/migrate.yml", "-e", "migrate_cutover=true")
    assert rc == 0, output[-3000:]
    state = Path(sandbox.environment["MIGRATE_STATE_DIR"])
    kept = [content.decode(errors="replace") for content in tree(state).values()]
    assert len(kept) >= 3
    assert shown(sandbox, output, *kept) == []
    assert {path.stat().st_mode & 0o077 for path in state.iterdir() if path.is_file()} == {0}


@pytest.mark.parametrize("option", ["--check", "--flush-cache"])
def test_single_modules_without_no_log(sandbox: Sandbox, option: str, tmp_path: Path) -> None:
    variables: dict[str, Any] = {
        "values": CONFIG,
        "source_database": sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"],
        "target_database": sandbox.environment["SANDBOX_TARGET_DATABASE_URL"],
        "source_redis": sandbox.environment["SANDBOX_SOURCE_REDIS_URL"],
        "target_redis": sandbox.environment["SANDBOX_TARGET_REDIS_URL"],
        "ledger": str(tmp_path / "ledger.json"),
    }
    path = tmp_path / "variables.json"
    path.write_text(json.dumps(variables), encoding="utf-8")
    _rc, output = play(sandbox, HERE / "modules.yml", "-e", f"@{path}", option)
    assert "PLAY RECAP" in output
    assert "unexpected" not in output, output[-3000:]
    assert shown(sandbox, output) == []
