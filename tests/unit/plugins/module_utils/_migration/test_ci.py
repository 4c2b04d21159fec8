# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CI systems read: SARIF with what its schema and GitHub require, and JUnit's XML."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.ci import junit, sarif
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen, facts

# What sarif-schema-2.1.0.json requires of the parts that we write, and does not allow beside them.
_TEXT = {"type": "string", "minLength": 1}
_RULE = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {"id": _TEXT, "helpUri": {"type": "string", "pattern": "^https://"}},
}
_LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "additionalProperties": False,
                    "properties": {"uri": {"type": "string", "pattern": "^[^ ?#/][^ ?#]*$"}, "uriBaseId": _TEXT},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "properties": {"startLine": {"type": "integer", "minimum": 1}},
                },
            },
        },
        "logicalLocations": {"type": "array", "items": {"type": "object", "required": ["fullyQualifiedName"]}},
    },
}
_RESULT = {
    "type": "object",
    "required": ["ruleId", "message", "locations", "partialFingerprints"],
    "additionalProperties": False,
    "properties": {
        "ruleId": _TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": {"type": "object", "required": ["text"], "properties": {"text": _TEXT}},
        "locations": {"type": "array", "minItems": 1, "items": _LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": _TEXT},
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "pattern": "sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": _TEXT,
                                    "informationUri": _TEXT,
                                    "rules": {"type": "array", "uniqueItems": True, "items": _RULE},
                                },
                            }
                        },
                    },
                    "automationDetails": {"type": "object", "required": ["id"]},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": _RESULT},
                },
            },
        },
    },
}


@pytest.fixture
def found(audit: dict[str, Any]) -> dict[str, Any]:
    known = facts(Seen(audit))
    of_a_file = {"path": "config/a b#1.rb", "line": 7}
    blocking = {"id": "x", "level": "block", "urgency": "before", "text": "bell \x07 <&>", "remedy": "Go.", **of_a_file}
    drift = {"id": "table-added", "name": "public.a", "text": "table public.a was added on Heroku"}
    return {**known, "findings": [blocking, *known["findings"]], "drift": [drift]}


def test_sarif_has_what_its_schema_and_github_require(found: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    log = json.loads(sarif(found))
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert len(run["results"]) == len(found["findings"]) + 1
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    first = run["results"][0]
    assert first["level"] == "error"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "config/a%20b%231.rb"
    assert run["results"][-1]["message"]["text"].startswith("Since the last run, table public.a was added on Heroku.")


def test_a_finding_that_moves_within_a_file_keeps_its_fingerprint(found: dict[str, Any]) -> None:
    before = json.loads(sarif(found))["runs"][0]["results"]
    found["findings"][0] = {**found["findings"][0], "line": 9}
    after = json.loads(sarif(found))["runs"][0]["results"]
    prints = [result["partialFingerprints"]["finding/v1"] for result in after]
    assert prints == [result["partialFingerprints"]["finding/v1"] for result in before]
    assert len(prints) == len(set(prints))


def test_junit_fails_what_blocks_and_what_drifted(found: dict[str, Any]) -> None:
    root = ET.fromstring(junit(found))
    failures = {failure.attrib["type"] for failure in root.iter("failure")}
    assert failures == {"table-added"} | {one["id"] for one in found["findings"] if one["level"] == "block"}
    assert int(root.attrib["tests"]) == len(list(root.iter("testcase"))) == len(found["findings"]) + 1
    assert int(root.attrib["failures"]) == len(list(root.iter("failure")))


def test_nothing_found_is_a_test_that_passed(found: dict[str, Any]) -> None:
    root = ET.fromstring(junit({**found, "findings": [], "drift": []}))
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "0")
    assert json.loads(sarif({**found, "findings": [], "drift": []}))["runs"][0]["results"] == []
