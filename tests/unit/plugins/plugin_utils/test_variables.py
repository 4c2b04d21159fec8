# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said about variables that the role would misread; the role's own defaults are not among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._variables import Given, problems

_ROLE = Path(__file__).resolve().parents[4] / "roles" / "migrate"
_OPTIONS = yaml.safe_load((_ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
_DEFAULTS = yaml.safe_load((_ROLE / "defaults" / "main.yml").read_text())
_APPS = {"migrate_heroku_app": "paper-crane", "migrate_fly_app": "paper-crane"}


def said(values: dict[str, Any], **around: Any) -> list[str]:
    return problems(
        Given(values={"migrate_steps": _DEFAULTS["migrate_steps"], **_APPS, **values}, options=_OPTIONS, **around)
    )


def test_defaults_are_fine() -> None:
    own = {name: value for name, value in _DEFAULTS.items() if name.startswith("migrate_") and "{{" not in str(value)}
    assert said(own) == []


def test_every_default_is_in_the_specification_and_every_list_has_one() -> None:
    assert {name for name in _DEFAULTS if name.startswith("migrate_")} <= set(_OPTIONS)


@pytest.mark.parametrize("name", [name for name, option in _OPTIONS.items() if option["type"] == "list"])
def test_a_text_is_not_taken_for_a_list(name: str) -> None:
    (problem,) = said({name: "web, worker"})
    assert problem == (
        f"{name}: it must be a list, but is the text 'web, worker'. "
        f"""Give -e '{{"{name}": ["web", "worker"]}}', or in a file {name}: ["web", "worker"]."""
    )
    assert said({name: ""}) != []


@pytest.mark.parametrize("name", [name for name, option in _OPTIONS.items() if option["type"] == "dict"])
@pytest.mark.parametrize("value", ["S3CRET=hunter2", ["hunter2"], 2])
def test_anything_else_is_not_taken_for_a_dict(name: str, value: Any) -> None:
    (problem,) = said({name: value})
    assert problem.startswith(f"{name}: it must be a dict")
    if _OPTIONS[name].get("no_log"):
        assert "hunter2" not in problem


def test_misspelt_names_are_told_with_the_nearest_and_own_names_can_be_allowed() -> None:
    values = {"migrate_cut_over": True, "migrate_hosts": "apps", "migrate_owner": "me", "migrate_tmp_x": 1}
    cut_over, owner, temporary = said(values)
    assert "migrate_cut_over: this role has no such variable" in cut_over
    assert "Did you mean migrate_cutover?" in cut_over
    assert owner.startswith("migrate_owner")
    assert temporary.startswith("migrate_tmp_x")
    allowed = {**values, "migrate_own_variables": ["migrate_owner", "migrate_tmp_*"]}
    assert said(allowed) == [cut_over]


def test_unknown_step_and_half_a_cut_over() -> None:
    unknown, half = said({"migrate_steps": ["preflight", "databse"], "migrate_cutover": "true"})
    assert unknown.startswith("migrate_steps: there is no step databse. Did you mean database? Choose from preflight,")
    assert half.startswith("migrate_steps leaves out provision, secrets, database, redis,")
    assert said({"migrate_steps": ["secrets"], "migrate_cutover": "no"}) == []


def test_apps_are_asked_for_and_the_environment_does_not_name_them_for_several_hosts() -> None:
    (missing,) = said({"migrate_heroku_app": ""})
    assert missing == (
        "migrate_heroku_app is not set. Give it with -e migrate_heroku_app=NAME, or in the environment variable "
        "HEROKU_APP."
    )
    (shared,) = said({}, from_environment=["migrate_heroku_app"], hosts=2)
    assert shared.startswith("HEROKU_APP is set in the environment, but this play has 2 hosts")
    assert said({}, from_environment=["migrate_heroku_app"], hosts=1) == []
    (same,) = said({}, hosts=2, same_apps=["red", "blue"])
    assert "red, blue in this play move the same app" in same


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("migrate_postgres_url", "postgres://u:p@db.example.com:5432/app", "mysql://u:hunter2@db/app"),
        ("migrate_redis_url", "rediss://:p@redis.example.com", "redis.example.com:hunter2"),
    ],
)
def test_urls_are_not_repeated(name: str, good: str, bad: str) -> None:
    assert said({name: good}) == []
    (problem,) = said({name: bad})
    assert problem.startswith(f"{name}: it is not the URL of a ")
    assert "hunter2" not in problem


def test_a_folder_without_a_procfile_is_named() -> None:
    (problem,) = said({}, folder="/")
    assert problem.startswith("migrate_source_dir: / has no Procfile.")
    assert said({"migrate_processes_from": "heroku"}, folder="/") == []


def test_hooks_are_looked_for_where_the_run_began(tmp_path: Path) -> None:
    (tmp_path / "dns.yml").write_text("[]")
    values = {"migrate_hooks": {"before_seal": ["dns.yml", "gone.yml"], "after_cutover": [str(tmp_path / "dns.yml")]}}
    (problem,) = said(values, run_folder=str(tmp_path))
    assert problem.startswith(f"migrate_hooks: there is no file {tmp_path}/gone.yml.")
    (problem,) = said({"migrate_hooks": {"before_sale": []}})
    assert problem.startswith("migrate_hooks: there is no hook before_sale.")


def test_misspelt_tags_are_told_and_tags_of_ones_own_are_not() -> None:
    assert said({}, run_tags=["secret", "databases", "redis", "all", "my_apps", "report"]) == [
        "--tags secret: no step has this tag. Did you mean secrets?",
        "--tags databases: no step has this tag. Did you mean database?",
    ]


def test_a_hook_that_cannot_be_loaded_is_told() -> None:
    (problem,) = said({}, broken_hooks={"/srv/dns.yml": "couldn't resolve module/action 'x.y.z'."})
    assert problem.startswith("migrate_hooks: /srv/dns.yml cannot be used: couldn't resolve module/action 'x.y.z'. ")


@pytest.mark.parametrize("name", list(_OPTIONS))
def test_null_is_told_for_every_variable(name: str) -> None:
    (problem,) = said({name: None})
    assert problem == f"{name}: it is null, as an empty value in a file is. Give it a value, or leave it out."


@pytest.mark.parametrize("name", [name for name, option in _OPTIONS.items() if option["type"] in ("str", "path")])
@pytest.mark.parametrize("value", [["hunter2"], {"hunter2": 1}])
def test_a_list_or_dict_is_not_taken_for_a_text(name: str, value: Any) -> None:
    (problem,) = said({name: value})
    assert problem.startswith(f"{name}: it must be a text, but is ")
    assert "hunter2" not in problem


@pytest.mark.parametrize("name", [name for name, option in _OPTIONS.items() if option["type"] == "list"])
@pytest.mark.parametrize(("value", "shown"), [(None, "null"), (["x"], "a list"), ({"x": 1}, "a dict")])
def test_entries_of_a_list_are_texts(name: str, value: Any, shown: str) -> None:
    (problem,) = said({name: ["preflight", value]})
    assert problem.startswith(f"{name}: entry 2 of the list must be a text, but is {shown}.")


@pytest.mark.parametrize("name", [name for name, option in _OPTIONS.items() if option["type"] == "int"])
@pytest.mark.parametrize("value", [-1, "-1", " -1"])
def test_no_number_is_negative(name: str, value: Any) -> None:
    assert said({name: 0}) == []
    (problem,) = said({name: value})
    assert problem.startswith(f"{name}: it must be 0 or more")


@pytest.mark.parametrize("name", ["migrate_heroku_app", "migrate_fly_app"])
@pytest.mark.parametrize("value", ["../../etc/x", "a/b", "https://paper-crane.herokuapp.com", " x", "Crane", "paper\n"])
def test_what_no_app_is_named_never_becomes_a_path(name: str, value: str) -> None:
    (problem,) = said({name: value})
    assert problem.startswith(f"{name}: ")
    assert "an app name has" in problem


def test_a_specification_without_steps_is_no_defect() -> None:
    values = {**_APPS, "migrate_steps": ["secrets"], "migrate_cutover": True}
    options: dict[str, dict[str, Any]] = {name: {"type": "raw"} for name in values}
    found = problems(Given(values=values, options=options, run_tags=["secret"]))
    assert found == []
