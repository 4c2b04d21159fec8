# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What an app writes to its disk, which does not outlive a Machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    AFTER,
    INFO,
    WARN,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import (
    RUBY,
    Hit,
    Rule,
)

_ELSEWHERE = (
    r"\b(?:development|test|local)\?|\bunless\s+Rails\.env\.production\?|\bif\s+.*ENV\[|\belse\b"
    r"|\bRails\.env\.\w+\b.*\?"
)


_PARSED = re.compile(
    r"(?:app|package|package-lock|composer)\.json|composer\.lock|(?:fly|pyproject)\.toml|(?:uv|poetry)\.lock|Pipfile"
    r"|heroku\.yml|config/(?:database|cable|storage|cache|queue|solid_queue|recurring|sidekiq|credentials)\.yml"
)


def _broken(app: App) -> Iterator[Hit]:
    """Yield those files that say how the app is built and run and that cannot be parsed."""
    for path in filter(_PARSED.fullmatch, app.folder.files):
        app.folder.data(path)
        if path in app.folder.broken:
            broken = app.folder.broken[path]
            yield Hit(path, broken.line, {"cause": broken.cause})


def _active_storage(app: App) -> Iterator[Hit]:
    """Yield the service of Active Storage in production, if config/storage.yml puts it on the disk."""
    path = "config/environments/production.rb"
    code = app.folder.code(path) if path in app.folder else ""
    found = re.search(r"^\s*config\.active_storage\.service\s*=\s*:(\w+)\s*$", code, re.MULTILINE)
    if not found:
        return
    storage, _start = app.block("config/storage.yml", f"{found[1]}:")
    service = re.search(r"^[ \t]+service:\s*[\"']?(\w+)", storage, re.MULTILINE)
    if (service[1] if service else "Disk" if found[1] == "local" else "") == "Disk":
        uses = any(
            re.search(r"\bhas_(?:one|many)_attached\b|\bhas_rich_text\b", app.folder.text(model))
            for model in app.code_files
            if model.startswith("app/models/")
        )
        line = code.count("\n", 0, found.end() - len(found[0].lstrip())) + 1
        yield Hit(path, line, {"service": found[1]}, WARN if uses else INFO)


def _sqlite(app: App) -> Iterator[Hit]:
    path = "config/database.yml"
    block, start = app.block(path, "production:")
    inherited = re.search(r"<<:\s*\*(\w+)", block)
    if inherited and "adapter:" not in block and "url:" not in block:
        block, start = app.block(path, rf"[^\n]*&{inherited[1]}\b")
    found = re.search(r"adapter:\s*sqlite3", block)
    if found and "url:" not in block:
        yield Hit(path, app.folder.code(path).count("\n", 0, start + found.start()) + 1)


RULES = (
    Rule(
        id="broken-file",
        level=WARN,
        text="This file is {cause}. What it says is not part of this audit.",
        remedy="Correct it, then run the audit again.",
        source="https://devcenter.heroku.com/articles/deploying-rails",
        find=_broken,
    ),
    Rule(
        id="active-storage-disk",
        level=WARN,
        text="Active Storage keeps files on disk (service {service}). A Machine loses them with each deploy.",
        remedy="Use an object store such as Tigris (fly storage create) or S3.",
        source="https://devcenter.heroku.com/articles/active-storage-on-heroku",
        find=_active_storage,
    ),
    Rule(
        id="uploads-on-disk",
        level=WARN,
        text="Uploads are kept on disk ({what}). A Machine loses them with each deploy.",
        remedy="Use an object store such as Tigris (fly storage create) or S3.",
        source="https://github.com/carrierwaveuploader/carrierwave/wiki/How-to%3A-Make-Carrierwave-work-on-Heroku",
        languages=(RUBY,),
        files=r"(?:app/uploaders|config/initializers|config/environments/production|app/models).*\.rb",
        pattern=(
            r"^[ \t]*(?P<what>storage\s+:file\b|config\.storage\s*=\s*:file\b)(?![^\n]*\bif\b)|"
            r"(?P<what2>Shrine::Storage::FileSystem)\.new(?!\([^\n]*\btmp)|:storage\s*=>\s*:filesystem|storage:\s*:filesystem"
        ),
        hints=(":file", "FileSystem"),
        unless_before=_ELSEWHERE,
        unless=r"storage\s+:(?:fog|aws)|Storage::S3|config\.storage\s*=\s*:(?:fog|aws)",
    ),
    Rule(
        id="sqlite",
        level=WARN,
        text="Production uses SQLite, a file that a Machine loses with each deploy.",
        remedy="Use Postgres, or a volume and only one Machine.",
        source="https://devcenter.heroku.com/articles/sqlite3",
        find=_sqlite,
    ),
    Rule(
        id="writes-to-disk",
        level=INFO,
        urgency=AFTER,
        text="This writes a file below {folder}. Each Machine has its own, and loses it with a deploy.",
        remedy="As on Heroku, check that no other process and no later request reads it.",
        source="https://devcenter.heroku.com/articles/dynos#ephemeral-filesystem",
        languages=(RUBY,),
        files=r"(?:app|lib(?!/tasks))/.*",
        pattern=(
            r"\bFile\.(?:(?:bin)?write|open(?=[^\n]*,\s*[\"'](?:w|a)))\(\s*(?:\"#\{)?"
            r"Rails\.(?:root\.join\(|public_path|root)[\s,\"'/}]*(?P<folder>public|tmp|uploads)\b"
            r"|\bFileUtils\.(?:cp|mv)\([^\n]*Rails\.root\.join\(\s*[\"'](?P<folder2>public)"
        ),
        hints=("Rails.",),
    ),
    Rule(
        id="laravel-local-disk",
        level=INFO,
        text="Without FILESYSTEM_DISK the app keeps files on disk. A Machine loses them with each deploy.",
        remedy="Set FILESYSTEM_DISK to an object store.",
        source="https://laravel.com/docs/filesystem",
        files=r"config/filesystems\.php",
        pattern=r"[\"']default[\"']\s*=>\s*env\([\"']FILESYSTEM_(?:DISK|DRIVER)[\"'],\s*[\"'](?:local|public)",
        hints=("FILESYSTEM_",),
        find=None,
    ),
    Rule(
        id="django-media",
        level=INFO,
        text="Uploads go to MEDIA_ROOT, on disk. A Machine loses them with each deploy.",
        remedy="Use django-storages with an object store.",
        source="https://docs.djangoproject.com/en/stable/howto/custom-file-storage/",
        files=r"(?:.*/)?settings(?:/\w+)?\.py",
        pattern=r"^MEDIA_ROOT\s*=",
        hints=("MEDIA_ROOT",),
        unless=r"storages\.|STORAGES\b|DEFAULT_FILE_STORAGE",
        once=True,
    ),
)
