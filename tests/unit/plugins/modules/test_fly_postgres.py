# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_postgres

ARGS = {"fly_api_token": "fm2_canary", "name": "db", "region": "iad", "attach_to": "paper-crane"}
ORGANIZATION = {"data": {"organization": {"id": "o1", "slug": "personal", "rawSlug": "me-42", "name": "Me"}}}
LIST = "/api/v1/organizations/me-42/postgres"
CLUSTER = "/api/v1/postgresv2/c1"
DATA = {
    "id": "c1",
    "name": "db",
    "version": 2,
    "status": "ready",
    "plan": "basic",
    "region": "iad",
    "attached_apps": [],
}
URI = "postgresql://fly-user:p%40canary@pgbouncer.c1.flympg.net/fly-db"
CREDENTIALS = {"user": "fly-user", "password": "p@canary", "dbname": "fly-db", "pgbouncer_uri": URI}

CREATE = {
    "name": "db",
    "region": "iad",
    "org_slug": "me-42",
    "plan": "basic",
    "pg_major_version": "17",
    "storage_in_gb": 10,
    "postgis_enabled": False,
}


def expect_list(http: Any, *clusters: dict[str, Any]) -> None:
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("GET", LIST, {"data": list(clusters)})


def expect_regions(http: Any) -> None:
    http.expect("GET", f"{LIST}v2/regions", {"data": [{"code": "iad", "available": True}, {"code": "ams"}]})


def test_creates_waits_and_attaches(http: Any, run_module: Any) -> None:
    expect_list(http)
    expect_regions(http)
    http.expect("POST", f"{LIST}v2", {"ok": True, "data": {**DATA, "status": "creating"}}, status=201, body=CREATE)
    http.expect("GET", CLUSTER, {"data": {**DATA, "status": "creating"}, "credentials": {}})
    http.expect("GET", CLUSTER, {"data": DATA, "credentials": {"status": "initializing"}})
    http.expect("GET", CLUSTER, {"data": DATA, "credentials": CREDENTIALS})
    http.expect("POST", f"{CLUSTER}/attachments", {}, status=201, body={"app_name": "paper-crane"})
    result = run_module(fly_postgres, ARGS)
    assert (result["changed"], result["created"], result["id"], result["status"]) == (True, True, "c1", "ready")
    assert "canary" not in str(result)


def test_found_cluster_is_left_as_it_is(http: Any, run_module: Any) -> None:
    expect_list(http, DATA, {**DATA, "id": "c2", "name": "another"})
    http.expect(
        "GET", CLUSTER, {"data": {**DATA, "attached_apps": [{"name": "paper-crane"}]}, "credentials": CREDENTIALS}
    )
    result = run_module(fly_postgres, {**ARGS, "return_url": True})
    assert (result["changed"], result["url"]) == (False, URI)
    assert result["direct_url"] == "postgresql://fly-user:p%40canary@direct.c1.flympg.net/fly-db"
    assert result["direct"] == {
        "host": "direct.c1.flympg.net",
        "port": 5432,
        "user": "fly-user",
        "password": "p@canary",
        "dbname": "fly-db",
    }


def test_direct_url_of_a_pooler_by_another_name(http: Any, run_module: Any) -> None:
    cluster = {**DATA, "attached_apps": [{"name": "paper-crane"}], "ip_assignments": {"direct": "fdaa:0:1::2"}}
    expect_list(http, cluster)
    credentials = {
        **CREDENTIALS,
        "pgbouncer_uri": "postgresql://fly-user:p%40canary@[fdaa::9]:6432/fly-db?sslmode=disable",
    }
    http.expect("GET", CLUSTER, {"data": cluster, "credentials": credentials})
    result = run_module(fly_postgres, {**ARGS, "return_url": True})
    assert result["direct_url"] == "postgresql://fly-user:p%40canary@[fdaa:0:1::2]:6432/fly-db?sslmode=disable"


@pytest.mark.parametrize("version", [1, None])
def test_cluster_of_the_first_version_is_asked_for_where_it_is(http: Any, run_module: Any, version: int | None) -> None:
    expect_list(http, {**DATA, "version": version})
    http.expect("GET", "/api/v1/postgres/c1", {"data": DATA, "credentials": CREDENTIALS})
    http.expect("POST", "/api/v1/postgres/c1/attachments", {}, status=201)
    assert run_module(fly_postgres, ARGS)["changed"] is True


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    expect_list(http)
    expect_regions(http)
    result = run_module(fly_postgres, {**ARGS, "return_url": True}, check_mode=True)
    assert (result["changed"], result["created"], result["url"]) == (True, True, "")


def test_check_mode_does_not_wait_for_a_cluster_in_the_making(http: Any, run_module: Any) -> None:
    expect_list(http, DATA)
    http.expect("GET", CLUSTER, {"data": {**DATA, "status": "creating"}, "credentials": {"pgbouncer_uri": None}})
    result = run_module(fly_postgres, {**ARGS, "return_url": True}, check_mode=True)
    assert (result["status"], result["url"], result["direct_url"], result["direct"]) == ("creating", "", "", {})


def test_enables_the_extensions_that_are_missing(http: Any, run_module: Any) -> None:
    offered = [{"name": "citext", "installed": None}, {"name": "hstore", "installed": {"version": "1.8"}}]
    expect_list(http, DATA)
    http.expect(
        "GET", CLUSTER, {"data": {**DATA, "attached_apps": [{"name": "paper-crane"}]}, "credentials": CREDENTIALS}
    )
    http.expect("GET", f"{CLUSTER}/databases/fly-db/extensions", {"data": offered})
    body = {"name": "citext", "schema": "heroku_ext", "create_schema_if_needed": True}
    http.expect("POST", f"{CLUSTER}/databases/fly-db/extensions", {}, status=201, body=body)
    wanted = [
        {"name": "citext", "schema": "heroku_ext"},
        {"name": "hstore"},
        {"name": "pg_stat_statements", "optional": True},
    ]
    result = run_module(fly_postgres, {**ARGS, "extensions": wanted})
    assert (result["changed"], result["extensions_enabled"]) == (True, ["citext"])


def test_another_plan_than_asked_for_is_noticed(http: Any, run_module: Any) -> None:
    expect_list(http)
    expect_regions(http)
    http.expect("POST", f"{LIST}v2", {"ok": True, "data": {**DATA, "status": "creating"}}, status=201)
    message = run_module(fly_postgres, {**ARGS, "plan": "performance"})["msg"]
    assert "with the plan basic instead of performance" in message
    assert message.startswith("Managed Postgres cluster db (c1)")


def test_largest_plan_is_spelt_as_fly_spells_it(http: Any, run_module: Any) -> None:
    made = {**DATA, "plan": "Performance", "attached_apps": [{"name": "paper-crane"}]}
    expect_list(http)
    expect_regions(http)
    http.expect("POST", f"{LIST}v2", {"ok": True, "data": made}, status=201, body={**CREATE, "plan": "Performance"})
    http.expect("GET", CLUSTER, {"data": made, "credentials": CREDENTIALS})
    assert run_module(fly_postgres, {**ARGS, "plan": "performance"})["plan"] == "performance"


def test_two_clusters_of_one_name_are_refused(http: Any, run_module: Any) -> None:
    expect_list(http, DATA, {**DATA, "id": "c2"})
    assert "c1, c2" in run_module(fly_postgres, ARGS)["msg"]


def test_region_without_managed_postgres_is_refused(http: Any, run_module: Any) -> None:
    expect_list(http)
    expect_regions(http)
    assert "ams, iad" in run_module(fly_postgres, {**ARGS, "region": "xyz"})["msg"]


@pytest.mark.parametrize(("status", "answers"), [("error", 1), ("deleting", 1), ("creating", 2)])
def test_cluster_that_does_not_become_ready(http: Any, run_module: Any, status: str, answers: int) -> None:
    expect_list(http, DATA)
    for _number in range(answers):
        http.expect("GET", CLUSTER, {"data": {**DATA, "status": status}, "credentials": {}})
    result = run_module(fly_postgres, {**ARGS, "wait_timeout": 1})
    assert result["failed"]
    assert f"its status is {status}" in result["msg"]


def test_lost_answer_of_a_create_is_not_repeated(http: Any, run_module: Any) -> None:
    expect_list(http)
    expect_regions(http)
    http.expect("POST", f"{LIST}v2", error=ConnectionResetError("peer"))
    assert "run again" in run_module(fly_postgres, ARGS)["msg"]


def test_unknown_region_and_plan_and_version_are_refused(http: Any, run_module: Any) -> None:
    assert "basic, starter, launch, scale, performance" in run_module(fly_postgres, {**ARGS, "plan": "startr"})["msg"]
    assert "16, 17" in run_module(fly_postgres, {**ARGS, "pg_major": 15})["msg"]
    expect_list(http)
    expect_regions(http)
    without = {name: value for name, value in ARGS.items() if name != "region"}
    assert "a new cluster needs one" in run_module(fly_postgres, without)["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_token_of_the_older_kind_is_refused_before_any_request(http: Any, run_module: Any, check_mode: bool) -> None:
    given = {**ARGS, "fly_api_token": "fo1_canary", "org": "acme"}
    message = run_module(fly_postgres, given, check_mode=check_mode)["msg"]
    assert message.startswith("fly_api_token: it is an old type of token")
    assert "fly tokens create org -o acme" in message
    assert "canary" not in message


@pytest.mark.parametrize("size", [9, 501])
def test_disk_that_no_cluster_can_have_is_refused(http: Any, run_module: Any, size: int) -> None:
    assert "10 to 500 GB" in run_module(fly_postgres, {**ARGS, "disk_gb": size})["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_cluster_with_too_small_a_disk_is_refused(http: Any, run_module: Any, check_mode: bool) -> None:
    expect_list(http, {**DATA, "disk": 10})
    message = run_module(fly_postgres, {**ARGS, "disk_gb": 40}, check_mode=check_mode)["msg"]
    assert "cluster db (c1): its disk has 10 GB, but 40 GB were requested" in message


@pytest.mark.parametrize("check_mode", [True, False])
def test_extension_that_is_not_offered_is_refused_before_there_is_a_cluster(
    http: Any, run_module: Any, check_mode: bool
) -> None:
    expect_list(http)
    expect_regions(http)
    wanted = [{"name": "pg_stat_statements", "optional": True}, {"name": "vector"}, {"name": "dblink"}]
    message = run_module(fly_postgres, {**ARGS, "extensions": wanted}, check_mode=check_mode)["msg"]
    assert message.startswith("extension dblink: Managed Postgres does not offer it")
    assert "an existing cluster reports what it offers" in message


def test_extension_that_the_cluster_does_not_offer_is_refused(http: Any, run_module: Any) -> None:
    expect_list(http, DATA)
    http.expect("GET", CLUSTER, {"data": DATA, "credentials": CREDENTIALS})
    http.expect("GET", f"{CLUSTER}/databases/fly-db/extensions", {"data": [{"name": "citext"}]})
    message = run_module(fly_postgres, {**ARGS, "extensions": [{"name": "dblink"}]})["msg"]
    assert "extension dblink: Managed Postgres does not offer it. Do without it, or choose from citext." in message


def test_postgis_is_asked_for_when_the_cluster_is_created(http: Any, run_module: Any) -> None:
    expect_list(http)
    expect_regions(http)
    http.expect("POST", f"{LIST}v2", {"error": "no"}, status=422, body={**CREATE, "postgis_enabled": True})
    assert run_module(fly_postgres, {**ARGS, "extensions": [{"name": "postgis"}]})["failed"]


@pytest.mark.parametrize(("status", "hint"), [(403, "neither read-only"), (402, "payment method")])
def test_refused_create_says_why(http: Any, run_module: Any, status: int, hint: str) -> None:
    expect_list(http)
    expect_regions(http)
    http.expect("POST", f"{LIST}v2", {"errors": {"detail": "Refused"}}, status=status)
    message = run_module(fly_postgres, ARGS)["msg"]
    assert message.startswith(f"Managed Postgres cluster db: Refused (HTTP {status}")
    assert hint in message


@pytest.mark.parametrize("check_mode", [True, False])
def test_suspended_organization_is_refused(http: Any, run_module: Any, check_mode: bool) -> None:
    organization = {**ORGANIZATION["data"]["organization"], "billingStatus": "SUSPENDED"}
    http.expect("POST", "/graphql", {"data": {"organization": organization}})
    http.expect("GET", LIST, {"data": []})
    message = run_module(fly_postgres, ARGS, check_mode=check_mode)["msg"]
    assert "Fly organization personal: Fly has suspended it" in message
