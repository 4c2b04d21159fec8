# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code in README, docs and EXAMPLES: each YAML block, each task in it, each command, each quoted message."""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2
import jinja2.nativetypes
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [
    *(_ROOT / name for name in ("README.md", "CONTRIBUTING.md", "roles/migrate/README.md", "tests/sandbox/README.md")),
    *sorted((_ROOT / "docs").glob("*.md")),
]
_MODULES = {path.stem: path for path in (_ROOT / "plugins" / "modules").glob("[a-z]*.py")}
_FILTERS = {path.stem: path for path in (_ROOT / "plugins" / "filter").glob("[a-z]*.py")}
# Their examples contain values that a run has read.
_NEED_A_RUN = ("chosen_steps", "data_services", "database_record", "heroku_changes", "redis_record")
_OPTIONS = yaml.safe_load((_ROOT / "roles/migrate/meta/argument_specs.yml").read_text())["argument_specs"]["main"][
    "options"
]
_STEPS = _OPTIONS["migrate_steps"]["default"]
_OF_THE_PLAYBOOKS = ("migrate_hosts", "migrate_overview")
_OURS = "flyover.heroku_to_fly."
# Ansible's keywords, as its documentation lists them. With its own classes loaded, modules would warn elsewhere.
_COMMON = {
    "become",
    "become_user",
    "check_mode",
    "collections",
    "connection",
    "debugger",
    "diff",
    "environment",
    "ignore_errors",
    "ignore_unreachable",
    "module_defaults",
    "name",
    "no_log",
    "port",
    "remote_user",
    "run_once",
    "tags",
    "throttle",
    "timeout",
    "vars",
    "any_errors_fatal",
}
_PLAY = _COMMON | {
    "hosts",
    "gather_facts",
    "gather_subset",
    "force_handlers",
    "handlers",
    "max_fail_percentage",
    "order",
    "post_tasks",
    "pre_tasks",
    "roles",
    "serial",
    "strategy",
    "tasks",
    "vars_files",
    "vars_prompt",
}
_TASK = _COMMON | {
    "args",
    "async",
    "block",
    "rescue",
    "always",
    "changed_when",
    "delay",
    "delegate_facts",
    "delegate_to",
    "failed_when",
    "loop",
    "loop_control",
    "notify",
    "poll",
    "register",
    "retries",
    "until",
    "when",
}


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page in O(languages), also those within a list."""
    found = re.findall(r"^( *)```(\w+)\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _indent, language, text in found if language in languages]


def section(path: Path, name: str) -> str:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no {name}")


def options_of(module: str) -> dict[str, Any]:
    """Return a module's options, those of its fragments too."""
    documentation = yaml.safe_load(section(_MODULES[module], "DOCUMENTATION"))
    options = dict(documentation.get("options") or {})
    for fragment in documentation.get("extends_documentation_fragment", []):
        file, _dot, variable = fragment.removeprefix(_OURS).partition(".")
        holder = import_module(f"ansible_collections.flyover.heroku_to_fly.plugins.doc_fragments.{file}")
        text = getattr(holder.ModuleDocFragment, variable.upper() or "DOCUMENTATION")
        options.update(yaml.safe_load(text).get("options") or {})
    return options


def check(content: Any) -> None:
    """Check plays, tasks, or variables."""
    if isinstance(content, list) and all(isinstance(entry, dict) for entry in content):
        for entry in content:
            if {"run", "uses"} & set(entry):
                continue  # steps of a workflow
            check_play(entry) if "hosts" in entry else check_task(entry)
    elif isinstance(content, dict):
        check_variables(content)


def check_play(play: dict[str, Any]) -> None:
    assert set(play) <= _PLAY, set(play) - _PLAY
    for part in ("pre_tasks", "tasks", "post_tasks", "handlers"):
        check(play.get(part, []))
    for role in play.get("roles", []):
        if isinstance(role, dict):
            check_variables(role)
    check_variables(play.get("vars", {}))
    check_defaults(play.get("module_defaults", {}))


def check_defaults(defaults: dict[str, Any]) -> None:
    groups = yaml.safe_load((_ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    for name, options in defaults.items():
        group = name.removeprefix(f"group/{_OURS}")
        for module in groups[group] if name.startswith("group/") else [name.removeprefix(_OURS)]:
            assert set(options) <= set(options_of(module)), (name, module)


def check_task(task: dict[str, Any]) -> None:
    if "block" in task:
        for part in ("block", "rescue", "always"):
            check(task.get(part, []))
        return
    actions = [key for key in task if key not in _TASK and not key.startswith("with_")]
    assert len(actions) == 1, f"a task has one action: {actions}"
    (action,) = actions
    check_defaults(task.get("module_defaults", {}))
    check_variables(task.get("vars", {}))
    if not action.startswith(_OURS):
        assert action.count(".") >= 2, f"{action} is not a full name"
        return
    options = options_of(action.removeprefix(_OURS))
    given = task[action] or {}
    assert set(given) <= set(options), (action, set(given) - set(options))
    missing = {name for name, option in options.items() if option.get("required")} - set(given)
    assert not missing or task.get("module_defaults"), (action, missing)
    check_values(given, options)


def check_variables(variables: dict[str, Any]) -> None:
    """Check each variable of the role, however deep in an inventory or a workflow."""
    own = {name: value for name, value in variables.items() if str(name).startswith("migrate_")}
    assert set(own) <= {*_OPTIONS, *_OF_THE_PLAYBOOKS}, own
    check_values(own, _OPTIONS)
    for name, value in variables.items():
        if isinstance(value, dict) and name not in own:
            check_variables(value)


def check_values(given: dict[str, Any], options: dict[str, Any]) -> None:
    keys = ("type", "choices", "elements")
    plain = {name: value for name, value in given.items() if name in options and "{{" not in json.dumps(value)}
    spec = {name: {key: options[name][key] for key in keys if key in options[name]} for name in plain}
    assert ArgumentSpecValidator(spec).validate(plain).error_messages == []


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each ansible-playbook command, in a block or in a line of text."""
    text = page.read_text()
    lines = [line for block in blocks(page, "console", "yaml", "text") for line in block.splitlines()]
    lines += re.findall(r"`(ansible-playbook [^`]+)`", text)
    for line in lines:
        found = re.search(r"(?:^\$ |^|run: |Next: )(ansible-playbook .+)", line)
        if found and "…" not in found[1]:
            yield shlex.split(found[1], comments=True)[1:]


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(exit_on_error=False)
    known.add_argument("playbook")
    for short, long in (("-i", "--inventory"), ("-e", "--extra-vars"), ("-t", "--tags"), ("-l", "--limit")):
        known.add_argument(short, long, action="append", default=[])
    known.add_argument("-f", "--forks", type=int)
    for flag in (("-C", "--check"), ("-D", "--diff"), ("-v", "--verbose")):
        known.add_argument(*flag, action="store_true")
    return known


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_each_yaml_block_is_what_ansible_and_the_collection_take(page: Path) -> None:
    for block in blocks(page, "yaml", "yml"):
        for content in yaml.safe_load_all(block):
            check(content)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_each_command_has_a_playbook_and_variables_that_are_there(page: Path) -> None:
    for words in commands(page):
        given = parser().parse_args(words)
        name = given.playbook.removeprefix(_OURS).removeprefix("playbooks/").removesuffix(".yml")
        assert (_ROOT / "playbooks" / f"{name}.yml").exists(), words
        for extra in given.extra_vars:
            variables = json.loads(extra) if extra.startswith("{") else dict([extra.split("=", 1)])
            check_variables(variables)
        for tag in ",".join(given.tags).split(","):
            assert tag in ("", "cutover", *_STEPS), words


@pytest.mark.parametrize("name", sorted(_MODULES))
def test_each_example_is_what_ansible_and_the_collection_take(name: str) -> None:
    check(yaml.safe_load(section(_MODULES[name], "EXAMPLES")))


@pytest.mark.parametrize("name", sorted(_FILTERS))
def test_each_example_of_a_filter_uses_it_and_says_what_it_gives(name: str) -> None:
    text = section(_FILTERS[name], "EXAMPLES")
    tasks = yaml.safe_load(text)
    check(tasks)
    assert f"| {_OURS}{name}" in text
    environment = jinja2.nativetypes.NativeEnvironment(undefined=jinja2.StrictUndefined)
    for path in _FILTERS.values():
        plugin = import_module(f"ansible_collections.flyover.heroku_to_fly.plugins.filter.{path.stem}")
        filters = plugin.FilterModule().filters()
        environment.filters.update({f"{_OURS}{each}": function for each, function in filters.items()})
    given = re.search(r"# => (.*)", text)
    if given and name not in _NEED_A_RUN:
        (task,) = tasks
        result = environment.from_string(task["ansible.builtin.debug"]["msg"]).render(task.get("vars", {}))
        assert str(result) == given[1] or result == yaml.safe_load(given[1])


def test_the_readme_names_every_make_target_it_shows() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE)) if _makefile() else set()
    for page in _PAGES:
        for target in re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text()):
            assert not targets or target in targets, (page, target)


def _makefile() -> bool:
    return (_ROOT / "Makefile").exists()


def test_messages_that_troubleshooting_quotes_are_in_the_source() -> None:
    files = [*(_ROOT / "plugins").rglob("*.py"), *(_ROOT / "roles").rglob("*.yml")]
    # As shown: without the breaks between the parts of a string, and with any value for a placeholder.
    source = re.sub(r"['\"]\s*f?['\"]|\s+", " ", " ".join(path.read_text() for path in files)).replace("  ", " ")
    rows = re.findall(r"^\| (`.+?) \|", (_ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    quoted = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    assert len(quoted) > 20
    assert [text for text in quoted if text not in source] == []
