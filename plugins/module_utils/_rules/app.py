# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What an app's source says: languages, packages with versions, and the environment variables that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules import packages
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Folder
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.lexer import language, prose

# What does not run in production.
_ASIDE = re.compile(
    r"(?:^|.*/)(?:spec|specs|test|tests|__tests__|__mocks__|e2e|features|cypress|fixtures|docs?|examples?|vendor|"
    r"node_modules|\.[\w-]+|storybook|stories|bench(?:marks)?|templates?/\.git|generators)/.*"
    r"|.*(?:_spec\.rb|_test\.(?:rb|py|exs?|js|ts)|\.(?:test|spec|stories)\.\w+|\.min\.js|\.d\.ts|/test_\w+\.py)"
    r"|(?:.*/)?(?:test_\w+|conftest)\.py|(?:.*/)?(?:README|CHANGELOG|CONTRIBUTING)[^/]*|.*\.md"
    r"|(?:.*/)?config/environments/(?:development|test|local|ci|staging)\.rb|(?:.*/)?config/(?:dev|test)\.exs"
    r"|(?:.*/)?db/(?:seeds\b.*|migrate/.*|data/.*)|(?:.*/)?lib/tasks/(?:dev|test|ci|lint|local)\w*\.rake"
    r"|(?:.*/)?docker-compose[^/]*|(?:.*/)?(?:jest|cypress|playwright|vitest|webpack|vite)\.[\w.]*|(?:.*/)?public/.*"
    r"|(?:.*/)?bin/(?:setup|dev|ci|update|rubocop|brakeman)|(?:.*/)?(?:Vagrantfile|Guardfile|Dangerfile)"
)
_NAME = r"(?P<name>[A-Z][A-Z0-9_]+)"
# Patterns by language; C(rest) shows whether a missing variable is an error.
_READS = {
    "ruby": (
        rf"\bENV(?:\[|\.(?:fetch|key\?|has_key\?|include\?|delete|dig|values_at|slice)\(?)\s*[\"']{_NAME}[\"']"
        r"(?P<rest>[ \t]*(?:,|\)?[ \t]*(?:\{|do\b))?)"
    ),
    "python": (
        rf"\b(?:environ\s*(?:\[|\.get\(|\.setdefault\()|getenv\(|(?:env|config)(?:\.\w+)?\()\s*[\"']{_NAME}[\"']"
        r"(?P<rest>\s*,)?"
    ),
    "javascript": rf"\b(?:process|import\.meta)\.env(?:\.|\[\s*[\"']){_NAME}(?P<rest>\b)",
    "elixir": rf"\bSystem\.(?:get_env|fetch_env!?)\(?\s*\"{_NAME}\"(?P<rest>)",
    "php": (
        rf"\b(?:env|getenv)\(\s*[\"']{_NAME}[\"'](?P<rest>\s*,)?"
        rf"|\$_(?:ENV|SERVER)\[\s*[\"'](?P<other>[A-Z][A-Z0-9_]+)[\"']"
    ),
    "shell": rf"\$\{{?{_NAME}(?P<rest>)\b",
}
_COMPILED = {name: re.compile(pattern) for name, pattern in _READS.items()}
_HINTS = {
    "ruby": ("ENV[", "ENV."),
    "python": ("env", "config("),
    "javascript": (".env",),
    "elixir": ("System.",),
    "php": ("env(", "$_"),
    "shell": ("$",),
}
_READER = {
    "ruby": "ruby",
    "html": "ruby",
    "python": "python",
    "javascript": "javascript",
    "elixir": "elixir",
    "php": "php",
}


@dataclass(frozen=True)
class Read:
    """One place that reads an environment variable; O(required) if the app fails without it."""

    name: str
    path: str
    line: int
    required: bool


@dataclass
class OnHeroku:
    """What is known about the app as Heroku runs it; empty if it was not given."""

    config_names: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Config vars with C(class) and C(reason)."""
    formation: Mapping[str, int] = field(default_factory=dict)
    process_types: Mapping[str, str] = field(default_factory=dict)
    buildpacks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """The app's own names below herokuapp.com."""
    commit: str = ""
    """The commit that the slug was built from."""
    fly_processes: Mapping[str, str] | None = None
    """The process groups that Fly will have, with their commands as on Heroku."""


class App:
    """An app's source, read once."""

    def __init__(self, folder: Folder, heroku: OnHeroku | None = None) -> None:
        """Take the folder, and what is known about the app on Heroku."""
        self.folder = folder
        self.heroku = heroku or OnHeroku()
        self.code_files = tuple(path for path in folder.files if not _ASIDE.fullmatch(path))
        self.languages = {path: language(path) for path in self.code_files}

    @cached_property
    def packages(self) -> dict[str, str]:
        """Return the packages of all languages with their versions, as C(gem:rails) and C(npm:express)."""
        return packages.read(self.folder)

    @cached_property
    def dockerfile_path(self) -> str:
        """Return the path of the Dockerfile that Fly would build, or nothing if it builds none."""
        build = self.fly_toml.get("build")
        said = build if isinstance(build, Mapping) else {}
        if said.get("image") or said.get("builder"):
            return ""
        names = (str(said.get("dockerfile") or ""), "Dockerfile", "dockerfile")
        return next((name for name in names if name in self.folder), "")

    @cached_property
    def dockerfile(self) -> str:
        """Return the text of the Dockerfile with blanks in place of comments, or nothing."""
        return self.folder.code(self.dockerfile_path)

    @cached_property
    def own_image(self) -> bool:
        """Return whether the Dockerfile says everything about its image, because it is based on an official one."""
        stages: dict[str, str] = {}
        image = ""
        for image, name in re.findall(
            r"^FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?", self.dockerfile, re.MULTILINE | re.IGNORECASE
        ):
            image = stages.get(image.lower(), image)
            stages[name.lower()] = image
        return bool(re.match(r"(?:docker\.io/|(?:\S+/)?library/)?[a-z]+(?:[:@]|$)|quay\.io/evl\.ms/", image))

    @cached_property
    def fly_toml(self) -> Mapping[str, Any]:
        """Return what fly.toml says; nothing if it is missing or cannot be read."""
        return self.folder.data("fly.toml")

    @cached_property
    def procfile(self) -> dict[str, tuple[int, str]]:
        """Return the Procfile's commands with their lines. Only fly_toml_processes judges whether they are valid."""
        rows = enumerate(self.folder.text("Procfile").split("\n"), 1)
        found = ((number, re.match(r"\s*([A-Za-z0-9_-]+):?\s*(.+)", line)) for number, line in rows)
        return {match[1]: (number, match[2].strip()) for number, match in found if match}

    @cached_property
    def set_for_image(self) -> frozenset[str]:
        """Return the variables that the Dockerfile or C([env]) in fly.toml sets."""
        names = re.findall(r"(?:^|\s)(?:ENV\s+)?([A-Z][A-Z0-9_]+)(?:=|\s+[\"'\w/])", self.dockerfile)
        env = self.fly_toml.get("env")
        return frozenset([*names, *(env if isinstance(env, Mapping) else ())])

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """Return every place that reads an environment variable."""
        return tuple(read for path in self.code_files for read in self._reads(path))

    def _reads(self, path: str) -> Iterator[Read]:
        kind = self.languages[path]
        readers = [_READER[kind]] if kind in _READER else []
        if kind == "hash":
            shell = path.startswith(("bin/", "script")) or path.endswith((".sh", ".profile")) or path == "Procfile"
            readers = ["shell"] if shell else ["ruby"]
        elif not kind and path.startswith(("bin/", "script")):
            readers = ["ruby", "shell"]
        text = self.folder.text(path) if readers else ""
        for reader in readers:
            if not any(hint in text for hint in _HINTS[reader]):
                continue
            code = self.folder.code(path)
            aside = prose(text) if reader == "ruby" and "<<" in text else []
            for found in _COMPILED[reader].finditer(code):
                if any(start <= found.start() < end for start, end in aside):
                    continue
                name = found["name"] or found.groupdict().get("other") or ""
                yield Read(name, path, code.count("\n", 0, found.start()) + 1, _required(reader, found))

    def package(self, *names: str) -> str:
        """Return the first of O(names) that the app has, or nothing."""
        return next((name for name in names if name in self.packages), "")

    def block(self, path: str, header: str) -> tuple[str, int]:
        """Return the line of a YAML file that begins with O(header), with what is indented below it, and its offset.

        Nothing if there is no such line.
        """
        # Only one blank: if this took several, each line could match in many ways.
        found = re.search(rf"^(?:{header})[^\n]*\n(?:(?:[ \t][^\n]*)?\n)*", self.folder.code(path) + "\n", re.MULTILINE)
        return (found[0], found.start()) if found else ("", 0)

    def line(self, path: str, needle: str) -> int:
        """Return the line of O(needle) in a file, or 1."""
        position = self.folder.text(path).find(needle)
        return self.folder.text(path).count("\n", 0, max(position, 0)) + 1


def _required(reader: str, found: re.Match[str]) -> bool:
    text, rest = found[0], found["rest"]
    if reader == "ruby":
        return ".fetch" in text and not rest.strip(" \t")
    if reader == "python":
        return not rest and "environ" in text and ".get(" not in text and "setdefault" not in text
    return reader == "elixir" and "fetch_env!" in text
