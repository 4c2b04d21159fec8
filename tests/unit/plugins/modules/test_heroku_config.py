# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.parameters import PASS_VARS

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_config

KEY = "HRKU-canary-token"
DB = "postgres://u:pw-canary-1@ec2-1.compute-1.amazonaws.com:5432/d"
NEW = "postgres://fly:pw-canary-2@pgbouncer.flympg.net/fly-db"
CONFIG = {
    "DATABASE_URL": DB,
    "PGHERO_DATABASE_URL": DB,
    "EMPTY": "",
    "KEY_PEM": "-----BEGIN\nline # \"quoted\" $x\\n 'é'\n-----END\n",
    "PORT": "3000",
    "NUMBER": "7",
    "WORD": "transfer",
    "TOKEN": KEY,
}
PLAN = {"name": "heroku-postgresql:standard-0"}
ATTACHMENT = {
    "name": "DATABASE",
    "namespace": None,
    "app": {"name": "paper-crane"},
    "addon": {"name": "postgresql-flat-1", "app": {"name": "paper-crane"}, "plan": PLAN},
    "config_vars": ["DATABASE_URL"],
}
# Older cores always return the module's arguments, newer ones only when asked.
INVOCATION = {"inject_invocation": True} if "inject_invocation" in PASS_VARS else {}
ARGS = {"heroku_api_key": KEY, "app": "paper-crane"}
PATH = "/apps/paper-crane"


def expect_reads(http: Any, config: Any = None, version: int | None = 7, attachments: Any = None) -> None:
    http.expect("GET", f"{PATH}/config-vars", CONFIG if config is None else config)
    accept = {"Accept": "application/vnd.heroku+json; version=3.sdk", "Accept-Inclusion": "addon:plan,config_vars"}
    found = [ATTACHMENT] if attachments is None else attachments
    http.expect("GET", f"{PATH}/addon-attachments", found, request_headers=accept)
    if version is not None:
        http.expect("GET", f"{PATH}/releases", [{"version": version}])


def assert_no_canary(result: Any, *more: str) -> None:
    for secret in ("canary", "BEGIN", "u:pw", *more):
        assert secret not in str(result)


def test_gathers_classes_without_values(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(heroku_config, ARGS)
    assert result["changed"] is False
    assert {name: entry["class"] for name, entry in result["names"].items()} == {
        "DATABASE_URL": "service",
        "PGHERO_DATABASE_URL": "alias",
        "EMPTY": "transfer",
        "KEY_PEM": "transfer",
        "PORT": "platform",
        "NUMBER": "transfer",
        "WORD": "transfer",
        "TOKEN": "transfer",
    }
    assert result["names"]["DATABASE_URL"]["addon"] == "postgresql-flat-1"
    assert result["undetermined"] == ["DATABASE_URL", "PGHERO_DATABASE_URL"]
    assert result["release_version"] == 7
    assert "config_vars" not in result
    assert "transfer" not in result
    assert_no_canary(result)


def test_values_arrive_byte_for_byte_whatever_the_options_hold(http: Any, run_module: Any) -> None:
    # NUMBER is the release's version, WORD a class, TOKEN the API key, and the replacement is in the result itself.
    expect_reads(http)
    args = {**ARGS, "replacements": {"postgresql-flat-1": NEW}, "return_values": True, "expected_release": 7}
    result = run_module(heroku_config, args, **INVOCATION)
    assert result["config_vars"] == CONFIG
    moved = {name: value for name, value in CONFIG.items() if name != "PORT"}
    assert result["transfer"] == {**moved, "DATABASE_URL": NEW, "PGHERO_DATABASE_URL": NEW}
    assert result["undetermined"] == []
    assert result["release_version"] == 7
    assert result["names"]["WORD"]["class"] == "transfer"
    assert_no_canary(result["invocation"])


def test_limits_to_names(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(heroku_config, {**ARGS, "names": ["DATABASE_URL"], "return_values": True})
    assert (list(result["names"]), result["config_vars"], result["transfer"]) == (
        ["DATABASE_URL"],
        {"DATABASE_URL": DB},
        {},
    )


def test_name_that_is_not_there(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(heroku_config, {**ARGS, "names": ["NOPE", "PORT"]})
    assert result["failed"]
    assert "has no config var NOPE" in result["msg"]


def test_patterns(http: Any, run_module: Any) -> None:
    expect_reads(http)
    args = {**ARGS, "include": ["PORT"], "exclude": ["PGHERO_*", "TYPO_*"], "return_values": True}
    result = run_module(heroku_config, args)
    assert result["names"]["PORT"]["class"] == "transfer"
    assert result["names"]["PGHERO_DATABASE_URL"]["class"] == "excluded"
    assert "PGHERO_DATABASE_URL" not in result["config_vars"]
    assert result["transfer"]["PORT"] == "3000"
    assert result["unmatched_patterns"] == ["TYPO_*"]
    assert "pattern TYPO_* does not match any" in str(result["warnings"])


def test_credentials_inside_a_value_are_warned_about(http: Any, run_module: Any) -> None:
    expect_reads(http, config={"DATABASE_URL": DB, "PGPASSWORD": "pw-canary-1"})
    result = run_module(heroku_config, ARGS)
    assert "Config var PGPASSWORD" in str(result["warnings"])
    assert_no_canary(result)


def test_documented_form_asks_for_the_addons(http: Any, run_module: Any) -> None:
    addon = {"name": "postgresql-flat-1", "plan": PLAN, "app": {"name": "paper-crane"}, "config_vars": ["DATABASE_URL"]}
    plain = {"name": "DATABASE", "app": {"name": "paper-crane"}, "addon": {"name": "postgresql-flat-1"}}
    http.expect("GET", f"{PATH}/config-vars", CONFIG)
    http.expect("GET", f"{PATH}/addon-attachments", [plain])
    http.expect("GET", f"{PATH}/addons", [addon])
    http.expect("GET", f"{PATH}/releases", [{"version": 7}])
    result = run_module(heroku_config, ARGS)
    assert result["names"]["DATABASE_URL"]["class"] == "service"


def test_release_that_moved_stops_the_read(http: Any, run_module: Any) -> None:
    expect_reads(http, version=8)
    result = run_module(heroku_config, {**ARGS, "expected_release": 7, "return_values": True})
    assert result["failed"]
    assert "changed after the plan was made" in result["msg"]
    assert result["release_version"] == 8
    assert_no_canary(result)


def test_replacement_for_an_addon_that_is_not_there(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(heroku_config, {**ARGS, "replacements": {"postgresql-round-2": NEW}})
    assert result["failed"]
    assert "postgresql-round-2" in result["msg"]
    assert "postgresql-flat-1" in result["msg"]
    assert_no_canary(result)


@pytest.mark.parametrize("value", [5, True, None, 1.5, ["canary"], {"a": "canary"}])
@pytest.mark.parametrize(("state", "option"), [("present", "vars"), ("gathered", "replacements")])
def test_other_types_are_refused_by_name(http: Any, run_module: Any, value: Any, state: str, option: str) -> None:
    result = run_module(heroku_config, {**ARGS, "state": state, option: {"GOOD": "x", "BAD": value}})
    assert result["failed"]
    assert "BAD" in result["msg"]
    assert "GOOD" not in result["msg"]
    assert_no_canary(result)


def test_sets_in_one_request(http: Any, run_module: Any) -> None:
    wanted = {"EMPTY": "", "PORT": "canary-new", "ADDED": "canary-added\n"}
    expect_reads(http)
    changed = {"PORT": "canary-new", "ADDED": "canary-added\n"}
    http.expect("PATCH", f"{PATH}/config-vars", {**CONFIG, **changed}, body=changed)
    http.expect("GET", f"{PATH}/releases", [{"version": 8}])
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": wanted}, diff=True)
    assert result["changed"] is True
    assert result["changes"] == {"ADDED": "set", "EMPTY": "unchanged", "PORT": "changed"}
    assert result["diff"] == {"before": "ADDED: unset\nPORT: set\n", "after": "ADDED: set\nPORT: changed\n"}
    assert result["release_version"] == 8
    assert_no_canary(result)


def test_words_of_the_result_survive_values_equal_to_them(http: Any, run_module: Any) -> None:
    expect_reads(http, config={"A": "set", "B": "7"})
    result = run_module(
        heroku_config,
        {**ARGS, "state": "present", "vars": {"A": "set", "B": "7", "C": "unchanged"}},
        check_mode=True,
        diff=True,
        **INVOCATION,
    )
    assert result["changes"] == {"A": "unchanged", "B": "unchanged", "C": "set"}
    assert result["release_version"] == 7
    assert result["invocation"]["module_args"]["vars"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"ADDED": "x"}}, check_mode=True, diff=True)
    assert (result["changed"], result["changes"], result["release_version"]) == (True, {"ADDED": "set"}, 7)
    assert result["diff"]["after"] == "ADDED: set\n"


def test_second_run_sends_nothing(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"PORT": "3000", "EMPTY": ""}}, diff=True)
    assert result["changed"] is False
    assert result["diff"] == {"before": "", "after": ""}


def test_unsets_what_is_there(http: Any, run_module: Any) -> None:
    expect_reads(http)
    left = {name: value for name, value in CONFIG.items() if name != "PORT"}
    http.expect("PATCH", f"{PATH}/config-vars", left, body={"PORT": None})
    http.expect("GET", f"{PATH}/releases", [{"version": 8}])
    result = run_module(heroku_config, {**ARGS, "state": "absent", "names": ["PORT", "GONE"]}, diff=True)
    assert result["changes"] == {"GONE": "unchanged", "PORT": "unset"}
    assert result["diff"] == {"before": "PORT: set\n", "after": "PORT: unset\n"}


@pytest.mark.parametrize(
    "change",
    [{"state": "present", "vars": {"DATABASE_URL": "x", "OK": "x"}}, {"state": "absent", "names": ["DATABASE_URL"]}],
)
def test_names_of_addons_are_refused_before_the_write(http: Any, run_module: Any, change: Any) -> None:
    expect_reads(http, version=None)
    result = run_module(heroku_config, {**ARGS, **change})
    assert result["failed"]
    for part in ("DATABASE_URL", "postgresql-flat-1", "heroku addons:detach"):
        assert part in result["msg"]


@pytest.mark.parametrize("name", ["1ST", "__HIDDEN", "with-dash", "dotted.name", "SPACE D", "", "ÜMLAUT", "A\n"])
def test_names_against_the_rules(http: Any, run_module: Any, name: str) -> None:
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {name: "canary"}})
    assert result["failed"]
    assert "does not accept the name" in result["msg"]
    assert_no_canary(result)


def test_heroku_prefix_only_warns(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(
        heroku_config, {**ARGS, "state": "present", "vars": {"HEROKU_API_KEY": "mine"}}, check_mode=True
    )
    assert result["changed"] is True
    assert "HEROKU_API_KEY" in str(result["warnings"])


@pytest.mark.parametrize(("value", "cause"), [("canary\0x", "NUL"), ("canary\ud800", "Unicode")])
def test_values_that_no_environment_can_hold(
    http: Any, run_module: Any, monkeypatch: pytest.MonkeyPatch, value: str, cause: str
) -> None:
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"BAD": value}})
    assert result["failed"]
    assert cause in result["msg"]
    assert "BAD" in result["msg"]
    assert_no_canary(result)


@pytest.mark.parametrize(("length", "refused"), [(65536 - 3, False), (65536 - 2, True)])
def test_size_limit_counts_bytes_of_all(http: Any, run_module: Any, length: int, refused: bool) -> None:
    expect_reads(http, config={"A": "é"}, attachments=[])
    # A and é are three bytes, the name B one.
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"B": "x" * (length - 1)}}, check_mode=True)
    assert bool(result.get("failed")) is refused
    assert refused is ("65537" in result.get("msg", ""))


def test_release_that_moved_stops_the_write(http: Any, run_module: Any) -> None:
    expect_reads(http, version=8)
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"A": "x"}, "expected_release": 7})
    assert result["failed"]
    assert "v8, not v7" in result["msg"]


def test_answer_with_another_value_is_an_error(http: Any, run_module: Any) -> None:
    expect_reads(http)
    http.expect("PATCH", f"{PATH}/config-vars", {**CONFIG, "A": "canary-trimmed"})
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"A": "canary-trimmed "}})
    assert result["failed"]
    assert "another value for A" in result["msg"]
    assert_no_canary(result)


def test_token_without_the_scope(http: Any, run_module: Any) -> None:
    answer = {"id": "forbidden", "message": "You do not have access to this scope."}
    http.expect("GET", f"{PATH}/config-vars", answer, status=403, headers={"Request-Id": "r-1"})
    result = run_module(heroku_config, ARGS)
    assert result["failed"]
    for part in ("paper-crane", "HTTP 403", "r-1", "read-protected"):
        assert part in result["msg"]


def test_refused_write_shows_no_value(http: Any, run_module: Any) -> None:
    expect_reads(http)
    answer = {"id": "invalid_params", "message": "Cannot overwrite attachment values A."}
    http.expect("PATCH", f"{PATH}/config-vars", answer, status=422)
    result = run_module(heroku_config, {**ARGS, "state": "present", "vars": {"A": "canary"}})
    assert result["failed"]
    assert "Cannot overwrite attachment values A" in result["msg"]
    assert_no_canary(result)


def test_bad_app_name_is_refused_before_any_request(http: Any, run_module: Any) -> None:
    result = run_module(heroku_config, {**ARGS, "app": "Paper Crane"})
    assert result["failed"]
    assert "Paper Crane" in result["msg"]
