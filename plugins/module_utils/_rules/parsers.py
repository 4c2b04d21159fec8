# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Parse configuration files, and say where and why one is broken; no message contains a value of the file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

_LONG = 1000
_ERB = re.compile(r"<%(?P<kind>[=#-]?)(?:(?!%>).)*%>")
_ONLY_ERB = re.compile(r"^[ \t]*(?:- )?<%=(?:(?!%>).)*%>[ \t]*$", re.MULTILINE)


class Broken(Exception):
    """A file cannot be parsed."""

    def __init__(self, line: int, cause: str) -> None:
        """Take the line, from 1, and the parser's reason."""
        super().__init__(cause)
        self.line = line
        self.cause = cause


def parse(path: str, text: str) -> Mapping[str, Any]:
    """Return what the JSON or TOML file O(path) says; a YAML file is only checked.

    Return nothing for a value that is not a mapping, or if the parser is not installed. Raises Broken.
    """
    if path.endswith((".yml", ".yaml")):
        _check_yaml(text)
        return {}
    value = _json(text) if path.endswith((".json", "composer.lock")) else _toml(text)
    return value if isinstance(value, Mapping) else {}


def _json(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise Broken(error.lineno, f"not JSON: {error.msg}") from None
    except RecursionError:
        _too_deep()


def _toml(text: str) -> Any:
    if not text:
        return {}  # an app without TOML files need not wait for the import
    try:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError
    except ImportError:
        return {}
    try:
        return tomlkit.parse(text).unwrap()
    except TOMLKitError as error:
        from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml.values import position

        # In a lock file it would take too long to find the place of an error that has none.
        line = position(text, error)[0] if text.count("\n") < _LONG else getattr(error, "line", 1)
        raise Broken(line, "not TOML: " + re.sub(r"( at line \d+ col \d+)?\.?$", "", str(error))) from None
    except RecursionError:
        _too_deep()


def _check_yaml(text: str) -> None:
    """Check YAML whose ERB tags stand for single words; only Ruby knows what other tags produce."""
    if "\n" in "".join(re.findall(r"<%(.*?)%>", text, re.DOTALL)) or _ONLY_ERB.search(text):
        return
    try:
        import yaml
    except ImportError:
        return
    try:
        yaml.compose(_ERB.sub(lambda tag: "x" if tag["kind"] == "=" else "", text), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Broken(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise Broken(1, "not YAML: it has a character that YAML does not allow") from None
    except RecursionError:
        _too_deep()


def _too_deep() -> NoReturn:
    raise Broken(1, "not readable: its values are nested too deeply") from None
