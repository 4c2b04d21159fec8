# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Fly's own client asks, by its source, against a running sandbox: no client is needed.

flyctl_replay holds the calls, flyctl_answers what the client reads of the answers, in the types that it decodes.
test_flyctl_client runs the client itself, where it is installed.
"""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import graphql
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import HTTPClient, open_url_transport
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.app_info import take_stock
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.secrets import Wanted, ensure_secrets
from ansible_collections.flyover.heroku_to_fly.tests.contract.flyctl_answers import (
    CERTIFICATE,
    CERTIFICATES,
    CLUSTER,
    CREDENTIALS,
    MACHINE,
    OPERATIONS,
    REGION,
    REST_ORGANIZATION,
)
from ansible_collections.flyover.heroku_to_fly.tests.contract.flyctl_replay import Refused, Replay, Wire
from ansible_collections.flyover.heroku_to_fly.tests.contract.go_types import Maybe, Time, misfits
from ansible_collections.flyover.heroku_to_fly.tests.contract.test_requests import FOLDER, fly_schema
from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import Sandbox

__all__ = ["fly_schema"]

NUMBERS = itertools.count(1)
SERVICE = {
    "protocol": "tcp",
    "internal_port": 8080,
    "ports": [{"port": 80, "handlers": ["http"]}, {"port": 443, "handlers": ["tls", "http"]}],
    "checks": [{"type": "http", "method": "GET", "path": "/", "interval": "15s", "timeout": "2s"}],
}
GUEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
GROUPS: dict[str, dict[str, Any]] = {
    "web": {"init": {"cmd": ["sh", "-c", "exec python3 -m http.server $PORT"]}, "guest": GUEST, "services": [SERVICE]},
    "worker": {"init": {"cmd": ["sleep", "600"]}, "guest": GUEST},
}
RELEASE_COMMAND = ["sh", "-c", "echo migrated"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path_factory.mktemp("flyctl") / "box").up()
    yield box
    box.down()


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    return Wire(sandbox)


@pytest.fixture
def flyctl(wire: Wire) -> Replay:
    """One app of its own for each test: Fly limits what can be done to one in a second."""
    replay = Replay(wire, f"replay-{next(NUMBERS)}")
    replay.apps_create()
    return replay


@pytest.fixture(scope="module")
def deployed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """An app with a release, two Machines and two addresses, for tests that only read."""
    replay = Replay(Wire(sandbox), "replay-deployed")
    replay.apps_create()
    replay.deploy(push(replay, tmp_path_factory.mktemp("source")), GROUPS, RELEASE_COMMAND)
    return replay


def push(flyctl: Replay, source: Path) -> str:
    """Put an image into the sandbox's registry."""
    (source / "index.html").write_text("hello\n")
    reference = f"registry.fly.io/{flyctl.app}:one"
    url = f"{flyctl.wire.sandbox.environment['FLY_FLAPS_BASE_URL']}/registry/{flyctl.app}/one"
    token = flyctl.wire.sandbox.environment["FLY_API_TOKEN"].partition(",")[0]
    body = json.dumps({"source": str(source)}).encode()
    headers = {"Authorization": f"FlyV1 {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=30) as answer:
        assert json.load(answer)["image"] == reference
    return reference


def module_client(sandbox: Sandbox) -> FlyAPI:
    """Return the client of our modules."""
    base, token = sandbox.environment["FLY_FLAPS_BASE_URL"], sandbox.environment["FLY_API_TOKEN"].partition(",")[0]
    clients = [
        HTTPClient("Fly", base, {"Authorization": f"{scheme} {token}"}, open_url_transport(validate_certs=False))
        for scheme in ("FlyV1", "FlyV1", "Bearer")
    ]
    return FlyAPI(*clients, macaroon=True)


def groups(flyctl: Replay) -> dict[str, int]:
    """Return the number of Machines by process group, as our modules count them."""
    stock = take_stock(module_client(flyctl.wire.sandbox), flyctl.app)
    return {group: entry["count"] for group, entry in stock["groups"].items()}


@pytest.mark.skipif(not FOLDER, reason="FLYOVER_CONTRACTS names no folder with the published schemas")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_is_one_of_flys(fly_schema: graphql.GraphQLSchema, operation: str) -> None:
    assert graphql.validate(fly_schema, graphql.parse(OPERATIONS[operation][0])) == []


def test_misfits_are_what_go_refuses() -> None:
    shape = {"id": int, "name": str, "on": bool, "at": Time, "note": Maybe(str)}
    assert list(misfits(shape, {"id": 1, "name": "a", "on": True, "at": "2026-11-25T10:00:00.5Z"})) == []
    wrong = {"id": "1", "name": None, "on": 1, "at": "today", "note": 5}
    assert [text.partition(" ")[0] for text in misfits(shape, wrong)] == [f"answer.{name}" for name in shape]
    assert list(misfits({"id": int}, {"id": True})) == ["answer.id is no int: True"]
    assert list(misfits([str], None)) == ["answer is no list: None"]


# Commands that only read: what they ask of an app that is deployed.
READS: dict[str, Callable[[Wire, str], Any]] = {
    "auth whoami": lambda wire, app: wire.graphql("user")["viewer"]["email"],
    "orgs list": lambda wire, app: wire.graphql("organizations", admin=False)["organizations"]["nodes"],
    "apps list": lambda wire, app: wire.graphql("apps")["apps"]["nodes"],
    "apps list -o": lambda wire, app: wire.graphql(
        "apps", org=wire.graphql("organization", slug="personal")["organization"]["id"]
    )["apps"]["nodes"],
    "status": lambda wire, app: (
        wire.graphql("app compact", appName=app),
        wire.flaps("GET", f"/apps/{app}/machines", [MACHINE]),
    )[1],
    "status --json": lambda wire, app: (
        wire.graphql("app compact", appName=app),
        wire.flaps("GET", f"/apps/{app}/machines", [MACHINE]),
        wire.graphql("release version", appName=app)["app"]["currentRelease"]["version"],
    )[2],
    "machines list": lambda wire, app: wire.flaps("GET", f"/apps/{app}/machines", [MACHINE]),
    "releases": lambda wire, app: wire.graphql("releases", appName=app, limit=25)["app"]["releases"]["nodes"],
    "ips list": lambda wire, app: (
        wire.graphql("egress addresses", appName=app),
        wire.graphql("addresses", appName=app)["app"]["ipAddresses"]["nodes"],
    )[1],
    "config show": lambda wire, app: wire.graphql("release config", appName=app)["app"]["currentReleaseUnprocessed"],
    "logs -n": lambda wire, app: wire.logs(app)["data"],
    # Go takes "regions" for the field that fly-go calls "Regions".
    "platform regions": lambda wire, app: wire.flaps("GET", "/platform/regions", {"regions": [REGION], "nearest": str})[
        "regions"
    ],
    "platform placements": lambda wire, app: wire.flaps(
        "POST",
        "/platform/placements",
        {"Regions": [{"Region": str, "Count": int, "Concurrency": int}]},
        {"region": "iad", "count": 1, "volume_name": "", "volume_size_bytes": 0, "weights": None, "org_slug": ""},
    )["Regions"],
    "redis plans": lambda wire, app: wire.graphql("add-on plans", addOnType="upstash_redis")["addOnPlans"]["nodes"],
    "uiex organizations": lambda wire, app: wire.rest(
        "GET", "/organizations?admin=false", {"organizations": [REST_ORGANIZATION]}
    )["organizations"],
}


@pytest.mark.parametrize("command", READS)
def test_reading_command_is_answered(deployed: Replay, command: str) -> None:
    assert READS[command](deployed.wire, deployed.app)


def test_apps_list_follows_pages(wire: Wire, deployed: Replay) -> None:
    names: list[str] = []
    variables: dict[str, Any] = {}
    query, _shape = OPERATIONS["apps"]
    headers = {"Authorization": f"Bearer {wire.sandbox.environment['FLY_API_TOKEN'].rpartition(',')[2]}"}
    Replay(wire, f"replay-{next(NUMBERS)}").apps_create()
    while True:
        # flyctl asks for 200 at a time.
        body = {"query": query.replace("first: 200", "first: 1"), "variables": variables}
        page = wire.send("POST", "/graphql", body, headers, 200)["data"]["apps"]
        names += [node["name"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables = {"after": page["pageInfo"]["endCursor"]}
    assert len(names) == len(set(names)) >= 2
    assert deployed.app in names


def test_status_asks_for_newer_images_of_flys_own_only(wire: Wire) -> None:
    with pytest.raises(Refused, match="Unknown repository"):
        wire.graphql("latest image details", image="replay:one", flyVersion="")


def test_apps_create_gives_an_app_that_is_not_deployed(flyctl: Replay) -> None:
    app = flyctl.wire.graphql("app", appName=flyctl.app)["app"]
    assert (app["deployed"], app["currentRelease"], app["machines"]["nodes"]) == (False, None, [])
    assert flyctl.wire.graphql("app compact", appName=flyctl.app)["appcompact"]["network"] is None


def test_name_that_is_taken_is_told_by_its_code(flyctl: Replay) -> None:
    with pytest.raises(Refused, match="name_taken"):
        flyctl.apps_create()
    with pytest.raises(Refused) as refused:
        flyctl.wire.flaps("GET", "/apps/taken-elsewhere")
    assert refused.value.status == 403


def test_what_flyctl_stages_our_module_sees(flyctl: Replay) -> None:
    flyctl.secrets_update({"SMTP_HOST": "smtp.example.com", "PEM": "a\nb\n"}, stage=True)
    assert flyctl.secrets_list() == {"PEM": "Staged", "SMTP_HOST": "Staged"}
    wanted = Wanted({"SMTP_HOST": "smtp.example.com", "NEW": "1"}, exact=True)
    found = ensure_secrets(module_client(flyctl.wire.sandbox), flyctl.app, wanted, None, "ledger", check_mode=True)
    assert found["names"] == {"NEW": "set", "PEM": "unset", "SMTP_HOST": "unknown"}
    assert found["statuses"] == {"PEM": "Staged", "SMTP_HOST": "Staged"}


def test_import_and_unset_of_secrets_wait_for_the_first_deployment(flyctl: Replay) -> None:
    flyctl.secrets_update({"A": "1", "B": "2"}, stage=False)
    flyctl.secrets_update({"A": None, "NEVER_THERE": None}, stage=False)
    assert flyctl.secrets_list() == {"B": "Staged"}


def test_sync_tells_the_version_of_secrets_that_others_wrote(flyctl: Replay) -> None:
    written = module_client(flyctl.wire.sandbox).update_secrets(flyctl.app, {"A": "1"})
    flyctl.secrets_sync()
    assert flyctl.secrets_version == written["version"] + 1
    assert list(flyctl.secrets_list()) == ["A"]


def test_secrets_are_not_shown_at_a_version_that_is_not_there_yet(flyctl: Replay) -> None:
    with pytest.raises(Refused, match="not yet available"):
        flyctl.wire.flaps("GET", f"/apps/{flyctl.app}/secrets?version=7")


def test_two_deploys_and_what_our_module_reads_of_them(flyctl: Replay, tmp_path: Path) -> None:
    image = push(flyctl, tmp_path)
    flyctl.secrets_update({"A": "1"}, stage=True)
    assert flyctl.deploy(image, GROUPS, RELEASE_COMMAND) == 0
    first = take_stock(module_client(flyctl.wire.sandbox), flyctl.app)
    assert first["groups"] == {group: {"count": 1, "started": 1, "healthy": 1} for group in GROUPS}
    assert (first["release"]["version"], first["release"]["status"]) == (1, "complete")
    assert first["release"]["image_ref"].startswith(f"{image}@sha256:")
    assert first["secrets"]["A"]["status"] == "Deployed"
    assert sorted(ip["kind"] for ip in first["ips"]) == ["shared_v4", "v6"]
    assert flyctl.deploy(image, GROUPS, RELEASE_COMMAND) == 0
    second = take_stock(module_client(flyctl.wire.sandbox), flyctl.app)
    assert second["release"]["version"] == 2
    assert [m["id"] for m in second["machines"]] == [m["id"] for m in first["machines"]]
    assert second["ips"] == first["ips"]


def test_secrets_that_are_set_at_once_restart_every_machine(flyctl: Replay, tmp_path: Path) -> None:
    flyctl.deploy(push(flyctl, tmp_path), {"worker": GROUPS["worker"]}, [])
    flyctl.secrets_update({"A": "1"}, stage=False)
    assert flyctl.secrets_list() == {"A": "Deployed"}
    flyctl.secrets_update({"B": "2"}, stage=True)
    assert flyctl.secrets_list() == {"A": "Deployed", "B": "Staged"}
    time.sleep(1)  # until Fly accepts another change of this Machine
    flyctl.secrets_deploy()
    assert flyctl.secrets_list() == {"A": "Deployed", "B": "Deployed"}


def test_release_command_that_fails_leaves_the_machines_alone(flyctl: Replay, tmp_path: Path) -> None:
    image = push(flyctl, tmp_path)
    assert flyctl.deploy(image, GROUPS, ["sh", "-c", "echo it broke; exit 3"]) == 3
    assert groups(flyctl) == {}
    assert any(
        entry["attributes"]["message"] == "it broke" and entry["attributes"]["meta"]["event"]["provider"] == "app"
        for entry in flyctl.wire.logs(flyctl.app)["data"]
    )
    assert [release["status"] for release in flyctl.wire.sandbox.state()["fly"]["apps"][flyctl.app]["releases"]] == [
        "failed"
    ]


def test_machine_that_destroyed_itself_is_only_to_be_looked_at(flyctl: Replay, tmp_path: Path) -> None:
    flyctl.deploy(push(flyctl, tmp_path), {"worker": GROUPS["worker"]}, RELEASE_COMMAND)
    path = f"/apps/{flyctl.app}/machines"
    (worker,) = flyctl.wire.flaps("GET", path, [MACHINE])
    everything = flyctl.wire.flaps("GET", f"{path}?include_deleted=true", [MACHINE])
    (gone,) = [machine["id"] for machine in everything if machine["id"] != worker["id"]]
    assert flyctl.wire.flaps("GET", f"{path}/{gone}", MACHINE)["state"] == "destroyed"
    for method, target, status in (("POST", f"{gone}/start", 412), ("GET", f"{gone}/wait?state=started", 404)):
        with pytest.raises(Refused) as refused:
            flyctl.wire.flaps(method, f"{path}/{target}")
        assert refused.value.status == status


def test_image_that_nobody_pushed_is_not_found(flyctl: Replay) -> None:
    with pytest.raises(Refused, match="could not find image"):
        flyctl.find_image(f"registry.fly.io/{flyctl.app}:never")


def test_build_from_source_says_that_there_is_no_builder(flyctl: Replay) -> None:
    with pytest.raises(Refused, match="the sandbox has no builder"):
        flyctl.build_only()


def test_scale_up_and_down(flyctl: Replay, tmp_path: Path) -> None:
    flyctl.deploy(push(flyctl, tmp_path), {"worker": GROUPS["worker"]}, [])
    flyctl.scale_count("worker", 2)
    assert groups(flyctl) == {"worker": 2}
    flyctl.scale_count("worker", 1)
    assert groups(flyctl) == {"worker": 1}


def test_lease_is_held_against_everybody_else(flyctl: Replay, tmp_path: Path) -> None:
    flyctl.deploy(push(flyctl, tmp_path), {"worker": GROUPS["worker"]}, [])
    (machine,) = flyctl.wire.flaps("GET", f"/apps/{flyctl.app}/machines", [MACHINE])
    path = f"/apps/{flyctl.app}/machines/{machine['id']}"
    nonce = flyctl.wire.flaps("POST", f"{path}/lease?ttl=60")["data"]["nonce"]
    for method, target, other in (
        ("POST", f"{path}/lease?ttl=13", ""),
        ("POST", f"{path}/lease?ttl=13", "wrong"),
        ("POST", f"{path}/stop", ""),
        ("DELETE", f"{path}?kill=true", "wrong"),
        ("DELETE", f"{path}/lease", "wrong"),
    ):
        with pytest.raises(Refused, match="lease currently held by") as refused:
            flyctl.wire.flaps(method, target, nonce=other)
        assert refused.value.status == 409
    assert flyctl.wire.flaps("GET", f"{path}/lease")["data"]["nonce"] == nonce
    flyctl.wire.flaps("POST", f"{path}/lease?ttl=1", nonce=nonce)
    time.sleep(1.2)  # it ends by itself, as after a client that was killed
    with pytest.raises(Refused, match="lease not found"):
        flyctl.wire.flaps("GET", f"{path}/lease")
    flyctl.wire.flaps("POST", f"{path}/stop")


def test_log_goes_on_where_the_last_answer_ended(deployed: Replay) -> None:
    first = deployed.wire.logs(deployed.app)
    assert any(entry["attributes"]["message"] == "migrated" for entry in first["data"])
    (worker,) = [
        machine["id"]
        for machine in deployed.wire.flaps("GET", f"/apps/{deployed.app}/machines")
        if machine["config"]["metadata"]["fly_process_group"] == "worker"
    ]
    assert {entry["attributes"]["instance"] for entry in first["data"]} - {worker}
    assert deployed.wire.logs(deployed.app, first["meta"]["next_token"], worker)["data"] == []


def test_certificates(flyctl: Replay) -> None:
    path = f"/apps/{flyctl.app}/certificates"
    added = flyctl.wire.flaps("POST", f"{path}/acme", CERTIFICATE, {"hostname": "www.example.com"})
    assert (
        flyctl.wire.flaps("GET", f"{path}?limit=50", CERTIFICATES)["certificates"][0]["hostname"] == "www.example.com"
    )
    # 'certs show' is 'certs check'.
    checked = flyctl.wire.flaps("POST", f"{path}/www.example.com/check", CERTIFICATE)
    assert checked.pop("dns_records")["a"] == []
    assert checked == added
    stock = take_stock(module_client(flyctl.wire.sandbox), flyctl.app)
    assert stock["certificates"] == {"www.example.com": {"status": "pending_validation", "configured": False}}
    flyctl.wire.flaps("DELETE", f"{path}/www.example.com")


def test_redis_create_without_questions(wire: Wire) -> None:
    """--name --org --region --no-replicas --disable-eviction --enable-prodpack=false (internal/command/redis)."""
    assert "iad" in [region["code"] for region in wire.graphql("regions")["platform"]["regions"]]
    (organization,) = wire.graphql("organizations", admin=False)["organizations"]["nodes"]
    assert wire.graphql("add-on provider", name="upstash_redis")["addOnProvider"]["excludedRegions"] == []
    plans = wire.graphql("add-on plans", addOnType="upstash_redis")["addOnPlans"]["nodes"]
    assert "ekQ85Yjkw155ohQ5ALYq0M" in [plan["id"] for plan in plans]
    # Its generated code sends every field of the input, empty or not.
    wanted = {
        "appId": "",
        "clientMutationId": "",
        "name": "replay-redis",
        "options": {},
        "organizationId": organization["id"],
        "organizationPlanId": "",
        "planId": "ekQ85Yjkw155ohQ5ALYq0M",
        "primaryRegion": "iad",
        "readRegions": None,
        "type": "upstash_redis",
    }
    created = wire.graphql("create add-on", input=wanted)["createAddOn"]["addOn"]
    found = module_client(wire.sandbox).redis("replay-redis")
    assert found is not None
    assert found["publicUrl"] == created["publicUrl"]
    wire.graphql("add-on", name="replay-redis", provider="upstash_redis")


def test_mpg_create_and_list_with_a_macaroon(sandbox: Sandbox) -> None:
    """Internal/command/mpg: flyctl asks for these only with a macaroon that it can decode."""
    wire = Wire(sandbox, macaroon=True)
    wire.graphql("organizations", admin=False)
    slug = wire.graphql("organization's raw slug", slug="personal")["organization"]["rawSlug"]
    path = f"/organizations/{slug}/postgresv2"
    wire.graphql("regions")
    offered = wire.rest("GET", f"{path}/regions", {"data": [{"code": str, "available": bool}]})["data"]
    assert {"code": "iad", "available": True} in offered
    wanted = {
        "name": "replay-db",
        "region": "iad",
        "org_slug": slug,
        "plan": "basic",
        "pg_major_version": "16",
        "storage_in_gb": 10,
        "postgis_enabled": False,
    }
    shape = {"ok": bool, "errors": {"detail": Maybe(str)}, "data": {"id": str, "region": str, "disk": int}}
    created = wire.rest("POST", path, shape, wanted, 201)["data"]
    deadline = time.monotonic() + 20
    while True:
        answer = wire.rest("GET", f"/postgresv2/{created['id']}", {"data": CLUSTER, "credentials": CREDENTIALS})
        if answer["data"]["status"] == "ready":
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert answer["credentials"]["pgbouncer_uri"]
    listed = wire.rest("GET", f"/organizations/{slug}/postgres", {"data": [{**CLUSTER, "version": int}]})["data"]
    assert [(cluster["name"], cluster["version"]) for cluster in listed] == [("replay-db", 2)]


def test_each_api_takes_only_the_tokens_that_it_takes_on_fly(sandbox: Sandbox) -> None:
    wire, both = Wire(sandbox), sandbox.environment["FLY_API_TOKEN"]
    macaroon = both.partition(",")[0]
    for path, header, status in (
        ("/v1/apps?org_slug=personal", f"FlyV1 {both}", 401),
        ("/v1/apps?org_slug=personal", f"Bearer {both}", 401),
        ("/v1/apps?org_slug=personal", f"FlyV1 {macaroon}", 200),
        ("/api/v1/organizations/personal", f"Bearer {both}", 200),
        ("/api/v1/organizations/personal", f"FlyV1 {macaroon}", 401),
    ):
        if status == 200:
            wire.send("GET", path, None, {"Authorization": header}, 200)
        else:
            with pytest.raises(Refused) as refused:
                wire.send("GET", path, None, {"Authorization": header}, 200)
            assert refused.value.status == status
