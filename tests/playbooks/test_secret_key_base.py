# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app whose SECRET_KEY_BASE is its buildpack's, and in no answer of any API: one story, told in order."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import APP, Sandbox, tree

VALUE = "canary-0123456789abcdef$HOME 'it''s' \\n \"#\" é"
STEPS = ("-e", '{"migrate_steps": ["provision", "secrets", "report"]}')
FETCH = (*STEPS, "-e", "migrate_fetch_secret_key_base=true", "-e", "migrate_secrets_state=exact")
SET = '"SECRET_KEY_BASE": "set"'
OUTPUTS: list[str] = []


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("secret_key_base")
    profile = folder / "app" / ".profile.d"
    profile.mkdir(parents=True)
    (profile / "noise.sh").write_text("echo Detected 512 MB available memory; echo SECRET_KEY_BASE=wrong >&2\n")
    (folder / "app" / "Procfile").write_text("web: true\n")
    (folder / "app" / "fly.toml").write_text('app = "paper-crane"\n')
    scenario = {
        "heroku_app": APP,
        # An empty value does not count: the buildpack's replaces it.
        "config": {"RACK_ENV": "production", "SECRET_KEY_BASE": ""},
        "runtime_env": {"SECRET_KEY_BASE": VALUE, "LANG": "en_US.UTF-8"},
        "formation": {"web": {"quantity": 1, "size": "Basic"}},
        "source": "app",
    }
    (folder / "scenario.yml").write_text(json.dumps(scenario))
    sandbox = Sandbox(folder / "box").up("--scenario", str(folder / "scenario.yml"))
    yield sandbox
    sandbox.down()


def play(box: Sandbox, *options: str, rc: int = 0) -> Any:
    run = box.play("migrate", "-vvv", "--diff", *options)
    OUTPUTS.append(run.output)
    assert run.rc == rc, run.output
    return run


def dynos_run(box: Sandbox) -> int:
    return len([r for r in box.writes("heroku") if r["path"] == f"/apps/{APP}/dynos"])


def test_is_not_moved_unless_somebody_says_how(box: Sandbox) -> None:
    run = play(box, *STEPS, rc=2)
    assert "[secret-key-base-missing]" in run.output
    assert "migrate_fetch_secret_key_base" in run.output
    assert box.writes() == []


def test_check_mode_runs_nothing_and_predicts(box: Sandbox) -> None:
    assert SET in play(box, *FETCH, "--check").output
    assert box.writes() == []


def test_arrives_as_the_dynos_have_it(box: Sandbox) -> None:
    run = play(box, *FETCH)
    assert SET in run.output
    assert box.fly["secrets"] == {"RACK_ENV": "production", "SECRET_KEY_BASE": VALUE}
    assert [(r["method"], r["path"], r["status"]) for r in box.writes("heroku")] == [
        ("POST", f"/apps/{APP}/dynos", 201)
    ]
    assert not [name for name in box.heroku["dynos"] if name.startswith("run.")]


def test_second_run_changes_nothing_and_runs_no_dyno(box: Sandbox) -> None:
    before = box.writes()
    run = play(box, *FETCH)
    assert (run.changed, box.writes()) == (0, before)
    assert box.fly["secrets"]["SECRET_KEY_BASE"] == VALUE
    assert play(box, *FETCH, "--check").changed == 0
    assert box.writes() == before


@pytest.mark.slow
def test_release_on_heroku_has_it_read_again_but_not_changed(box: Sandbox) -> None:
    _patch(f"{box.environment['HEROKU_API_URL']}/apps/{APP}/config-vars", {"NEW": "1"}, box)
    before = dynos_run(box)
    assert '"SECRET_KEY_BASE": "unknown"' in play(box, *FETCH, "--check").output
    assert '"SECRET_KEY_BASE": "unchanged"' in play(box, *FETCH).output
    assert dynos_run(box) == before + 1


@pytest.mark.slow
def test_given_one_wins_and_no_dyno_runs(box: Sandbox) -> None:
    before = dynos_run(box)
    play(box, *FETCH, "-e", '{"migrate_secrets": {"SECRET_KEY_BASE": "given"}}')
    assert (dynos_run(box), box.fly["secrets"]["SECRET_KEY_BASE"]) == (before, "given")
    # Another one on Fly, as 'fly launch' makes one too, is not taken for Heroku's.
    play(box, *FETCH)
    assert (dynos_run(box), box.fly["secrets"]["SECRET_KEY_BASE"]) == (before + 1, VALUE)


@pytest.mark.slow
def test_refused_dyno_is_named(box: Sandbox) -> None:
    Path(box.environment["MIGRATE_STATE_DIR"], f"{APP}--{APP}.json").unlink()
    box.fault(f"POST /apps/{APP}/dynos", "--status", "403")
    run = play(box, *FETCH, rc=2)
    for part in (f"one-off dyno of Heroku app {APP}", "403", "scope"):
        assert part in run.output


@pytest.mark.slow
def test_dyno_without_one_is_an_error(box: Sandbox) -> None:
    profile = Path(box.environment["MIGRATE_SOURCE_DIR"], ".profile.d", "unset.sh")
    profile.write_text("unset SECRET_KEY_BASE\n")
    before = box.writes("fly")
    run = play(box, *FETCH, rc=2)
    profile.unlink()
    assert f"SECRET_KEY_BASE of Heroku app {APP}: its dynos do not have it either" in run.output
    assert box.writes("fly") == before


def test_value_shows_nowhere(box: Sandbox) -> None:
    kept = [content.decode(errors="replace") for content in tree(Path(box.environment["MIGRATE_STATE_DIR"])).values()]
    recorded = [json.dumps(box.requests()), (box.directory / "sandbox.log").read_text()]
    assert len(OUTPUTS) in (5, 11)  # without the slow tests, and with them
    for text in (*OUTPUTS, *kept, *recorded):
        assert "canary-0123456789abcdef" not in text


def _patch(url: str, body: dict[str, str], box: Sandbox) -> None:
    headers = {
        "Accept": "application/vnd.heroku+json; version=3",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {box.environment['HEROKU_API_KEY']}",
    }
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PATCH")
    urllib.request.urlopen(request, timeout=30).close()
