# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Packages and versions from lock files and manifests, by their own formats; what cannot be read is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Folder

_GEM = re.compile(r"^    ([\w.-]+) \(([^)]+)\)$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=~>]=\s*([\w.]+))?", re.MULTILINE)
_MIX = re.compile(r"^\s*\"([\w]+)\": \{:hex, :\w+, \"([^\"]+)\"", re.MULTILINE)
# What makes the app what it is, in this order.
FRAMEWORKS = {
    "gem:rails": ("ruby", "rails"),
    "gem:railties": ("ruby", "rails"),
    "gem:hanami": ("ruby", "hanami"),
    "gem:sinatra": ("ruby", "sinatra"),
    "pip:django": ("python", "django"),
    "pip:flask": ("python", "flask"),
    "pip:fastapi": ("python", "fastapi"),
    "hex:phoenix": ("elixir", "phoenix"),
    "composer:laravel/framework": ("php", "laravel"),
    "npm:next": ("javascript", "next"),
    "npm:express": ("javascript", "express"),
    "npm:koa": ("javascript", "koa"),
    "npm:fastify": ("javascript", "fastify"),
}
_LANGUAGE_OF = {
    "Gemfile": "ruby",
    "requirements.txt": "python",
    "pyproject.toml": "python",
    "Pipfile": "python",
    "mix.exs": "elixir",
    "composer.json": "php",
    "go.mod": "go",
    "package.json": "javascript",
}


def read(folder: Folder) -> dict[str, str]:
    """Return all packages of O(folder) with their versions, as C(gem:rails); a version may be empty."""
    found: dict[str, str] = {}
    for name, version in _read(folder):
        found.setdefault(name, version)
    return found


def _read(folder: Folder) -> Iterator[tuple[str, str]]:
    for name, version in _GEM.findall(folder.text("Gemfile.lock")):
        yield f"gem:{name}", version
    if "Gemfile.lock" not in folder:
        for name in re.findall(r"^\s*gem[ (]\s*[\"']([\w.-]+)[\"']", folder.code("Gemfile"), re.MULTILINE):
            yield f"gem:{name}", ""
    manifest = folder.data("package.json")
    locked = folder.data("package-lock.json").get("packages")
    for name, wanted in _mapping(manifest.get("dependencies")).items():
        entry = _mapping(_mapping(locked).get(f"node_modules/{name}"))
        yield f"npm:{name}", str(entry.get("version") or wanted)
    yield from _python(folder)
    for name, version in _MIX.findall(folder.text("mix.lock")):
        yield f"hex:{name}", version
    for entry in _rows(folder.data("composer.lock").get("packages")):
        yield f"composer:{entry.get('name')}", str(entry.get("version") or "").lstrip("v")
    for name, wanted in _mapping(folder.data("composer.json").get("require")).items():
        yield f"composer:{name}", str(wanted)
    for name, version in re.findall(
        r"^\s*(?:require )?([\w.-]+\.[\w./-]+) v([\w.+-]+)", folder.text("go.mod"), re.MULTILINE
    ):
        yield f"go:{name}", version


def _python(folder: Folder) -> Iterator[tuple[str, str]]:
    for path in ("requirements.txt", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt"):
        for name, version in _REQUIREMENT.findall(folder.code(path) if path in folder else ""):
            yield f"pip:{_pip(name)}", version
    for path in ("uv.lock", "poetry.lock"):
        for entry in _rows(folder.data(path).get("package")):
            yield f"pip:{_pip(str(entry.get('name')))}", str(entry.get("version") or "")
    project = folder.data("pyproject.toml")
    wanted = _mapping(project.get("project")).get("dependencies")
    for entry in wanted if isinstance(wanted, list) else ():
        found = _REQUIREMENT.match(str(entry))
        if found:
            yield f"pip:{_pip(found[1])}", found[2] or ""
    poetry = _mapping(_mapping(_mapping(project.get("tool")).get("poetry")).get("dependencies"))
    pipfile = _mapping(folder.data("Pipfile").get("packages"))
    for name in [*poetry, *pipfile]:
        yield f"pip:{_pip(str(name))}", ""


def kind(packages: Mapping[str, str], folder: Folder) -> tuple[str, str]:
    """Return language and framework, each empty if unknown."""
    for name, found in FRAMEWORKS.items():
        if name in packages:
            return found
    return next((language for path, language in _LANGUAGE_OF.items() if path in folder), ""), ""


def versions(packages: Mapping[str, str], folder: Folder) -> dict[str, str]:
    """Return the versions of language, framework and package manager that the source asks for."""
    lock = folder.text("Gemfile.lock")
    ruby = re.search(r"^RUBY VERSION\n\s+ruby ([\d.]+)", lock, re.MULTILINE)
    bundler = re.search(r"^BUNDLED WITH\n\s+([\w.]+)", lock, re.MULTILINE)
    engines = _mapping(folder.data("package.json").get("engines"))
    wanted = {
        "ruby": ruby[1] if ruby else folder.text(".ruby-version").strip().replace("ruby-", ""),
        "bundler": bundler[1] if bundler else "",
        "node": str(engines.get("node") or folder.text(".node-version").strip() or folder.text(".nvmrc").strip()),
        "python": (folder.text(".python-version") or folder.text("runtime.txt")).strip().replace("python-", ""),
    }
    for name, (_language, framework) in FRAMEWORKS.items():
        if packages.get(name):
            wanted.setdefault(framework, packages[name])
    return {name: version for name, version in wanted.items() if version and len(version) < 60}


def _pip(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [_mapping(entry) for entry in value] if isinstance(value, list) else []
