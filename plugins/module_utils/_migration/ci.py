# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An audit in the two formats that CI systems read: SARIF 2.1.0 and JUnit's XML.

Sources: docs.oasis-open.org/sarif/sarif/v2.1.0, and for what GitHub shows of it
docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning;
github.com/testmoapp/junitxml for JUnit, which has no standard.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import BLOCK, WARN, place

HOME = "https://github.com/flyover/heroku_to_fly"
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"block": "error", "warn": "warning", "info": "note"}
# GitHub shows no result without a file: what is about the app as a whole is put where its processes are declared.
_WHOLE_APP = "Procfile"
# What no XML 1.0 document may hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sarif(facts: Mapping[str, Any]) -> str:
    """Return findings and drift as a SARIF log."""
    found = _entries(facts)
    rules = list(dict.fromkeys(entry["id"] for entry in found))
    driver = {
        "name": "flyover.heroku_to_fly",
        "informationUri": HOME,
        "rules": [
            {
                "id": rule,
                "helpUri": f"{HOME}/blob/main/docs/{'report' if rule in _drift_ids(facts) else 'findings'}.md",
            }
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"heroku-to-fly/{facts['heroku_app']}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(entry, rules, facts) for entry in found],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def junit(facts: Mapping[str, Any]) -> str:
    """Return findings and drift as test cases: what blocks, and what drifted, failed."""
    suites = [
        _suite(facts, "findings", facts["findings"], "nothing was found"),
        _suite(facts, "drift", [_as_finding(drift) for drift in facts["drift"]], "nothing drifted"),
    ]
    root = ET.Element("testsuites", {"name": f"{facts['heroku_app']} to {facts['fly_app']}", **_sums(suites)})
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _entries(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*facts["findings"], *(_as_finding(drift) for drift in facts["drift"])]


def _as_finding(drift: Mapping[str, str]) -> dict[str, Any]:
    remedy = "Run the migration again, or change it back."
    return {"id": drift["id"], "level": WARN, "text": f"Since the last run, {drift['text']}.", "remedy": remedy}


def _drift_ids(facts: Mapping[str, Any]) -> set[str]:
    return {drift["id"] for drift in facts["drift"]}


def _result(finding: Mapping[str, Any], rules: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    path, line = str(finding.get("path") or _WHOLE_APP), int(finding.get("line") or 1)
    # Not the line: a finding that moves within a file is the same one.
    same = "\n".join([finding["id"], path, finding["text"]])
    return {
        "ruleId": finding["id"],
        "ruleIndex": rules.index(finding["id"]),
        "level": _LEVELS[finding["level"]],
        "message": {"text": f"{finding['text']} {finding['remedy']}".strip()},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(line, 1)},
                },
                "logicalLocations": [{"fullyQualifiedName": f"heroku/{facts['heroku_app']}", "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(same.encode()).hexdigest()[:32]},
    }


def _suite(facts: Mapping[str, Any], name: str, entries: Sequence[Mapping[str, Any]], none: str) -> ET.Element:
    suite = ET.Element("testsuite", {"name": f"{facts['heroku_app']} {name}"})
    for entry in entries:
        case = _case(suite, f"{facts['heroku_app']}.{name}", _title(entry))
        said = _clean(f"{entry['text']} {entry['remedy']}".strip())
        if entry["level"] == BLOCK or name == "drift":
            ET.SubElement(case, "failure", {"message": _clean(entry["text"]), "type": entry["id"]}).text = said
        else:
            ET.SubElement(case, "system-out").text = said
    if not entries:
        _case(suite, f"{facts['heroku_app']}.{name}", none)
    suite.attrib.update(tests=str(len(suite)), failures=str(len(suite.findall("testcase/failure"))), errors="0")
    return suite


def _case(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", {"classname": _clean(classname), "name": name, "time": "0"})


def _title(entry: Mapping[str, Any]) -> str:
    where = place(entry)
    return _clean(f"{entry['id']}: {where or entry['text']}")


def _sums(suites: Iterable[ET.Element]) -> dict[str, str]:
    found = list(suites)
    return {key: str(sum(int(suite.attrib[key]) for suite in found)) for key in ("tests", "failures", "errors")}


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
