# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Go's decoder takes: the types of fly-go and flyctl into which an answer must fit, and what does not.

A shape is a Python type, a list of one shape, a mapping of names to shapes, or one of those below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Maybe:
    """A field that may be absent or null: the client does without it."""

    shape: Any


@dataclass(frozen=True)
class MapOf:
    """A map with any names, C(map[string]...)."""

    shape: Any


class Time:
    """C(time.Time)."""


class Number:
    """C(float32), C(float64)."""


class Raw:
    """C(any): nothing is decoded yet."""


def misfits(shape: Any, value: Any, at: str = "answer") -> Iterator[str]:
    """Yield what Go would refuse in O(value), and what flyctl would miss in it."""
    if isinstance(shape, Maybe):
        if value is not None:
            yield from misfits(shape.shape, value, at)
    elif isinstance(shape, MapOf):
        if not isinstance(value, dict):
            yield f"{at} is no object: {value!r}"
        else:
            for name, item in value.items():
                yield from misfits(shape.shape, item, f"{at}.{name}")
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{at} is no object: {value!r}"
        else:
            for name, item in shape.items():
                yield from misfits(item, value.get(name), f"{at}.{name}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{at} is no list: {value!r}"
        else:
            for index, item in enumerate(value):
                yield from misfits(shape[0], item, f"{at}[{index}]")
    elif shape is not Raw and not _fits(shape, value):
        yield f"{at} is no {shape.__name__}: {value!r}"


def _fits(shape: Any, value: Any) -> bool:
    if shape is Time:
        return isinstance(value, str) and bool(RFC3339.fullmatch(value))
    if shape is Number:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    # In Python, not in Go, a bool is an int.
    return isinstance(value, shape) and isinstance(value, bool) == (shape is bool)
