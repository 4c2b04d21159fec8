# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The report as Markdown: for a pull request, a wiki or an issue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import place
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.next_steps import dns_records
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.plan import human_bytes, human_seconds
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.text import WHEN


def markdown(facts: Mapping[str, Any], steps: Iterable[str]) -> str:
    """Return the whole report."""
    sections = [
        _head(facts),
        _section("Next steps", [f"{number}. {step}" for number, step in enumerate(steps, 1)]),
        _section("Since the last run", [f"- {one['text']}" for one in facts["drift"]]),
        _table(
            "DNS records to create",
            ("hostname", "certificate", "type", "name", "value", "purpose"),
            [(r["hostname"], r["status"], r["type"], r["name"], r["value"], r["purpose"]) for r in dns_records(facts)],
        ),
        _section(
            "Add-ons to replace before the Heroku app is destroyed",
            [f"- {addon['name']} ({addon['plan']})" for addon in facts["addons_to_replace"]],
        ),
        _section("Jobs of Heroku Scheduler to set up again", [f"- {job}" for job in facts["scheduler_jobs"]]),
        _table(
            "Findings",
            ("when", "level", "id", "what", "remedy"),
            [(f["urgency"], f["level"], f["id"], f"{f['text']}{_place(f)}", f["remedy"]) for f in facts["findings"]],
        ),
        _section("Checklist, to paste into an issue", list(_checklist(facts["findings"]))),
        _table("Data", ("", "verified"), list(data(facts).items())),
        _table("Process groups", ("group", "Machines started", "command"), list(_processes(facts))),
        _table(
            "Config vars",
            ("name", "class", "secret on Fly", "why"),
            [
                (name, entry["class"], (facts["secrets"].get(name) or {}).get("status", "-"), entry["reason"])
                for name, entry in facts["config"].items()
            ],
        ),
    ]
    return "\n".join(section for section in sections if section)


def _place(finding: Mapping[str, Any]) -> str:
    words = place(finding)
    if not words:
        return ""
    return f" ([{words}]({finding['url']}))" if finding.get("url") else f" ({words})"


def _checklist(findings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each thing to do, and a heading for each time to do it at."""
    for urgency, when in WHEN.items():
        own = [finding for finding in findings if finding["urgency"] == urgency and finding["level"] != "info"]
        if own:
            yield f"**{when}**"
            yield ""
            yield from (f"- [ ] {entry['id']}: {entry['text']}{_place(entry)} {entry['remedy']}" for entry in own)
            yield ""


def data(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what happened to the data, by kind."""
    size = facts["database_size"]
    about = f", {human_bytes(size['bytes'])}" if size else ""
    seconds = f", about {human_seconds(size['read_seconds'])} to read from here" if size.get("read_seconds") else ""
    return {
        "Postgres": facts["database"].get("summary") or f"not copied yet{about}{seconds}",
        "Redis": facts["redis"].get("summary") or "not copied yet",
    }


def _head(facts: Mapping[str, Any]) -> str:
    window = facts["window"]
    lines = [
        f"# {facts['heroku_app']} on Heroku, {facts['fly_app']} on Fly.io",
        "",
        f"**{facts['state']}** ({facts['url']})",
        "",
    ]
    if window:
        phases = ", ".join(f"{name} {human_seconds(spent)}" for name, spent in (window.get("phases") or {}).items())
        lines += [
            f"Freeze window: {window['seconds']} seconds, from {window['opened_at']} to {window['closed_at']}"
            + (f" ({phases})." if phases else "."),
            "",
        ]
    return "\n".join(lines)


def _processes(facts: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for group, command in facts["processes"].items():
        yield group, str((facts["machines"].get(group) or {}).get("started", 0)), f"`{command}`"
    if facts["release_command"]:
        yield "before each release", "", f"`{facts['release_command']}`"


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines, ""]) if lines else ""


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return _section(title, [_row(columns), _row(["---"] * len(columns)), *map(_row, rows)] if rows else [])


def _row(cells: Iterable[Any]) -> str:
    # A bar would end the cell, a line break the table.
    return "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in cells) + " |"
