# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sandbox answers to our clients, checked against the schemas that the platforms publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import graphql
import jsonschema
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import (
    HTTPClient,
    Response,
    open_url_transport,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import ACCEPT, HerokuAPI
from ansible_collections.flyover.heroku_to_fly.tests.contract.test_requests import (
    FOLDER,
    fly_schema,
    heroku_schema,
    links,
)
from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, Sandbox
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.fly.graphql_api import SCHEMA

__all__ = ["fly_schema", "heroku_schema"]
pytestmark = pytest.mark.skipif(not FOLDER, reason="FLYOVER_CONTRACTS names no folder with the published schemas")

CALLS: dict[str, Callable[[HerokuAPI], Any]] = {
    "app": lambda heroku: heroku.app(APP),
    "set_maintenance": lambda heroku: heroku.set_maintenance(APP, True),
    "config_vars": lambda heroku: heroku.config_vars(APP),
    "set_config_vars": lambda heroku: heroku.set_config_vars(APP, {"SEEN_BY": "contract"}),
    "formation": lambda heroku: heroku.formation(APP),
    "scale": lambda heroku: heroku.scale(APP, {"worker": 2}),
    "dynos": lambda heroku: heroku.dynos(APP),
    "run_dyno": lambda heroku: heroku.run_dyno(APP, "true", None, 60),
    "stop_dyno": lambda heroku: heroku.stop_dyno(APP, heroku.run_dyno(APP, "sleep 60", None, 60)["name"]),
    "addons": lambda heroku: heroku.addons(APP),
    "attachments": lambda heroku: heroku.attachments(APP),
    "addon_attachments": lambda heroku: heroku.addon_attachments(heroku.addons(APP)[0]["name"]),
    "domains": lambda heroku: heroku.domains(APP),
    "features": lambda heroku: heroku.features(APP),
    "log_drains": lambda heroku: heroku.log_drains(APP),
    "buildpacks": lambda heroku: heroku.buildpacks(APP),
    "latest_release": lambda heroku: heroku.latest_release(APP),
    "slug": lambda heroku: heroku.slug(APP, (heroku.latest_release(APP) or {})["slug"]["id"]),
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path_factory.mktemp("answers") / "box").up()
    yield box
    box.down()


def test_every_call_is_held_against_the_schema() -> None:
    assert set(CALLS) == {name for name in vars(HerokuAPI) if not name.startswith("_")}


@pytest.mark.parametrize("call", CALLS)
def test_heroku_answer_is_valid(heroku_schema: dict[str, Any], sandbox: Sandbox, call: str) -> None:
    answers: list[tuple[str, str, Any]] = []
    environment = sandbox.environment
    reach = open_url_transport(validate_certs=False)

    def transport(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Response:
        response = reach(method, url, headers, body, timeout)
        # The schema does not have what the official client asks for by version=3.sdk.
        if headers["Accept"] == ACCEPT:
            answers.append((method, url.removeprefix(environment["HEROKU_API_URL"]), response.json()))
        return response

    headers = {"Authorization": f"Bearer {environment['HEROKU_API_KEY']}", "Accept": ACCEPT}
    CALLS[call](HerokuAPI(HTTPClient("Heroku", environment["HEROKU_API_URL"], headers, transport)))
    for method, path, answer in answers:
        (target,) = {json.dumps(link["targetSchema"]) for link in links(heroku_schema, method, path)}
        schema = {**json.loads(target), "definitions": heroku_schema["definitions"]}
        jsonschema.Draft4Validator(schema).validate(answer)
        assert list(strangers(schema, schema, answer, path)) == []


def strangers(whole: dict[str, Any], schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    """Yield deviations from what O(schema) lists: its C(strictProperties) is no keyword of validators."""
    while "$ref" in schema:
        # dyno_size is a mistake in the published schema.
        parts = schema["$ref"].replace("dyno_size", "dyno-size").removeprefix("#/").split("/")
        schema = whole
        for part in parts:
            schema = schema[part]
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from strangers(whole, schema.get("items", {}), item, f"{at}[{index}]")
    elif isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        yield from (f"{at} has {name}" for name in value if name not in known)
        if schema.get("strictProperties"):
            yield from (f"{at} lacks {name}" for name in known if name not in value)
        for name in value:
            yield from strangers(whole, known.get(name, {}), value[name], f"{at}.{name}")


ROOTS = {"Query": "query_type", "Mutation": "mutation_type"}


@pytest.mark.parametrize("name", [name for name in SCHEMA.type_map if not name.startswith("__")])
def test_the_sandboxs_graphql_is_a_part_of_flys(fly_schema: graphql.GraphQLSchema, name: str) -> None:
    ours = SCHEMA.type_map[name]
    theirs = getattr(fly_schema, ROOTS[name]) if name in ROOTS else fly_schema.type_map[name]
    if isinstance(ours, graphql.GraphQLEnumType):
        assert set(ours.values) <= set(theirs.values)
    elif isinstance(ours, (graphql.GraphQLObjectType, graphql.GraphQLInputObjectType)):
        for field, definition in ours.fields.items():
            assert str(definition.type) == str(theirs.fields[field].type), field
            for argument, kind in getattr(definition, "args", {}).items():
                assert str(kind.type) == str(theirs.fields[field].args[argument].type), (field, argument)
    else:
        assert type(ours) is type(theirs)
