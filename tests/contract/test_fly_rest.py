# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's REST: what we send and what the sandbox answers, held against the specification that Fly publishes.

The judge is the client that is generated from it (@distilled.cloud/fly-io in .tools, where 'make contract' installs
it), which has a schema for the input and the output of every operation; fly_rest.mjs asks it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import (
    HTTPClient,
    Response,
    open_url_transport,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.tokens import (
    machines_authorization,
    uiex_authorization,
)
from ansible_collections.flyover.heroku_to_fly.tests.contract.test_requests import GRAPHQL_CALLS
from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, CHECKOUT, Sandbox

INSTALLED = CHECKOUT / ".tools" / "fly-io"
SCRIPT = Path(__file__).with_name("fly_rest.mjs")
NODE = shutil.which("node")
pytestmark = [
    pytest.mark.skipif(not NODE, reason="there is no node to run the client of Fly's specification with"),
    pytest.mark.skipif(
        not (INSTALLED / "node_modules").exists(),
        reason="the client of Fly's specification is not installed ('make contract' does it)",
    ),
]

ORG = "sandbox-person"
HOST = "www.example.com"
OTHER = "other-crane"  # the app that the generated client creates
Verdict = dict[str, Any]

# Not in the specification, by request.
UNPUBLISHED = {
    f"GET /api/v1/apps/{APP}/releases": "flyctl's own REST, which Fly does not publish",
    f"GET /api/v1/organizations/{ORG}/postgres": "flyctl's list of clusters of both versions; published is the newer's",
}
# Where the specification and Fly's own clients or documentation differ these are right, by operation and place.
EXCEPTIONS = {
    ("createApp", "request.wait"): "fly-go waits so until the app is known",
    ("getApp", "answer.cname_target"): "fly-go reads it",
    ("listApps", "answer.apps[].cname_target"): "fly-go reads it",
    ("getApp", "answer.app_role"): "fly-go reads it",
    ("listApps", "answer.apps[].app_role"): "fly-go reads it",
    ("getClusterById", "answer.data.attached_apps[].id"): "flyctl reads a number",
    **{
        (operation, f"answer.{name}"): "fly-go finds the lease in data"
        for operation in ("getMachineLease", "createMachineLease")
        for name in ("status", "data")
    },
    ("updateSecrets", "request.values.UNSET"): "fly-go unsets by null",
    ("deleteMachine", "request.kill"): "fly-go says kill where the specification says force",
    # The specification is of a kind (Swagger 2.0) that has no null.
    ("createAppAcmeCertificate", "answer.rate_limited_until"): "null in Fly's documentation",
    ("getAppCertificate", "answer.rate_limited_until"): "null in Fly's documentation",
    ("checkAppCertificate", "answer.rate_limited_until"): "null in Fly's documentation",
    ("checkAppCertificate", "answer.dns_records.soa"): "fly-go reads null",
    ("listExtensions", "answer.data[].installed"): "null where it is not, says the specification's text",
    **{
        ("getClusterById", f"answer.credentials.{name}"): "not known while the cluster is made; flyctl reads null"
        for name in ("user", "password", "dbname", "pgbouncer_uri")
    },
}


def machine(fly: FlyAPI) -> str:
    """Return the id of a Machine."""
    return str(fly.machines(APP)[0]["id"])


def lease(fly: FlyAPI) -> None:
    """Read a lease that somebody else has taken and gives back."""
    path = f"/machines/{machine(fly)}/lease"
    nonce = fly._app(APP, "POST", path, query={"ttl": "30"})["data"]["nonce"]
    assert fly.lease(APP, machine(fly))
    fly._app(APP, "DELETE", path, headers={"fly-machine-lease-nonce": nonce})
    assert fly.lease(APP, machine(fly)) is None


def cluster(fly: FlyAPI) -> str:
    """Return the id of the cluster, when it is ready."""
    found = str(fly.postgres_clusters(ORG)[0]["id"])
    while fly.postgres_cluster(found)["data"]["status"] != "ready":
        time.sleep(0.5)
    return found


def create_cluster(fly: FlyAPI) -> None:
    """Create the cluster."""
    body = {"name": "db", "region": "iad", "org_slug": ORG, "plan": "basic", "pg_major_version": "16"}
    fly.create_postgres_cluster(ORG, {**body, "storage_in_gb": 10, "postgis_enabled": False})


CREATE: dict[str, Callable[[FlyAPI], Any]] = {"create_app": lambda fly: fly.create_app(APP, "personal")}
# In this order, after the app was created and deployed.
CALLS: dict[str, Callable[[FlyAPI], Any]] = {
    "app": lambda fly: fly.app(APP),
    "assign_ip": lambda fly: [fly.assign_ip(APP, kind) for kind in ("v6", "shared_v4")],
    "ip_assignments": lambda fly: fly.ip_assignments(APP),
    "update_secrets": lambda fly: fly.update_secrets(APP, {"SET": "a\nb", "UNSET": None}),
    "secrets": lambda fly: fly.secrets(APP),
    "machines": lambda fly: fly.machines(APP),
    "lease": lease,
    "exec": lambda fly: [fly.exec(APP, machine(fly), ["sh", "-c", line], 10) for line in ("exit 3", "kill -9 $$")],
    "destroy_machine": lambda fly: fly.destroy_machine(APP, machine(fly)),
    "request_certificate": lambda fly: [fly.request_certificate(APP, name) for name in (HOST, "*.example.com")],
    "certificates": lambda fly: fly.certificates(APP),
    "certificate": lambda fly: fly.certificate(APP, "*.example.com"),
    "check_certificate": lambda fly: fly.check_certificate(APP, HOST),
    "delete_certificate": lambda fly: fly.delete_certificate(APP, HOST),
    "releases": lambda fly: fly.releases(APP),
    "postgres_regions": lambda fly: fly.postgres_regions(ORG),
    "create_postgres_cluster": create_cluster,
    "postgres_clusters": lambda fly: fly.postgres_clusters(ORG),
    "postgres_cluster": cluster,
    "attach_postgres_cluster": lambda fly: fly.attach_postgres_cluster(cluster(fly), APP),
    "postgres_extensions": lambda fly: fly.postgres_extensions(cluster(fly), "fly-db"),
    "enable_postgres_extension": lambda fly: fly.enable_postgres_extension(cluster(fly), "fly-db", "citext", "extra"),
    "token_apps": lambda fly: fly.token_apps(),
}


def app(**more: Any) -> Callable[[Any], dict[str, Any]]:
    """Return what makes an input of the other app."""
    return lambda _said: {"app_name": OTHER, **more}


def of_machine(**more: Any) -> Callable[[Any], dict[str, Any]]:
    """Return what makes an input of the Machine that was created."""
    return lambda said: {"app_name": OTHER, "machine_id": said["createMachine"]["id"], **more}


def of_cluster(**more: Any) -> Callable[[Any], dict[str, Any]]:
    """Return what makes an input of the cluster that was created."""
    return lambda said: {"id": said["createCluster"]["data"]["id"], **more}


def image(said: Any) -> dict[str, Any]:
    """Return a Machine's configuration with the image of our app."""
    return {"image": said["listMachines"][0]["config"]["image"], "init": {"cmd": ["sleep", "60"]}}


# What the generated client says itself, in this order: (operation, input from what was answered before, part of the
# answer)
CONVERSATION: list[tuple[str, Callable[[Any], dict[str, Any]], str]] = [
    ("createApp", lambda _said: {"name": OTHER, "org_slug": "personal"}, ""),
    ("listApps", lambda _said: {"org_slug": "personal"}, f'"name": "{OTHER}"'),
    ("getApp", app(), '"status": "pending"'),
    ("updateSecrets", app(values={"LINES": "one\ntwo", "OTHER": ""}), '"version": 1'),
    ("listSecrets", app(), '"name": "LINES"'),
    ("createAppIPAssignment", app(type="v6"), '"ip": "2a09:'),
    ("listAppIPAssignments", app(), '"ip": "2a09:'),
    ("createAppAcmeCertificate", app(hostname=HOST), "_acme-challenge"),
    ("listAppCertificates", app(limit=5), f'"hostname": "{HOST}"'),
    ("getAppCertificate", app(hostname=HOST), "_acme-challenge"),
    ("checkAppCertificate", app(hostname=HOST), '"dns_records"'),
    ("deleteAppCertificate", app(hostname=HOST), ""),
    ("listMachines", lambda _said: {"app_name": APP}, '"state": "started"'),
    ("createMachine", lambda said: {"app_name": OTHER, "region": "iad", "config": image(said)}, '"state": "started"'),
    ("getMachine", of_machine(), '"region": "iad"'),
    ("execMachine", of_machine(command=["printenv", "LINES"], timeout=10), '"stdout": "one\\ntwo\\n"'),
    ("stopMachine", of_machine(), ""),
    ("waitMachine", of_machine(state="stopped", timeout=10), ""),
    ("startMachine", of_machine(), '"previous_state": "stopped"'),
    ("deleteMachine", of_machine(force=True), ""),
    ("getRegions", lambda _said: {}, '"code": "iad"'),
    ("getCurrentToken", lambda _said: {}, f'"org_slug": "{ORG}"'),
    (
        "createPostgres",
        lambda _said: {"org_slug": "personal", "name": "public", "region": "iad", "plan": "basic", "disk_size_gb": 10},
        '"disk_size_gb": 10',
    ),
    ("getPostgres", lambda said: {"postgres_cluster_id": said["createPostgres"]["data"]["id"]}, '"name": "public"'),
    ("listRegions", lambda _said: {"org_slug": ORG}, '"code": "iad"'),
    (
        "createCluster",
        lambda _said: {"org_slug": ORG, "name": "own", "region": "iad", "plan": "basic", "storage_in_gb": 10},
        '"disk": 10',
    ),
    ("getClusterById", of_cluster(), '"name": "own"'),
    ("listUsers", of_cluster(), '"role": "schema_admin"'),
    ("listDatabases", of_cluster(), '"name": "fly-db'),
    ("createAttachment", of_cluster(app_name=OTHER), '"attached_at"'),
]


class Judge:
    """The generated client, in one Node process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        assert NODE
        # A script given as text looks for packages in the working directory.
        self._process = subprocess.Popen(
            [NODE, "--input-type=module", "--eval", SCRIPT.read_text()],
            cwd=INSTALLED,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, asked: Mapping[str, Any]) -> Verdict:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        verdict: Verdict = json.loads(self._process.stdout.readline())
        return verdict

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path_factory.mktemp("fly") / "box").up()
    yield box
    box.down()


@pytest.fixture(scope="module")
def judge(sandbox: Sandbox) -> Iterator[Judge]:
    # The Machines API takes no other kind of token beside a macaroon; fly-go leaves those out.
    macaroon = sandbox.environment["FLY_API_TOKEN"].partition(",")[0]
    asked = Judge({**sandbox.environment, "FLY_API_TOKEN": macaroon})
    yield asked
    asked.close()


def deploy(sandbox: Sandbox, folder: Path) -> None:
    """Deploy an app that needs nothing, so that there is a release and a Machine with a service and a check."""
    (folder / "Dockerfile").write_text('FROM ruby\nCMD ["sh", "-c", "exec python3 -m http.server $PORT"]\n')
    (folder / "fly.toml").write_text(
        f'app = "{APP}"\nprimary_region = "iad"\n'
        "[http_service]\ninternal_port = 8080\n[[http_service.checks]]\npath = '/'\n"
    )
    subprocess.run(["flyctl", "deploy"], cwd=folder, env={**os.environ, **sandbox.environment}, check=True, timeout=60)


@pytest.fixture(scope="module")
def verdicts(sandbox: Sandbox, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Verdict]]:
    """Every call's exchanges with the sandbox, judged."""
    environment = sandbox.environment
    token = environment["FLY_API_TOKEN"]
    reach = open_url_transport(validate_certs=False)
    found: list[Verdict] = []

    def transport(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Response:
        response = reach(method, url, headers, body, timeout)
        if response.status < 300:
            parts = urlsplit(url)
            exchange = {
                "method": method,
                "path": parts.path,
                "query": dict(parse_qsl(parts.query)),
                "body": json.loads(body or b"{}"),
                "answer": response.json(),
            }
            found.append({**judge.ask(exchange), "request": f"{method} {parts.path}"})
        return response

    def client(base: str, authorization: str) -> HTTPClient:
        return HTTPClient("Fly", environment[base], {"Authorization": authorization}, transport)

    machines = client("FLY_FLAPS_BASE_URL", machines_authorization(token))
    fly = FlyAPI(machines, machines, client("FLY_UIEX_BASE_URL", uiex_authorization(token)), macaroon=True)
    judged: dict[str, list[Verdict]] = {}

    def perform(name: str, call: Callable[[FlyAPI], Any]) -> None:
        found.clear()
        call(fly)
        judged[name] = list(found)

    for name, call in CREATE.items():
        perform(name, call)
    deploy(sandbox, tmp_path_factory.mktemp("source"))
    for name, call in CALLS.items():
        perform(name, call)
    return judged


@pytest.fixture(scope="module")
def conversation(verdicts: Any, judge: Judge) -> dict[str, Verdict]:
    """What the generated client got answered to each operation, judged."""
    del verdicts  # our own app already exists
    heard: dict[str, Verdict] = {}
    for operation, prepare, _part in CONVERSATION:
        said = {name: verdict["answer"] for name, verdict in heard.items() if "answer" in verdict}
        try:
            heard[operation] = judge.ask({"call": operation, "input": prepare(said)})
        except KeyError as missing:
            failed = f"nothing was answered to {missing}"
            heard[operation] = {"operation": operation, "problems": {}, "requests": [], "error": failed}
    return heard


def unexplained(verdict: Verdict) -> dict[str, str]:
    """Return the problems that are not listed as exceptions."""
    return {
        place: text for place, text in verdict["problems"].items() if (verdict["operation"], place) not in EXCEPTIONS
    }


def test_every_call_is_held_against_the_specification_or_the_schema() -> None:
    rest = {*CREATE, *CALLS}
    assert not rest & set(GRAPHQL_CALLS)
    methods = {name for name in vars(FlyAPI) if not name.startswith("_")}
    assert rest < methods <= rest | set(GRAPHQL_CALLS)


@pytest.mark.parametrize("call", [*CREATE, *CALLS])
def test_requests_and_answers_are_as_published(verdicts: dict[str, list[Verdict]], call: str) -> None:
    assert verdicts[call]
    assert [problems for problems in map(unexplained, verdicts[call]) if problems] == []


def test_what_is_not_published_is_known(verdicts: dict[str, list[Verdict]]) -> None:
    judged = [verdict for found in verdicts.values() for verdict in found]
    assert {verdict["request"] for verdict in judged if verdict["operation"] is None} == set(UNPUBLISHED)


@pytest.mark.parametrize(("operation", "part"), [(operation, part) for operation, _input, part in CONVERSATION])
def test_generated_client_works_against_the_sandbox(
    conversation: dict[str, Verdict], note: Any, operation: str, part: str
) -> None:
    heard = conversation[operation]
    answer = json.dumps(heard.get("answer"))
    good = "error" not in heard and part in answer and not unexplained(heard)
    note(f"fly-io {operation}", heard["requests"], "works" if good else "FAILS")
    assert heard.get("error") is None
    assert part in answer
    assert unexplained(heard) == {}


def test_no_exception_is_made_in_vain(verdicts: dict[str, list[Verdict]], conversation: dict[str, Verdict]) -> None:
    judged = [*conversation.values(), *(verdict for found in verdicts.values() for verdict in found)]
    met = {(verdict["operation"], place) for verdict in judged for place in verdict["problems"]}
    assert met >= set(EXCEPTIONS)
