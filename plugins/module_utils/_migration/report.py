# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Plan and report as a module returns them, and the report's files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import prepare_folder, replace_file
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.ci import junit, sarif
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.drift import earlier, since
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen, changes, facts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.html_report import html_report
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.markdown import markdown
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.next_steps import (
    next_command,
    next_steps,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.plan import human_seconds, plan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.text import plan_lines, report_lines

ENDINGS = {"json": "json", "markdown": "md", "html": "html", "sarif": "sarif", "junit": "junit.xml"}
OF_A_REPORT = ("json", "markdown", "html")


def show_plan(
    seen: Seen, former: Iterable[str] = (), path: str | None = None, check_mode: bool = False
) -> dict[str, Any]:
    """Return the plan, its lines, and what a run would change; write it in every format to O(path), if any.

    Drift is what changed since the first of the reports O(former) that exists.
    """
    before = earlier(former)
    known = facts(seen)
    known["drift"] = since(before, known, seen["secrets"].get("names") or {})
    found = plan(seen, known)
    files = _paths(path, ENDINGS) if path else {}
    changed = _write_all(files, known, found["next_steps"], check_mode)
    return {
        "changed": changed,
        "plan": found,
        "summary": summary(known, found["counts"], found["window"]["text"]),
        "changes": changes(seen),
        "drift": known["drift"],
        "compared": bool(before),
        "files": files,
        "lines": [
            *plan_lines(found, in_full=bool(files) or not seen.value("check_mode", False)),
            *(f"Audit ({kind}): {file}" for kind, file in files.items() if not check_mode),
        ],
    }


def make_report(seen: Seen, path: str, check_mode: bool) -> dict[str, Any]:
    """Return the report, its lines and what a run in check mode would change; write the files where they differ."""
    found = facts(seen)
    steps = next_steps(found)
    files = _paths(path, OF_A_REPORT)
    return {
        "changed": _write_all(files, found, steps, check_mode),
        "report": found,
        "summary": summary(found, {}, human_seconds(found["window"]["seconds"]) if found["window"] else ""),
        "next_steps": steps,
        "changes": changes(seen),
        "drift": [],
        "compared": False,
        "files": files,
        "lines": report_lines(found, steps, {} if check_mode else files),
    }


def _paths(path: str, formats: Iterable[str]) -> dict[str, str]:
    return {kind: f"{path}.{ENDINGS[kind]}" for kind in formats}


def _write_all(files: Mapping[str, str], found: Mapping[str, Any], steps: list[str], check_mode: bool) -> bool:
    """Render each of O(files), format to path, and write it where it differs; return whether any does."""
    changed = [write(Path(path), _rendered(kind, found, steps), check_mode) for kind, path in files.items()]
    return any(changed)


def _rendered(kind: str, found: Mapping[str, Any], steps: list[str]) -> str:
    if kind == "sarif":
        return sarif(found)
    if kind == "junit":
        return junit(found)
    if kind == "markdown":
        return markdown(found, steps)
    if kind == "html":
        return html_report(found, steps)
    return json.dumps({**found, "next_steps": steps}, indent=4, sort_keys=True, ensure_ascii=False) + "\n"


def summary(found: Mapping[str, Any], counts: Mapping[str, int], window: str) -> dict[str, Any]:
    """Return what an overview of many apps shows of one."""
    levels = Counter(finding["level"] for finding in found["findings"])
    return {
        **{key: found[key] for key in ("heroku_app", "fly_app", "url", "status", "state")},
        "blocks": levels["block"],
        "warnings": levels["warn"],
        "changes": sum(counts.get(verb, 0) for verb in ("create", "change", "copy")),
        "window": window,
        "waiting_for_dns": [name for name, entry in found["certificates"].items() if not entry.get("configured")],
        "next": next_command(found),
    }


def write(path: Path, content: str, check_mode: bool) -> bool:
    """Write a file where it differs, unless in check mode; return whether it does."""
    try:
        if path.read_text(encoding="utf-8") == content:
            return False
    except (OSError, ValueError):
        pass
    if not check_mode:
        thing = f"report {path}"
        prepare_folder(path.parent, thing)
        replace_file(path, content, thing)
    return True
