# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Find everything that is wrong with a role's variables, all at once. Imports nothing of ansible-core."""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatch
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.filter.hook_files import hook_files
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import app_name as fly_app_name
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import app_name as heroku_app_name

PREFIX = "migrate_"
OF_THE_PLAYBOOKS = ("migrate_hosts", "migrate_overview")
# Steps that a cut-over may omit.
OPTIONAL_STEPS = ("domains", "report")
# What distinguishes one app from another, so hosts that share one environment cannot take it from there.
OF_ONE_APP = {
    "migrate_heroku_app": "HEROKU_APP",
    "migrate_fly_app": "FLY_APP",
    "migrate_fly_url": "MIGRATE_FLY_URL",
}
_POSTGRES_URL = re.compile(r"$|postgres(ql)?://[^@/?#]+@[^@/?#]+/[^@/?#]+")
_REDIS_URL = re.compile(r"$|rediss?://([^@/?#]*@)?[^@/?#]+")
_KINDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "list": ("a list", (list, tuple)),
    "dict": ("a dict", Mapping),
    "str": ("a text", (str, int, float)),
    "path": ("a text", (str, int, float)),
}
_CHECKED = {"migrate_heroku_app": heroku_app_name, "migrate_fly_app": fly_app_name}
_TRUE = ("true", "yes", "on", "1", "t", "y")


@dataclass
class Given:
    """The variables of one host, and their context."""

    values: Mapping[str, Any]
    """The role's variables by name, after templating."""
    options: Mapping[str, Mapping[str, Any]]
    """The role's specification of them."""
    from_environment: Sequence[str] = ()
    """Variables whose values come from the environment."""
    hosts: int = 1
    """The number of hosts in the play."""
    same_apps: Sequence[str] = ()
    """Other hosts in the play with the same two apps."""
    folder: str = ""
    """The source folder, if it is on this machine and has no Procfile."""
    run_tags: Sequence[str] = ()
    """What --tags names."""
    run_folder: str = ""
    """Where ansible-playbook was started: paths of hooks are relative to it."""
    broken_hooks: Mapping[str, str] = field(default_factory=dict)
    """Files of hooks that cannot be used, with the reason."""


def problems(given: Given) -> list[str]:
    """Return a sentence or more about each problem, in the order in which to fix them."""
    found = [*_unknown(given), *_wrong_kind(given)]
    if found:
        return found  # the other checks rely on the values' types
    return [*_steps(given), *_tags(given), *_apps(given), *_urls(given), *_source(given), *_hooks(given)]


def _unknown(given: Given) -> Iterator[str]:
    own = [str(pattern) for pattern in _listed(given.values.get("migrate_own_variables"))]
    for name in sorted(given.values):
        if name in given.options or name in OF_THE_PLAYBOOKS or any(fnmatch(name, pattern) for pattern in own):
            continue
        close = get_close_matches(name, [*given.options, *OF_THE_PLAYBOOKS], n=1, cutoff=0.75)
        yield (
            f"{name}: this role has no such variable, and names that begin with {PREFIX} are reserved for it. "
            + (f"Did you mean {close[0]}? " if close else "")
            + "'ansible-doc -t role flyover.heroku_to_fly.migrate' lists them all; "
            "list variables of your own in migrate_own_variables."
        )


def _wrong_kind(given: Given) -> Iterator[str]:
    for name, value in given.values.items():
        option = given.options.get(name, {})
        kind = str(option.get("type", ""))
        article, types = _KINDS.get(kind, ("a value", object))
        if not option:
            continue
        if value is None:
            yield f"{name}: it is null, as an empty value in a file is. Give it a value, or leave it out."
        elif not isinstance(value, types):
            shown = "something else" if option.get("no_log") else _described(value)
            example = _example(name, kind, None if option.get("no_log") else value)
            yield f"{name}: it must be {article}, but is {shown}. {example}"
        elif kind == "list":
            yield from _wrong_entries(name, list(_listed(value)))
        elif kind == "int" and _negative(value):
            yield f"{name}: it must be 0 or more, but is {value}."


def _wrong_entries(name: str, values: Sequence[Any]) -> Iterator[str]:
    for number, value in enumerate(values, 1):
        if value is None or isinstance(value, (list, tuple, Mapping)):
            shown = "null" if value is None else _described(value)
            yield f"{name}: entry {number} of the list must be a text, but is {shown}. Correct or remove it."


def _negative(value: Any) -> bool:
    return str(value).strip().startswith("-")


def _described(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, Mapping):
        return "a dict"
    return "a list" if isinstance(value, (list, tuple)) else repr(value)


def _example(name: str, kind: str, value: Any) -> str:
    if kind in ("str", "path"):
        return f"Give -e {name}=VALUE, or in a file {name}: VALUE."
    example: Any = {"NAME": "VALUE"}
    if kind == "list":
        words = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else []
        example = [word for word in words if word]
    return f"""Give -e '{json.dumps({name: example})}', or in a file {name}: {json.dumps(example)}."""


def _steps(given: Given) -> Iterator[str]:
    steps = [str(step) for step in _listed(given.values.get("migrate_steps"))]
    known = _known_steps(given)
    for step in steps:
        if known and step not in known:
            close = get_close_matches(step, known, n=1)
            yield (
                f"migrate_steps: there is no step {step}. "
                + (f"Did you mean {close[0]}? " if close else "")
                + f"Choose from {', '.join(known)}."
            )
    missing = [step for step in known if step not in steps and step not in OPTIONAL_STEPS]
    if missing and _true(given.values.get("migrate_cutover")):
        yield (
            f"migrate_steps leaves out {', '.join(missing)}, but a cut-over needs every step up to verify. "
            "Rehearse with fewer steps, or cut over with all of them."
        )


def _known_steps(given: Given) -> list[str]:
    return [str(step) for step in given.options.get("migrate_steps", {}).get("default") or ()]


def _tags(given: Given) -> Iterator[str]:
    """Yield what --tags misspells: Ansible would only leave the step out, and the run would succeed without it."""
    known = _known_steps(given)
    for tag in given.run_tags:
        close = [] if tag in known else get_close_matches(tag, known, n=1, cutoff=0.75)
        if close:
            yield f"--tags {tag}: no step has this tag. Did you mean {close[0]}?"


def _apps(given: Given) -> Iterator[str]:
    for name in ("migrate_heroku_app", "migrate_fly_app"):
        if not str(given.values.get(name) or ""):
            yield (
                f"{name} is not set. Give it with -e {name}=NAME, or in the environment variable {OF_ONE_APP[name]}"
                + (", or for each host in the inventory." if given.hosts > 1 else ".")
            )
            continue
        # The names are part of the ledger's path, so they are checked before anything is written.
        try:
            _CHECKED[name](str(given.values[name]))
        except InputError as error:
            yield f"{name}: {error}"
    if given.hosts > 1:
        for name in given.from_environment:
            yield (
                f"{OF_ONE_APP[name]} is set in the environment, but this play has {given.hosts} hosts, which would all "
                f"use it as their {name}. Unset it, and give each host its own {name} in the inventory."
            )
    if given.same_apps:
        yield (
            f"migrate_heroku_app and migrate_fly_app: {', '.join(given.same_apps)} in this play move the same app. "
            "Give each host its own apps."
        )


def _urls(given: Given) -> Iterator[str]:
    # A URL is never shown, because it contains a password.
    if not _POSTGRES_URL.match(str(given.values.get("migrate_postgres_url") or "")):
        yield (
            "migrate_postgres_url: it is not the URL of a PostgreSQL database. Give the URL that the app will use, "
            "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters in the password percent-encoded."
        )
    if not _REDIS_URL.match(str(given.values.get("migrate_redis_url") or "")):
        yield (
            "migrate_redis_url: it is not the URL of a Redis database. Give the URL that the app will use, "
            "redis://USER:PASSWORD@HOST:PORT, with special characters in the password percent-encoded."
        )


def _source(given: Given) -> Iterator[str]:
    if given.folder and given.values.get("migrate_processes_from") != "heroku":
        yield (
            f"migrate_source_dir: {given.folder} has no Procfile. Give the folder of the app's source with "
            "-e migrate_source_dir=FOLDER or in the environment variable MIGRATE_SOURCE_DIR; by default it is the "
            "folder in which ansible-playbook was started. For an app without a Procfile, set "
            "migrate_processes_from=heroku."
        )


def _hooks(given: Given) -> Iterator[str]:
    try:
        files = hook_files(given.values.get("migrate_hooks"), given.run_folder)
    except ValueError as error:
        yield str(error)
        return
    for file in files:
        if not os.path.isfile(file):
            yield (
                f"migrate_hooks: there is no file {file}. Give each task file's full path, or one relative to the "
                "folder in which ansible-playbook was started."
            )
    for file, why in given.broken_hooks.items():
        install = ", or install the collection of the module that it names" if "resolve module" in why else ""
        yield f"migrate_hooks: {file} cannot be used: {why.rstrip('.')}. Correct the file{install}."


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else []


def _true(value: Any) -> bool:
    return str(value).lower() in _TRUE
