# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-doc shows of every module: each note once, its action group, and what it returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.flyover.heroku_to_fly.tests.unit.returned import differences

_ROOT = Path(__file__).resolve().parents[3]
_MODULES = sorted((_ROOT / "plugins" / "modules").glob("[a-z]*.py"))
_FRAGMENTS = "ansible_collections.flyover.heroku_to_fly.plugins.doc_fragments"
_GROUPS = yaml.safe_load((_ROOT / "meta" / "runtime.yml").read_text())["action_groups"]


def section(path: Path, name: str) -> dict[str, Any]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            found: dict[str, Any] = yaml.safe_load(ast.literal_eval(node.value))
            return found
    raise AssertionError(f"{path} has no {name}")


def fragments(documentation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fragments as ansible-core finds them: by their whole name as a file, else by file and variable."""
    found = []
    for name in documentation["extends_documentation_fragment"]:
        file, _dot, variable = name.removeprefix("flyover.heroku_to_fly.").partition(".")
        # ansible-core would take the variable for that file.
        assert not (_ROOT / "plugins" / "doc_fragments" / f"{variable}.py").exists(), name
        holder = import_module(f"{_FRAGMENTS}.{file}").ModuleDocFragment
        found.append(yaml.safe_load(getattr(holder, variable.upper() or "DOCUMENTATION")))
    return found


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: path.stem)
def test_notes_action_group_and_failures_are_documented(path: Path) -> None:
    documentation = section(path, "DOCUMENTATION")
    parts = [documentation, *fragments(documentation)]
    notes = [note for part in parts for note in part.get("notes", [])]
    assert len(notes) == len(set(notes))
    memberships = [
        set(part["attributes"]["action_group"]["membership"])
        for part in parts
        if "action_group" in part.get("attributes", {})
    ]
    own = {f"flyover.heroku_to_fly.{name}" for name in ("heroku", "fly", "flyctl") if path.stem in _GROUPS[name]}
    assert memberships == [{"flyover.heroku_to_fly.all", *own}]
    assert own or path.stem in _GROUPS["all"]
    if (_ROOT / "plugins" / "action" / path.name).exists() and "def main" not in path.read_text():
        return  # an action without a module
    wanted = {"remedy"} | ({"status", "request_id", "error_id"} if own else set())
    assert wanted <= set(section(path, "RETURN"))


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: path.stem)
def test_each_returned_value_says_what_it_is_when_it_is_returned_and_shows_one(path: Path) -> None:
    for name, value in section(path, "RETURN").items():
        assert set(value) >= {"description", "type", "returned", "sample"}, name
        for key, part in parts_of(name, value):
            assert set(part) >= {"description", "type"}, key
            assert part["type"] != "list" or "elements" in part, key
        assert differences({name: value["sample"]}, {name: value}) == []


def parts_of(name: str, value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield name, value
    for key, part in value.get("contains", {}).items():
        yield from parts_of(f"{name}.{key}", part)
