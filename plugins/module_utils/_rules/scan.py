# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Apply rules to an app's source: findings with their file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import Finding, order
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import Hit, Rule

_IGNORE = re.compile(r"flyover:\s*ignore\s+([\w-]+(?:[ ,]+[\w-]+)*)")


def scan(app: App, rules: Iterable[Rule]) -> list[Finding]:
    """Return what O(rules) find in O(app), the most serious first. C(flyover: ignore ID) silences its line."""
    found = []
    for rule in rules:
        if rule.packages and not app.package(*rule.packages):
            continue
        seen: set[tuple[str, int, str]] = set()
        for hit in _hits(app, rule):
            text = rule.text.format_map(_Words(hit.words))
            key = (hit.path, hit.line, text)
            if key in seen or _silenced(app, rule.id, hit):
                continue
            seen.add(key)
            found.append(_finding(rule, hit, text))
    return sorted(found, key=order)


def _finding(rule: Rule, hit: Hit, text: str) -> Finding:
    finding: Finding = {
        "id": rule.id,
        "level": hit.level or rule.level,
        "urgency": rule.urgency,
        "text": text,
        "remedy": rule.remedy.format_map(_Words(hit.words)),
    }
    if hit.path:
        finding["path"] = hit.path
    if hit.path and hit.line:
        finding["line"] = hit.line
    return finding


def _hits(app: App, rule: Rule) -> Iterator[Hit]:
    if rule.find:
        yield from rule.find(app)
    if rule.variables:
        files = re.compile(rule.files) if rule.files else None
        for read in app.reads:
            if any(fnmatchcase(read.name, glob) for glob in rule.variables) and (
                not files or files.fullmatch(read.path)
            ):
                yield Hit(read.path, read.line, {"name": read.name})
    if rule.pattern:
        yield from _matches(app, rule)


def _matches(app: App, rule: Rule) -> Iterator[Hit]:
    files, pattern, unless, before = rule.regexes()
    if pattern is None:
        return
    # A rule that names its files also reads those that are not the app's code.
    paths = app.folder.files if files else app.code_files
    for path in paths:
        if files and not files.fullmatch(path):
            continue
        if rule.languages and app.languages.get(path) not in rule.languages:
            continue
        text = app.folder.text(path)
        if rule.hints and not any(hint in text for hint in rule.hints):
            continue
        code = app.folder.code(path)
        if unless and unless.search(code):
            continue
        for found in pattern.finditer(code):
            words, start = _groups(found)
            line = code.count("\n", 0, start) + 1
            if before and before.search("\n".join(code.split("\n")[max(0, line - 5) : line])):
                continue
            yield Hit(path, line, words)
            if rule.once:
                break


def _groups(found: re.Match[str]) -> tuple[dict[str, str], int]:
    """Return the words of a match and where it is; C(word2) is the same word in another alternative."""
    words = {name.rstrip("2"): value for name, value in found.groupdict().items() if value}
    places = [found.start(name) for name in ("at", "at2") if found.groupdict().get(name)]
    return words, places[0] if places else found.end() - len(found[0].lstrip())


def _silenced(app: App, rule: str, hit: Hit) -> bool:
    lines = app.folder.text(hit.path).split("\n") if hit.line else []
    for line in lines[max(0, hit.line - 2) : hit.line]:
        said = _IGNORE.search(line)
        if said and rule in re.split(r"[ ,]+", said[1]):
            return True
    return False


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"
