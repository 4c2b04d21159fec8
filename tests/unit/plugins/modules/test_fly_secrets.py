# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_secrets

APP = {"id": "a1", "name": "paper-crane", "organization": {"slug": "personal"}, "status": "deployed"}
BASE = "/v1/apps/paper-crane"
RELEASES = "/api/v1/apps/paper-crane/releases"
BEFORE, AFTER = "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"
MACHINE = {
    "id": "m1",
    "state": "started",
    "config": {"metadata": {"fly_platform_version": "v2", "fly_process_group": "web", "fly_release_version": "3"}},
    "checks": [],
}
RELEASE = {"version": 3, "status": "complete", "created_at": AFTER, "image_ref": "x"}


def secret(name: str, digest: str = "522d6815e668a102", updated_at: str = BEFORE) -> dict[str, str]:
    return {"name": name, "digest": digest, "created_at": BEFORE, "updated_at": updated_at}


def args(**more: Any) -> dict[str, Any]:
    return {"fly_api_token": "fm2_canary", "app": "paper-crane", **more}


def expect_reads(http: Any, secrets: list[dict[str, str]], machines: Any = (), releases: Any = ()) -> None:
    http.expect("GET", BASE, APP)
    http.expect("GET", f"{BASE}/secrets", {"secrets": secrets})
    http.expect("GET", f"{BASE}/machines", list(machines))
    http.expect("GET", RELEASES, {"releases": list(releases)})


def expect_write(http: Any, values: dict[str, Any], digest: str = "new", version: int = 7) -> None:
    answer = [secret(name, digest, AFTER) for name, value in values.items() if value is not None]
    http.expect("POST", f"{BASE}/secrets", {"secrets": answer, "version": version}, body={"values": values})


AWKWARD = {
    "EMPTY": "",
    "PEM": "-----BEGIN\nabc\n-----END\n",
    "JSON": '{"color":"#fff"}',
    "SHELL": "it's $5 \\n `id` !",
    "UNICODE": "žluťoučký 🐎",
    "LONG": "x" * 60000,
    "CRLF": "a\r\nb",
}


def test_sets_and_unsets_byte_for_byte_in_one_request(http: Any, run_module: Any) -> None:
    expect_reads(http, [secret("OLD")])
    expect_write(http, {**AWKWARD, "OLD": None})
    result = run_module(fly_secrets, args(secrets={**AWKWARD, "OLD": None, "ABSENT": None}))
    assert result["changed"] is True
    assert result["names"] == {**dict.fromkeys(AWKWARD, "set"), "ABSENT": "unchanged", "OLD": "unset"}
    assert result["version"] == 7
    assert set(result["statuses"].values()) == {"Staged"}


def test_second_run_with_ledger_sends_nothing(http: Any, run_module: Any, tmp_path: Path) -> None:
    ledger = tmp_path / "state" / "ledger.json"
    given = args(secrets={"A": "set", "B": "2"}, ledger=str(ledger))
    expect_reads(http, [])
    expect_write(http, {"A": "set", "B": "2"})
    assert run_module(fly_secrets, given)["changed"] is True
    expect_reads(http, [secret("A", "new", AFTER), secret("B", "new", AFTER)])
    result = run_module(fly_secrets, given)
    assert result["changed"] is False
    assert result["names"] == {"A": "unchanged", "B": "unchanged"}
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600
    assert "set" not in json.dumps(json.loads(ledger.read_text())["secrets"])


def test_changed_value_is_known_to_differ(http: Any, run_module: Any, tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.json")
    expect_reads(http, [])
    expect_write(http, {"A": "1"})
    run_module(fly_secrets, args(secrets={"A": "1"}, ledger=ledger))
    expect_reads(http, [secret("A", "new", AFTER)])
    result = run_module(fly_secrets, args(secrets={"A": "2"}, ledger=ledger), check_mode=True, diff=True)
    assert (result["changed"], result["names"]) == (True, {"A": "set"})
    assert result["diff"] == {"before": "A: new\n", "after": "A: (new value)\n"}


def test_foreign_write_is_unknown_in_check_mode(http: Any, run_module: Any, tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.json")
    expect_reads(http, [])
    expect_write(http, {"A": "1"})
    run_module(fly_secrets, args(secrets={"A": "1"}, ledger=ledger))
    expect_reads(http, [secret("A", "someone-elses", "2026-11-23T12:00:00Z")])
    result = run_module(fly_secrets, args(secrets={"A": "1"}, ledger=ledger), check_mode=True)
    assert (result["changed"], result["names"]) == (True, {"A": "unknown"})


@pytest.mark.parametrize(("digest", "outcome"), [("522d6815e668a102", "unchanged"), ("other", "set")])
def test_unknown_is_written_and_judged_by_digest(http: Any, run_module: Any, digest: str, outcome: str) -> None:
    expect_reads(http, [secret("A")])
    expect_write(http, {"A": "1"}, digest)
    result = run_module(fly_secrets, args(secrets={"A": "1"}))
    assert (result["names"], result["changed"]) == ({"A": outcome}, outcome == "set")


def test_what_fly_does_not_answer_for_counts_as_set(http: Any, run_module: Any) -> None:
    expect_reads(http, [secret("A"), {"name": "B"}])
    http.expect("POST", f"{BASE}/secrets", {"secrets": [{"name": "B"}], "version": 7})
    result = run_module(fly_secrets, args(secrets={"A": "1", "B": "2"}), diff=True)
    assert (result["names"], result["changed"]) == ({"A": "set", "B": "set"}, True)


@pytest.mark.parametrize(("inside", "outcome"), [("1", "unchanged"), ("other", "set")])
def test_unknown_is_found_out_in_a_machine(
    http: Any, run_module: Any, tmp_path: Path, inside: str, outcome: str
) -> None:
    given = args(secrets={"A": "1"}, verify="machine", ledger=str(tmp_path / "ledger.json"))
    expect_reads(http, [secret("A")], [MACHINE], [RELEASE])
    http.expect("POST", f"{BASE}/machines/m1/exec", {"stdout": f"X=multi\nline\0A={inside}\0"})
    result = run_module(fly_secrets, given, check_mode=True)
    assert (result["names"], result["changed"]) == ({"A": outcome}, outcome == "set")
    assert result["statuses"] == {"A": "Deployed"}


def test_exact_removes_what_is_not_listed_but_nothing_attached(http: Any, run_module: Any) -> None:
    expect_reads(http, [secret(name) for name in ("DATABASE_URL", "KEPT", "STALE")])
    expect_write(http, {"A": "1", "STALE": None})
    result = run_module(fly_secrets, args(secrets={"A": "1"}, state="exact", keep=["KE*"]))
    assert result["names"] == {"A": "set", "STALE": "unset"}


def test_exact_removes_attached_when_told_so(http: Any, run_module: Any) -> None:
    expect_reads(http, [secret("DATABASE_URL")])
    result = run_module(fly_secrets, args(state="exact", remove_attached=True), check_mode=True)
    assert result["names"] == {"DATABASE_URL": "unset"}


def test_absent_unsets_by_name(http: Any, run_module: Any) -> None:
    expect_reads(http, [secret("A"), secret("B")])
    answer = {"secrets": None, "version": 7}
    http.expect("POST", f"{BASE}/secrets", answer, body={"values": {"A": None}})
    result = run_module(fly_secrets, args(state="absent", names=["A", "GONE"]))
    assert result["names"] == {"A": "unset", "GONE": "unchanged"}


def test_undetermined_names_are_not_written(http: Any, run_module: Any) -> None:
    expect_reads(http, [secret("DATABASE_URL")])
    given = args(secrets={"A": "1"}, undetermined=["DATABASE_URL", "REDIS_URL"])
    result = run_module(fly_secrets, given, check_mode=True)
    assert result["names"] == {"A": "set", "DATABASE_URL": "unknown", "REDIS_URL": "set"}


def test_two_hundred_secrets_cost_five_requests(http: Any, run_module: Any) -> None:
    values = {f"NAME_{number}": str(number) for number in range(200)}
    expect_reads(http, [])
    expect_write(http, values)
    assert run_module(fly_secrets, args(secrets=values))["changed"] is True
    assert len(http.sent) == 5


def test_app_that_is_not_there_yet(http: Any, run_module: Any) -> None:
    http.expect("GET", BASE, {"error": "Could not find App"}, status=404)
    assert run_module(fly_secrets, args(secrets={"A": "1"}), check_mode=True)["names"] == {"A": "set"}
    http.expect("GET", BASE, {"error": "Could not find App"}, status=404)
    result = run_module(fly_secrets, args(secrets={"A": "1"}))
    assert "fly_app" in result["msg"]


@pytest.mark.parametrize(
    ("secrets", "part"),
    [
        ({"A-B": "canary"}, "A-B"),
        ({"9A": "canary"}, "9A"),
        ({"A": 1234567}, "type int"),
        ({"A": "canary\0"}, "NUL"),
        ({"A": "canary\ud800"}, "not valid Unicode"),
    ],
)
def test_bad_input_is_refused_before_any_request(http: Any, run_module: Any, secrets: Any, part: str) -> None:
    result = run_module(fly_secrets, args(secrets=secrets))
    assert result["failed"]
    assert part in result["msg"]
    assert "canary" not in result["msg"]
    assert "1234567" not in result["msg"]
    assert http.sent == []


def test_no_value_in_any_result(http: Any, run_module: Any, tmp_path: Path) -> None:
    given = args(secrets={"A": "s3cr3t-canary", "B": "e"}, ledger=str(tmp_path / "l"))
    expect_reads(http, [secret("A")])
    http.expect("POST", f"{BASE}/secrets", {"error": "invalid secret"}, status=400)
    failed = run_module(fly_secrets, given)
    assert failed["failed"]
    expect_reads(http, [secret("A")])
    expect_write(http, {"A": "s3cr3t-canary", "B": "e"})
    done = run_module(fly_secrets, given, diff=True)
    assert done["names"] == {"A": "set", "B": "set"}
    assert "s3cr3t-canary" not in str([failed, done])
