# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_certificate

APP = {"id": "a1", "name": "paper-crane", "organization": {"slug": "personal"}, "status": "deployed"}
ARGS = {"fly_api_token": "fm2_canary", "app": "paper-crane", "hostnames": ["www.example.com"]}
PATH = "/v1/apps/paper-crane"
V4 = "66.241.124.1"
DETAIL = {
    "hostname": "www.example.com",
    "configured": False,
    "status": "pending_validation",
    "dns_requirements": {
        "a": ["66.241.124.1"],
        "aaaa": ["2a09::1"],
        "cname": "abc.paper-crane.fly.dev",
        "acme_challenge": {"name": "_acme-challenge.www.example.com", "target": "www.example.com.abc.flydns.net"},
    },
}


def expect_reads(http: Any, *hostnames: str) -> None:
    http.expect("GET", PATH, APP)
    page = {"certificates": [{"hostname": name} for name in hostnames], "next_cursor": ""}
    http.expect("GET", f"{PATH}/certificates", page)


def test_requests_and_lists_dns_records(http: Any, run_module: Any) -> None:
    expect_reads(http)
    http.expect("POST", f"{PATH}/certificates/acme", DETAIL, status=201, body={"hostname": "www.example.com"})
    result = run_module(fly_certificate, ARGS, diff=True)
    assert result["changed"] is True
    records = result["hostnames"]["www.example.com"]["dns_records"]
    assert [(r["type"], r["name"]) for r in records] == [
        ("CNAME", "_acme-challenge.www.example.com"),
        ("A", "www.example.com"),
        ("AAAA", "www.example.com"),
    ]
    assert result["diff"] == {"before": "", "after": "certificate: www.example.com\n"}


def test_ownership_that_fly_waits_for_is_listed(http: Any, run_module: Any) -> None:
    expect_reads(http, "www.example.com")
    owner = {"name": "_fly-ownership.www.example.com", "app_value": "app-1", "org_value": "org-1"}
    needs = {**DETAIL["dns_requirements"], "ownership": owner}
    detail = {**DETAIL, "status": "pending_ownership", "dns_requirements": needs}
    http.expect("GET", f"{PATH}/certificates/www.example.com", detail)
    records = run_module(fly_certificate, ARGS)["hostnames"]["www.example.com"]["dns_records"]
    txt = [(record["name"], record["value"]) for record in records if record["type"] == "TXT"]
    assert txt == [("_fly-ownership.www.example.com", "app-1")]


def test_second_run_changes_nothing(http: Any, run_module: Any) -> None:
    expect_reads(http, "www.example.com", "other.example.com")
    http.expect("GET", f"{PATH}/certificates/www.example.com", DETAIL)
    result = run_module(fly_certificate, ARGS)
    assert (result["changed"], result["hostnames"]["www.example.com"]["status"]) == (False, "pending_validation")


def test_pages_of_certificates_are_all_read(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, APP)
    first = {"certificates": [{"hostname": "a.example.com"}], "next_cursor": "50"}
    http.expect("GET", f"{PATH}/certificates", first, query={"limit": "50"})
    last = {"certificates": [{"hostname": "www.example.com"}]}
    http.expect("GET", f"{PATH}/certificates", last, query={"limit": "50", "cursor": "50"})
    http.expect("GET", f"{PATH}/certificates/www.example.com", DETAIL)
    assert run_module(fly_certificate, ARGS)["changed"] is False


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    expect_reads(http)
    result = run_module(fly_certificate, ARGS, check_mode=True)
    assert (result["changed"], result["hostnames"]["www.example.com"]["status"]) == (True, "absent")


def test_check_mode_before_there_is_an_app(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    assert run_module(fly_certificate, ARGS, check_mode=True)["changed"] is True


def test_one_that_another_run_requested_meanwhile_is_found(http: Any, run_module: Any) -> None:
    expect_reads(http)
    http.expect("POST", f"{PATH}/certificates/acme", {"error": "exists"}, status=409)
    http.expect("GET", f"{PATH}/certificates/www.example.com", DETAIL)
    assert run_module(fly_certificate, ARGS)["hostnames"]["www.example.com"]["status"] == "pending_validation"


def test_absent_deletes(http: Any, run_module: Any) -> None:
    expect_reads(http, "www.example.com")
    http.expect("DELETE", f"{PATH}/certificates/www.example.com", status=204)
    assert run_module(fly_certificate, {**ARGS, "state": "absent"})["changed"] is True


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    "hostname",
    [
        "https://www.example.com",
        "WWW.example.com",
        "localhost",
        "a.example.com/x",
        "a.example.com:443",
        "a..example.com",
        "a.example.com.",
        "-a.example.com",
        "a_b.example.com",
        "a b.example.com",
        "bücher.example",
        "www.*.example.com",
        "*.",
        "192.0.2.7",
        f"{'x' * 64}.example.com",
        f"{'x.' * 126}com",
        "",
    ],
)
def test_what_is_no_hostname_is_refused(http: Any, run_module: Any, hostname: str, check_mode: bool) -> None:
    result = run_module(fly_certificate, {**ARGS, "hostnames": ["a.example.com", hostname]}, check_mode=check_mode)
    assert f"hostname {hostname!r}: it is not a hostname" in result["msg"]


def test_wildcard(http: Any, run_module: Any) -> None:
    expect_reads(http)
    challenge = {"name": "_acme-challenge.example.com", "target": "example.com.abc.flydns.net"}
    detail = {**DETAIL, "hostname": "*.example.com", "dns_requirements": {"a": [V4], "acme_challenge": challenge}}
    http.expect("POST", f"{PATH}/certificates/acme", detail, status=201, body={"hostname": "*.example.com"})
    result = run_module(fly_certificate, {**ARGS, "hostnames": ["*.example.com"]})
    records = result["hostnames"]["*.example.com"]["dns_records"]
    assert [(r["type"], r["name"]) for r in records] == [("CNAME", challenge["name"]), ("A", "*.example.com")]
    expect_reads(http, "*.example.com")
    http.expect("GET", f"{PATH}/certificates/%2A.example.com", detail)
    assert run_module(fly_certificate, {**ARGS, "hostnames": ["*.example.com"]})["changed"] is False


@pytest.mark.parametrize("status", [403, 409, 422])
def test_hostname_of_another_app_is_refused(http: Any, run_module: Any, status: int) -> None:
    expect_reads(http)
    answer = {"error": "Hostname is already in use by another app"}
    http.expect("POST", f"{PATH}/certificates/acme", answer, status=status)
    http.expect("GET", f"{PATH}/certificates/www.example.com", {"error": "not found"}, status=404)
    message = run_module(fly_certificate, ARGS)["msg"]
    assert message.startswith("certificate of www.example.com for Fly app paper-crane: Hostname is already in use")
    assert f"HTTP {status}" in message
    assert "fly certs remove www.example.com -a THAT_APP" in message


@pytest.mark.parametrize("where", ["status", "certificates"])
def test_proof_of_ownership_and_limits_are_shown(http: Any, run_module: Any, where: str) -> None:
    pending = {"status": "pending_ownership"}
    ownership = {"name": "_fly-ownership.www.example.com", "app_value": "app-1", "org_value": "org-1"}
    expect_reads(http, "www.example.com")
    http.expect(
        "GET",
        f"{PATH}/certificates/www.example.com",
        {
            **DETAIL,
            **(pending if where == "status" else {"certificates": [pending]}),
            "dns_requirements": {"ownership": ownership},
            "validation_errors": [{"message": "CAA forbids it.", "remediation": "Allow letsencrypt.org."}],
            "rate_limited_until": "2026-11-23T12:00:00Z",
        },
    )
    shown = run_module(fly_certificate, ARGS)["hostnames"]["www.example.com"]
    assert [(r["type"], r["name"], r["value"]) for r in shown["dns_records"]] == [("TXT", ownership["name"], "app-1")]
    assert shown["errors"] == [
        "CAA forbids it. Allow letsencrypt.org.",
        "the certificate authority's rate limit applies until 2026-11-23T12:00:00Z",
    ]


def test_limit_of_the_certificate_authority(http: Any, run_module: Any) -> None:
    expect_reads(http)
    answer = {"error": "too many certificates already issued for example.com"}
    http.expect("POST", f"{PATH}/certificates/acme", answer, status=422)
    http.expect("GET", f"{PATH}/certificates/www.example.com", {}, status=404)
    message = run_module(fly_certificate, ARGS)["msg"]
    assert "too many certificates" in message
    assert "run again when it has passed" in message
