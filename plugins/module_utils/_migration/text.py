# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Plan and report as a few lines of plain text, for a terminal or a log."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.plan import (
    VERBS,
    human_bytes,
    human_seconds,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.prices import AS_OF, SOURCE

WIDTH = 100
SIGNS = {"create": "+", "change": "~", "copy": ">", "leave": "=", "unknown": "?"}
_IN_FULL = "The findings in full: the same with -e migrate_audit_dir=FOLDER"
WHEN = {"before": "Before the cut-over", "day": "On the day", "after": "After the cut-over"}


def plan_lines(plan: Mapping[str, Any], in_full: bool) -> list[str]:
    """Return the plan in lines of at most WIDTH characters, unless a word is longer.

    O(in_full) tells whether a file has, or will have, the findings in full; otherwise a line says how to get one.
    """
    return [
        f"{plan['heroku_app']} (Heroku) to {plan['fly_app']} (Fly.io, {plan['org']}, {plan['region']})",
        f"{_capital(plan['mode'])}. Now: {plan['state']}.",
        "",
        *(line for verb in VERBS for line in _items(plan["items"], verb)),
        "",
        f"Plan: {', '.join(_counts(plan['counts']))}.",
        f"Freeze window: {plan['window']['text']}.",
        *_drift(plan["drift"]),
        *_costs(plan["costs"]),
        *_findings(plan["findings"]),
        *([_IN_FULL] if plan["findings"] and not in_full else []),
        *([f"Next: {plan['next']}"] if plan["next"] else []),
    ]


def report_lines(facts: Mapping[str, Any], steps: Iterable[str], files: Mapping[str, str]) -> list[str]:
    """Return the report in short; the files have the rest."""
    return [
        f"{facts['heroku_app']} (Heroku), {facts['fly_app']} (Fly.io): {facts['state']}",
        f"  {facts['url']}",
        "",
        *_data(facts),
        *_machines(facts),
        *_window(facts["window"]),
        *_dns(facts["certificates"]),
        *_findings(facts["findings"]),
        "",
        "Next steps:",
        *(line for number, step in enumerate(steps, 1) for line in wrapped(step, f"  {number}. ")),
        *([""] if files else []),
        *(f"Report ({kind}): {file}" for kind, file in files.items()),
    ]


def wrapped(text: str, first: str) -> list[str]:
    """Return O(text) after O(first), the further lines indented as far."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _items(items: Iterable[Mapping[str, str]], verb: str) -> Iterator[str]:
    for item in items:
        if item["verb"] == verb:
            yield from wrapped(item["text"], f"  {SIGNS[verb]} {verb:<8}")


def _counts(counts: Mapping[str, int]) -> Iterator[str]:
    words = {
        "create": "to create",
        "change": "to change",
        "copy": "to copy",
        "leave": "left alone",
        "unknown": "unknown",
    }
    for verb in VERBS:
        if counts[verb] or verb in ("create", "change", "copy"):
            yield f"{counts[verb]} {words[verb]}"


def _drift(drifted: Iterable[Mapping[str, str]]) -> Iterator[str]:
    lines = [line for drift in drifted for line in wrapped(drift["text"], "  ! ")]
    if lines:
        yield "Since the last run:"
        yield from lines


def _costs(costs: Iterable[str]) -> Iterator[str]:
    lines = list(costs)
    if lines:
        yield f"Costs on Fly.io (list prices of {AS_OF}, {SOURCE}):"
        for line in lines:
            yield from wrapped(line, "  $ ")


def _findings(findings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    found = list(findings)
    for urgency, when in WHEN.items():
        own = [finding for finding in found if finding["urgency"] == urgency]
        if not own:
            continue
        yield f"{when}: {len(own)} {'finding' if len(own) == 1 else 'findings'}"
        # In full only what has to be decided before the cut-over: a plan is a few lines, and the report has everything.
        whole = [finding for finding in own if urgency == "before" and finding["level"] != "info"]
        for finding in whole:
            place = f" ({finding['path']}:{finding['line']})" if finding.get("path") and finding.get("line") else ""
            yield f"  {finding['level']:<6}{finding['id']}{place}"
            yield from wrapped(f"{finding['text']} {finding['remedy']}", "        ")
        others = Counter(finding["id"] for finding in own if finding not in whole)
        names = (name if count == 1 else f"{name} ({count})" for name, count in others.items())
        yield from wrapped(", ".join(names), "  also  " if whole else "  ")


def _data(facts: Mapping[str, Any]) -> Iterator[str]:
    size = facts["database_size"]
    about = f", {human_bytes(size['bytes'])}" if size else ""
    seconds = (
        f", about {human_seconds(size['read_seconds'])} to read from here" if size and size["read_seconds"] else ""
    )
    yield from wrapped(facts["database"].get("summary") or f"not copied yet{about}{seconds}", "  Postgres  ")
    yield from wrapped(facts["redis"].get("summary") or "not copied yet", "  Redis     ")


def _machines(facts: Mapping[str, Any]) -> Iterator[str]:
    running = [f"{group} {(facts['machines'].get(group) or {}).get('started', 0)}" for group in facts["processes"]]
    yield from wrapped(", ".join(running) or "none", "  Machines  ")


def _window(window: Mapping[str, Any]) -> Iterator[str]:
    if window:
        phases = ", ".join(f"{phase} {human_seconds(spent)}" for phase, spent in (window.get("phases") or {}).items())
        yield f"  Window    {human_seconds(window['seconds'])} from {window['opened_at']}" + (
            f" ({phases})" if phases else ""
        )


def _dns(certificates: Mapping[str, Any]) -> Iterator[str]:
    for hostname, entry in certificates.items():
        pending = "DNS points to Fly" if entry.get("configured") else "DNS does not point to Fly yet"
        yield f"  Domain    {hostname}: certificate {entry.get('status', 'unknown')}, {pending}"
