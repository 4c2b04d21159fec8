# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Findings: what blocks a move (V(block)), may break after it (V(warn)) or is good to know (V(info)).

A finding is a dictionary of C(id), C(level), C(urgency), C(text) and C(remedy), with C(path) and C(line) if it is
about a file. No text holds a config var's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

BLOCK, WARN, INFO = "block", "warn", "info"
LEVELS = (BLOCK, WARN, INFO)
# When to deal with it: before the cut-over, on the day, or once the app runs on Fly.io.
BEFORE, DAY, AFTER = "before", "day", "after"

Finding = dict[str, Any]


def order(finding: Finding) -> tuple[Any, ...]:
    """Return the key that sorts findings: the most serious first, then by id and place."""
    level = finding["level"]
    place = (str(finding.get("path", "")), int(finding.get("line") or 0))
    return (LEVELS.index(level) if level in LEVELS else 0, finding["id"], *place, finding["text"])


def place(finding: Mapping[str, Any]) -> str:
    """Return the finding's C(path:line), only its path if it has no line, or ""."""
    path, line = finding.get("path"), finding.get("line")
    return f"{path}:{line}" if path and line else str(path or "")


def meant(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return a question about those of O(unknown), ids or C(id:path), that look like one of O(known); or nothing."""
    ids, close = sorted(known), []
    for entry in unknown:
        name, colon, path = entry.partition(":")
        close += [f"{match}{colon}{path}" for match in get_close_matches(name, ids, n=1, cutoff=0.7)]
    return f"Did you mean {', '.join(close)}? " if close else ""


def accept(findings: Iterable[Finding], accepted: Iterable[str]) -> tuple[list[Finding], list[str]]:
    """Return the findings, with those in O(accepted) lowered to V(info), and the entries that match no finding.

    An entry is a finding's id, or C(id:path) to accept it for one file only.
    """
    wanted = set(accepted)
    used: set[str] = set()
    rows = []
    for finding in findings:
        names = {finding["id"], f"{finding['id']}:{finding.get('path', '')}"} & wanted
        used |= names
        rows.append({**finding, "level": INFO, "accepted": True} if names else dict(finding))
    return rows, sorted(wanted - used)
