# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a module returned only what its RETURN documents, with the documented types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

# ansible-test refuses these as names in RETURN, because a dict in Jinja has methods of the same names.
_METHODS = set(dir(dict))
# Keys that any module may return, as Ansible's documentation lists them.
_COMMON = {"changed", "deprecations", "diff", "exception", "failed", "invocation", "msg", "skipped", "warnings"}
_TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict}


def differences(result: Mapping[str, Any], documented: Mapping[str, Any]) -> list[str]:
    """Return what in O(result) is not as the module's RETURN, O(documented), says."""
    return list(_differences(result, documented, _COMMON))


@cache
def parsed(text: str) -> dict[str, Any]:
    """Return what a module's RETURN says."""
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _differences(
    values: Mapping[str, Any],
    documented: Mapping[str, Any],
    also: set[str] | frozenset[str] = frozenset(),
    of: str = "",
) -> Iterator[str]:
    for name, value in values.items():
        if name in also or value is None:
            continue
        if name in _METHODS and f"V({name})" in of:
            continue
        if name not in documented:
            yield f"{name} is not documented"
            continue
        kind = documented[name]["type"]
        if kind != "raw" and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool")):
            yield f"{name} is documented as {kind}, not as {type(value).__name__}"
            continue
        said = str(documented[name]["description"])
        contains = documented[name].get("contains")
        for each in (value if isinstance(value, list) else [value]) if contains else []:
            if isinstance(each, dict):
                yield from (f"{name}: {difference}" for difference in _differences(each, contains, of=said))
