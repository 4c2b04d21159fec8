# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What C(heroku_source_info) returns about the folder of an app's source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules import packages
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App, OnHeroku
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Folder
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.scan import scan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table.data import NEEDS_DIRECT
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.command import literal_port

_JOBS = ("gem:sidekiq", "gem:good_job", "gem:solid_queue", "gem:delayed_job", "gem:resque", "gem:que", "gem:shoryuken")
_OTHER_JOBS = ("pip:celery", "pip:rq", "pip:django-q", "npm:bull", "npm:bullmq", "npm:agenda", "hex:oban")
_STORAGE = ("gem:carrierwave", "gem:shrine", "gem:paperclip", "gem:kt-paperclip", "gem:activestorage", "gem:dragonfly")
_OTHER_STORAGE = ("pip:django-storages", "npm:multer", "npm:@aws-sdk/client-s3", "composer:league/flysystem-aws-s3-v3")


def inspect(source_dir: str, heroku: OnHeroku) -> dict[str, Any]:
    """Return findings and facts about the app in O(source_dir)."""
    app = App(Folder(Path(source_dir)), heroku)
    language, framework = packages.kind(app.packages, app.folder)
    environment: dict[str, list[dict[str, Any]]] = {}
    for read in app.reads:
        place = {"path": read.path, "line": read.line, "required": read.required}
        environment.setdefault(read.name, []).append(place)
    web = app.folder.web()
    findings = scan(app, RULES)
    for finding in findings if web else ():
        if finding.get("path"):
            line = f"#L{finding['line']}" if finding.get("line") else ""
            finding["url"] = f"{web}{quote(finding['path'])}{line}"
    return {
        "language": language,
        "framework": framework,
        "versions": packages.versions(app.packages, app.folder),
        "processes": {name: command for name, (_line, command) in app.procfile.items()},
        "ports": _ports(app),
        "jobs": [name.partition(":")[2] for name in (*_JOBS, *_OTHER_JOBS) if name in app.packages],
        "storage": [name.partition(":")[2] for name in (*_STORAGE, *_OTHER_STORAGE) if name in app.packages],
        "environment": {name: environment[name] for name in sorted(environment)},
        "files": len(app.folder.files),
        "checkout": app.folder.checkout,
        "commit": app.folder.commit(),
        "web_url": web,
        "postgres_pooled": not any(finding["id"] in NEEDS_DIRECT for finding in findings),
        "findings": findings,
    }


def on_heroku(params: Mapping[str, Any]) -> OnHeroku:
    """Return what the module's options say of the app on Heroku."""
    return OnHeroku(
        config_names=params["config_names"],
        formation={str(entry["type"]): int(entry["quantity"]) for entry in params["formation"]},
        process_types=params["process_types"],
        buildpacks=tuple(params["buildpacks"]),
        hosts=tuple(params["hosts"]),
        commit=params["slug_commit"] or "",
        fly_processes=params["fly_processes"],
    )


def _ports(app: App) -> list[int]:
    ports = [literal_port(command) for _line, command in app.procfile.values()]
    ports += [int(port) for port in re.findall(r"^\s*EXPOSE\s+(\d+)", app.dockerfile, re.MULTILINE)]
    return sorted({port for port in ports if port})
