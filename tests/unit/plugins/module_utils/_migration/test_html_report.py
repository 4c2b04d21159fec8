# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as a page: complete, closed, escaped, self-contained."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen, facts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.html_report import (
    html_report,
    zone_line,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.next_steps import next_steps

_HOSTILE = "</td><script>alert('x')</script>\"'&"


class Page(HTMLParser):
    """Checks that every element is closed in its place, and keeps ids and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def page_of(seen: dict[str, Any]) -> Page:
    found = facts(Seen(seen))
    text = html_report(found, next_steps(found))
    assert not re.search(r"""(src|href)=["'](?!https://paper-crane\.fly\.dev)|@import|url\(""", text)
    return Page(text)


@pytest.mark.parametrize("name", ["audit", "rehearsed", "live"])
def test_page_stands_alone_and_every_id_is_there_once(name: str, request: pytest.FixtureRequest) -> None:
    page = page_of(request.getfixturevalue(name))
    ids = [attributes["id"] for _tag, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes["aria-labelledby"] for _tag, attributes in page.tags if "aria-labelledby" in attributes}
    assert named <= set(ids)
    assert [tag for tag, _attributes in page.tags].count("h1") == 1


def test_page_after_the_cut_over(live: dict[str, Any]) -> None:
    page = page_of(live)
    for part in (
        "Live on Fly.io since 2026-11-26T18:00:09Z.",
        "8.5 s without service",
        "freeze Heroku 3.5 s",
        "2 of Standard-1X",
        "shared-cpu-1x, 512 MB",
        "www.example.com. 300 IN CNAME paper-crane.fly.dev.",
        "rake digest, daily at 06:00",
        "23: 1 addon, 4 service, 18 transfer",
    ):
        assert part in page.text, part
    widths = [
        float(attributes["width"] or 0)
        for tag, attributes in page.tags
        if tag == "rect" and attributes.get("height") == "26"
    ]
    assert 980 < sum(widths[:4]) <= 1000


def test_a_dns_record_on_a_phone_says_which_part_is_which(live: dict[str, Any]) -> None:
    page = page_of(live)
    named = [attributes["data-name"] for tag, attributes in page.tags if "data-name" in attributes]
    columns = ["hostname", "certificate", "type", "name", "value", "purpose"]
    assert named[: 2 * len(columns)] == columns * 2
    assert "pending validation" in page.text


def test_findings_can_be_filtered_without_a_script(audit: dict[str, Any]) -> None:
    page = page_of(audit)
    radios = [attributes for tag, attributes in page.tags if tag == "input"]
    assert [radio["id"] for radio in radios] == ["show-all", "show-before", "show-after"]
    marked = [attributes["data-when"] for _tag, attributes in page.tags if "data-when" in attributes]
    assert marked == ["before", "before", "after", "after", "after"]


def test_what_users_can_name_is_escaped(audit: dict[str, Any]) -> None:
    seen = {
        **audit,
        "url": f"javascript:{_HOSTILE}",
        "findings": [{"id": _HOSTILE, "level": "warn", "text": _HOSTILE, "remedy": _HOSTILE}],
        "scheduler_jobs": [_HOSTILE],
        "processes": {"processes": {_HOSTILE: _HOSTILE}, "release_command": _HOSTILE},
    }
    page = page_of(seen)
    assert [tag for tag, _attributes in page.tags].count("script") == 1
    assert page.text.count("alert('x')") >= 6
    assert not any("javascript" in str(attributes.get("href")) for _tag, attributes in page.tags)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (("AAAA", "example.com", "2a09:8280:1::1"), "example.com. 300 IN AAAA 2a09:8280:1::1"),
        (("CNAME", "www.example.com.", "x.fly.dev"), "www.example.com. 300 IN CNAME x.fly.dev."),
        (("TXT", "_fly.example.com", 'a "b"'), '_fly.example.com. 300 IN TXT "a \\"b\\""'),
    ],
)
def test_zone_lines(record: tuple[str, str, str], line: str) -> None:
    kind, name, value = record
    assert zone_line({"type": kind, "name": name, "value": value}) == line


def test_verification_of_each_table(rehearsed: dict[str, Any], audit: dict[str, Any]) -> None:
    text = page_of(rehearsed).text
    assert "Verification of each table: 2 tables, 30,012 rows" in text
    orders = "public.orders30,000changed rows, found by a scanequal, all content compared 2026-11-26T17:55:00Z"
    assert orders in text
    assert 'public."Users"12copiedequal: rows and checksums' in text
    assert "Verification of each table" not in page_of(audit).text


def test_what_drifted_leads_the_page(rehearsed: dict[str, Any]) -> None:
    found = facts(Seen(rehearsed))
    drift = {"id": "table-added", "name": "public.x", "text": f"table {_HOSTILE} was added on Heroku"}
    page = Page(html_report({**found, "drift": [drift]}, next_steps(found)))
    assert f"Since the last runTable {_HOSTILE} was added on Heroku." in page.text
    assert [tag for tag, _attributes in page.tags].count("script") == 1


def test_phases_of_the_copy_come_as_they_did_and_in_words(rehearsed: dict[str, Any]) -> None:
    rehearsed["ledger"]["ledger"]["database"]["seconds"] = {"data": 2.0, "finish": 0.01, "plan": 1.0, "verify": 3.0}
    labels = [str(attributes.get("aria-label")) for _tag, attributes in page_of(rehearsed).tags]
    assert "The copy of Postgres by phase: plan 1.0 s, copy rows 2.0 s, verify 3.0 s" in labels
