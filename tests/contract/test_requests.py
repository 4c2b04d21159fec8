# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What our clients send, checked against the schemas that the platforms publish.

FLYOVER_CONTRACTS names the folder with heroku-platform-api.schema.json (github.com/heroku/platform-api) and
fly.schema.graphql (github.com/superfly/fly-go).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import graphql
import jsonschema
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import HTTPClient, Response
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI

FOLDER = os.environ.get("FLYOVER_CONTRACTS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="FLYOVER_CONTRACTS names no folder with the published schemas")

Sent = list[tuple[str, str, Any]]


def recording_client(sent: Sent, answer: Any) -> HTTPClient:
    def transport(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Response:
        sent.append((method, urlsplit(url).path, json.loads(body) if body else None))
        return Response(200, {}, json.dumps(answer).encode())

    return HTTPClient("contract", "http://127.0.0.1", {}, transport)


GRAPHQL_CALLS: dict[str, Callable[[FlyAPI], Any]] = {
    "organization": lambda fly: fly.organization("personal"),
    "organizations": lambda fly: fly._other_organizations("acme"),
    "redis": lambda fly: fly.redis("cache"),
    "redis_regions": lambda fly: fly.redis_regions(),
    "redis_plans": lambda fly: fly.redis_plans(),
    "create_redis": lambda fly: fly.create_redis(
        {
            "organizationId": "o1",
            "primaryRegion": "iad",
            "name": "cache",
            "planId": "p1",
            "readRegions": [],
            "type": "upstash_redis",
            "options": {"eviction": False},
        }
    ),
    "release_config": lambda fly: fly.release_config("paper-crane"),
}


@pytest.fixture(scope="module")
def fly_schema() -> graphql.GraphQLSchema:
    assert FOLDER
    return graphql.build_schema(Path(FOLDER, "fly.schema.graphql").read_text())


@pytest.mark.parametrize("call", GRAPHQL_CALLS)
def test_graphql_operation_is_valid(fly_schema: graphql.GraphQLSchema, call: str) -> None:
    sent: Sent = []
    client = recording_client(sent, {"data": {"addOnPlans": {"nodes": []}, "createAddOn": {"addOn": {}}}})
    with contextlib.suppress(KeyError, FlyoverError):  # the answer does not matter here
        GRAPHQL_CALLS[call](FlyAPI(client, client, client, macaroon=False))
    ((_method, _path, body),) = sent
    document = graphql.parse(body["query"])
    assert graphql.validate(fly_schema, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, graphql.OperationDefinitionNode)
    coerced = graphql.get_variable_values(fly_schema, list(operation.variable_definitions or ()), body["variables"])
    assert not isinstance(coerced, list), coerced  # a list holds the errors


HEROKU_WRITES: dict[str, Callable[[HerokuAPI], Any]] = {
    "maintenance": lambda heroku: heroku.set_maintenance("paper-crane", True),
    "config vars": lambda heroku: heroku.set_config_vars("paper-crane", {"A": "1", "B": None}),
    "scale": lambda heroku: heroku.scale("paper-crane", {"web": 0, "worker": 2}),
    "run a dyno": lambda heroku: heroku.run_dyno("paper-crane", "bin/rails about", "standard-2x", 60),
    "stop a dyno": lambda heroku: heroku.stop_dyno("paper-crane", "run.4552"),
}


@pytest.fixture(scope="module")
def heroku_schema() -> dict[str, Any]:
    assert FOLDER
    schema: dict[str, Any] = json.loads(Path(FOLDER, "heroku-platform-api.schema.json").read_text())
    return schema


def links(schema: dict[str, Any], method: str, path: str) -> list[dict[str, Any]]:
    found = []
    for resource in schema["definitions"].values():
        for link in resource.get("links", []):
            pattern = re.sub(r"\{\([^)]*\)\}", "[^/]+", unquote(link["href"]).replace("(#", "(").replace("#", ""))
            if link["method"] == method and re.fullmatch(pattern, path):
                found.append(link)
    return found


@pytest.mark.parametrize("call", HEROKU_WRITES)
def test_heroku_request_body_is_valid(heroku_schema: dict[str, Any], call: str) -> None:
    sent: Sent = []
    HEROKU_WRITES[call](HerokuAPI(recording_client(sent, {})))
    ((method, path, body),) = sent
    known = links(heroku_schema, method, path)
    assert known, f"the published schema has no {method} {path}"
    for link in known:
        # An action that takes nothing has no schema.
        schema, content = link.get("schema", {}), body or {}
        whole = {**schema, "definitions": heroku_schema["definitions"]}
        jsonschema.Draft4Validator(whole).validate(content)
        assert set(content) <= set(schema.get("properties", content))
