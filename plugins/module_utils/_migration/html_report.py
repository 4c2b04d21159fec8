# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The report as one HTML page, from the same facts as the JSON: to be sent to people who run no playbooks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import place
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import FROZEN, LIVE, REHEARSED
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.markdown import data
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.next_steps import dns_records
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.page import (
    Html,
    badge,
    document,
    html,
    phases_bar,
    section,
    table,
    tag,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.plan import human_seconds

WHEN = {"before": "before the cut-over", "day": "on the day", "after": "after the cut-over"}
LEVELS = {"block": ("blocks", "bad"), "warn": ("warning", "warn"), "info": ("good to know", "calm")}
STATES = {LIVE: ("live on Fly.io", "good"), FROZEN: ("frozen", "bad"), REHEARSED: ("rehearsed", "warn")}
PHASES = {"freeze": "freeze Heroku", "data": "copy what changed", "start": "start and verify", "seal": "seal"}
# In the order in which a copy and an update come to them; the ledger's file has them by name.
COPY_PHASES = {
    "plan": "plan",
    "wipe": "empty the target",
    "compare": "compare all rows",
    "schema": "make the schema",
    "survey": "find what changed",
    "data": "copy rows",
    "stage": "fetch what changed",
    "apply": "write what changed",
    "constraints": "make constraints",
    "finish": "set sequences, refresh views, analyze",
    "verify": "verify",
}
HOW = {
    "copy": "copied",
    "whole": "copied again",
    "by key": "changed rows, found by a scan",
    "by log": "changed rows, as logged",
    "unchanged": "not changed since the copy",
}
COMPARED = {"checksums": "equal: rows and checksums", "counts": "equal: number of rows", "none": "not compared"}
_COMMAND = re.compile(r"(ansible-playbook \S+(?: -e \S+)*|fly (?:status|logs) -a \S+?(?=,|$)|'heroku [^']+')")


def html_report(facts: Mapping[str, Any], steps: Iterable[str]) -> str:
    """Return the page."""
    title = f"{facts['heroku_app']} on Heroku, {facts['fly_app']} on Fly.io"
    return document(
        title,
        _head(facts, title),
        section("What to do next", tag("ol", *(tag("li", _with_commands(step)) for step in steps))),
        _drift(facts["drift"]),
        _window(facts["window"]),
        _findings(facts["findings"]),
        _dns(facts),
        _data(facts),
        _processes(facts),
        _stays(facts),
        _config(facts),
        tag(
            "footer",
            tag(
                "p",
                "Made by flyover.heroku_to_fly. This page holds names, numbers and states, and no value of a secret.",
            ),
        ),
    )


def _head(facts: Mapping[str, Any], title: str) -> Html:
    word, kind = STATES.get(facts["status"], ("not started", "calm"))
    where = tag("a", facts["url"], href=facts["url"]) if str(facts["url"]).startswith("https://") else facts["url"]
    return tag("header", badge(word, kind), tag("h1", title), tag("p", f"{_capital(facts['state'])}. ", where))


def _with_commands(step: str) -> Html:
    parts = _COMMAND.split(step)
    return Html(
        "".join(
            tag("code", part.strip("'"), data_copy="command") if _COMMAND.fullmatch(part) else html(part)
            for part in parts
        )
    )


def _drift(drift: Sequence[Mapping[str, str]]) -> Html | str:
    lines = [tag("li", _capital(one["text"]), ".") for one in drift]
    return section("Since the last run", tag("ul", *lines)) if lines else ""


def _window(window: Mapping[str, Any]) -> Html | str:
    if not window:
        return ""
    phases = {PHASES.get(name, name): float(spent) for name, spent in (window.get("phases") or {}).items()}
    words = {name: human_seconds(spent) for name, spent in phases.items()}
    return section(
        "The freeze window",
        tag(
            "p",
            tag("strong", human_seconds(window["seconds"])),
            f" without service, from {window['opened_at']} to {window['closed_at']}.",
        ),
        phases_bar("The window by phase", phases, words) if phases else "",
    )


def _findings(findings: Sequence[Mapping[str, Any]]) -> Html | str:
    if not findings:
        return ""
    numbers = Counter(finding["urgency"] for finding in findings)
    choices = [("all", f"all ({len(findings)})")]
    choices += [(urgency, f"{words} ({numbers[urgency]})") for urgency, words in WHEN.items() if numbers[urgency]]
    radios = []
    for value, words in choices:
        checked = {"checked": ""} if value == "all" else {}
        radio = tag("input", type="radio", name="show", id=f"show-{value}", **checked).replace("</input>", "")
        radios.append(tag("label", Html(radio), f" {words}"))
    rows = [
        (
            badge(*LEVELS[finding["level"]]),
            tag("span", WHEN[finding["urgency"]], class_="brief"),
            Html(
                tag("strong", finding["id"])
                + tag("p", finding["text"], _place(finding))
                + tag("p", finding["remedy"], class_="soft")
            ),
        )
        for finding in findings
    ]
    return section(
        "Findings",
        tag("fieldset", tag("legend", "Show"), *radios),
        table(
            "Findings",
            ("level", "when", "what, and what to do"),
            rows,
            [finding["urgency"] for finding in findings],
            stack=True,
        ),
    )


def _place(finding: Mapping[str, Any]) -> Html | str:
    words = place(finding)
    if not words or not finding.get("url"):
        return f" ({words})" if words else ""
    return Html(f" ({tag('a', words, href=finding['url'])})")


def _dns(facts: Mapping[str, Any]) -> Html | str:
    records = dns_records(facts)
    if not records:
        return ""
    rows = [
        (
            record["hostname"],
            str(record["status"]).replace("_", " "),
            record["type"],
            _copied(record["name"], "name"),
            _copied(record["value"], "value"),
            record["purpose"],
        )
        for record in records
    ]
    zone = "\n".join(map(zone_line, records))
    return section(
        "DNS records to create",
        table(
            "DNS records", ("hostname", "certificate", "type", "name", "value", "purpose"), rows, stack=True, named=True
        ),
        tag("details", tag("summary", "As a zone file"), tag("pre", zone, data_copy="zone file", tabindex="0")),
    )


def _copied(text: str, what: str) -> Html:
    return tag("code", text, data_copy=what)


def zone_line(record: Mapping[str, Any]) -> str:
    """Return a DNS record as a line of a zone file, with a TTL short enough to go back soon."""
    value = str(record["value"])
    if record["type"] in ("CNAME", "MX", "NS"):
        value = value.rstrip(".") + "."
    elif record["type"] == "TXT":
        value = '"' + value.replace('"', '\\"') + '"'
    return f"{str(record['name']).rstrip('.')}. 300 IN {record['type']} {value}"


def _data(facts: Mapping[str, Any]) -> Html:
    spent = facts["database"].get("seconds") or {}
    phases = [*COPY_PHASES, *(name for name in spent if name not in COPY_PHASES)]
    seconds = {COPY_PHASES.get(name, name): float(spent[name]) for name in phases if spent.get(name, 0) >= 0.05}
    words = {name: human_seconds(spent) for name, spent in seconds.items()}
    took = f"The last copy of Postgres took {human_seconds(sum(seconds.values()))}:"
    return section(
        "Data",
        table("What happened to the data", ("kind", "verified"), list(data(facts).items())),
        *([tag("p", took), phases_bar("The copy of Postgres by phase", seconds, words)] if seconds else []),
        _relations(facts["database"]),
    )


def _relations(database: Mapping[str, Any]) -> Html | str:
    """Return the verification of each table, folded until the reader opens it."""
    tables, level = database.get("tables") or [], (database.get("verified") or {}).get("level") or "none"
    if not tables:
        return ""
    rows = [
        (
            tag("code", table_["name"]),
            f"{table_['rows']:,}" if table_.get("rows") is not None else "-",
            HOW.get(table_["how"], table_["how"]),
            # What changed was compared again when it was copied; the rest is proven to be the rows compared then.
            f"equal, all content compared {table_['verified_at']}" if table_.get("verified_at") else COMPARED[level],
        )
        for table_ in tables
    ]
    whole = sum(int(table_.get("rows") or 0) for table_ in tables)
    return tag(
        "details",
        tag("summary", f"Verification of each table: {len(rows)} tables, {whole:,} rows"),
        table("Verification of each table", ("table", "rows", "how it was copied", "compared"), rows, numbers=(1,)),
    )


def _processes(facts: Mapping[str, Any]) -> Html | str:
    rows = []
    for group, command in facts["processes"].items():
        size, machines = facts["sizes"].get(group) or {}, facts["machines"].get(group) or {}
        memory = f", {size['memory_mb']:,} MB" if size.get("memory_mb") else ""
        before = (
            f"{size.get('count') if size.get('count') is not None else '-'} of {size['dyno']}"
            if size.get("dyno")
            else "-"
        )
        rows.append(
            (
                group,
                before,
                f"{size.get('size') or 'as in fly.toml'}{memory}",
                machines.get("started", 0),
                tag("code", command),
            )
        )
    if facts["release_command"]:
        rows.append(("before each release", "", "", "", tag("code", facts["release_command"])))
    columns = ("group", "on Heroku", "Machine on Fly.io", "started", "command")
    shown = table("Process groups", columns, rows, numbers=(3,), stack=True, named=True)
    return section("Process groups", shown) if rows else ""


def _stays(facts: Mapping[str, Any]) -> Html | str:
    addons = [tag("li", f"{addon['name']} ({addon['plan']})") for addon in facts["addons_to_replace"]]
    jobs = [tag("li", job) for job in facts["scheduler_jobs"]]
    parts = []
    if addons:
        parts += [tag("p", "Add-ons to replace before the Heroku app is destroyed:"), tag("ul", *addons)]
    if jobs:
        parts += [tag("p", "Jobs of Heroku Scheduler to set up again:"), tag("ul", *jobs)]
    return section("What stays behind", *parts) if parts else ""


def _config(facts: Mapping[str, Any]) -> Html | str:
    entries = sorted(facts["config"].items(), key=lambda pair: (pair[1]["class"], pair[0]))
    rows = [
        (tag("code", name), entry["class"], (facts["secrets"].get(name) or {}).get("status", "-"), entry["reason"])
        for name, entry in entries
    ]
    if not rows:
        return ""
    classes = Counter(entry["class"] for _name, entry in entries)
    summary = ", ".join(f"{number} {name}" for name, number in sorted(classes.items()))
    columns = ("name", "class", "secret on Fly", "why")
    return section(
        "Config vars",
        tag(
            "details",
            tag("summary", f"{len(rows)}: {summary}"),
            tag(
                "p",
                "Of class transfer or addon: copied unchanged. Of class service or alias: gets the URL of the new "
                "service. Of class platform or excluded: stays behind.",
                class_="soft",
            ),
            table("Config vars", columns, rows),
        ),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
