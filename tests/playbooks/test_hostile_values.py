# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Config vars arrive byte for byte, whatever they hold; and what became of them is told truthfully."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.guides_pipe import current_docs, old_guide
from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.hostile_values import VALUES

from .conftest import APP, Run, Sandbox

CONFIG = {f"VALUE_{number}": value for number, value in enumerate(VALUES.values())}
STEPS = ("-e", '{"migrate_steps": ["provision", "secrets"]}')


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "app").mkdir()
    (folder / "app" / "Procfile").write_text("web: true\n")
    (folder / "app" / "fly.toml").write_text('app = "paper-crane"\n')
    scenario = {
        "heroku_app": APP,
        "config": {**CONFIG, "SECRET_KEY_BASE": "example"},
        "formation": {"web": {"quantity": 1, "size": "Basic"}},
        "source": "app",
    }
    (folder / "scenario.yml").write_text(json.dumps(scenario))
    sandbox = Sandbox(folder / "box").up("--scenario", str(folder / "scenario.yml"))
    yield sandbox
    sandbox.down()


def names(run: Run) -> dict[str, str]:
    """Return what the role showed to have become of each secret."""
    task = run.output.index("Show the result for each secret")
    start = run.output.index('"msg": ', task) + len('"msg": ')
    found: dict[str, str] = json.JSONDecoder().raw_decode(run.output[start:])[0]
    return found


def test_the_guides_pipes_are_what_they_are_known_to_be() -> None:
    assert len(VALUES) >= 60
    old = {what: old_guide({"V": value}).get("V") for what, value in VALUES.items()}
    docs = {what: current_docs({"V": value}).get("V") for what, value in VALUES.items()}
    assert (old["hash inside"], docs["hash inside"]) == ("'a", "a#b")
    assert docs["JSON"] != VALUES["JSON"]
    assert old["PEM"] == VALUES["PEM"].replace("\n", "\\n")
    assert old["quote and dollar"] == "it's \\$5"
    assert docs["in three double quotes"] == '"x"'


def test_every_value_arrives_equal(box: Sandbox) -> None:
    run = box.play("migrate", *STEPS).succeeded()
    secrets = box.fly["secrets"]
    assert {what: secrets.get(f"VALUE_{n}") for n, what in enumerate(VALUES)} == VALUES
    assert set(names(run).values()) == {"set"}


def test_second_run_writes_nothing(box: Sandbox) -> None:
    before = box.writes()
    run = box.play("migrate", *STEPS).succeeded()
    assert (run.changed, box.writes(), set(names(run).values())) == (0, before, {"unchanged"})


def test_foreign_write_is_noticed_and_only_that(box: Sandbox) -> None:
    request = urllib.request.Request(
        f"{box.environment['FLY_FLAPS_BASE_URL']}/v1/apps/{APP}/secrets",
        json.dumps({"values": {"VALUE_0": "changed by hand"}}).encode(),
        {"Authorization": f"Bearer {box.environment['FLY_API_TOKEN'].partition(',')[0]}"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    before = box.writes()
    checked = names(box.play("migrate", "--check", *STEPS).succeeded())
    assert [name for name, outcome in checked.items() if outcome != "unchanged"] == ["VALUE_0"]
    assert (checked["VALUE_0"], box.writes()) == ("unknown", before)
    written = names(box.play("migrate", *STEPS).succeeded())
    assert [name for name, outcome in written.items() if outcome == "set"] == ["VALUE_0"]
    assert box.fly["secrets"]["VALUE_0"] == CONFIG["VALUE_0"]


@pytest.mark.slow
def test_lost_ledger_is_told_and_harms_nothing(box: Sandbox) -> None:
    Path(box.environment["MIGRATE_STATE_DIR"], f"{APP}--{APP}.json").unlink()
    before: list[dict[str, Any]] = box.writes()
    assert set(names(box.play("migrate", "--check", *STEPS).succeeded()).values()) == {"unknown"}
    assert box.writes() == before
    run = box.play("migrate", *STEPS).succeeded()
    # Written again in one request, and Fly's digests show that nothing has another value now.
    assert set(names(run).values()) == {"unchanged"}
    assert len(box.writes()) == len(before) + 1
    assert {name: box.fly["secrets"][name] for name in CONFIG} == CONFIG
