# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guide's pipes do to config vars: ports of the two programs' rules, to compare with.

Sources: heroku/cli src/lib/config/quote.ts (11.9 and newer) for C(heroku config -s); superfly/flyctl
internal/command/secrets/parser.go for C(fly secrets import); fly.io/docs "Migrate from Heroku" for the filters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPECIAL = re.compile(r"""["\s#!$&'()*,:;<=>?@\[\]\\^`{|}]""")
_LONGEST_LINE = 64 * 1024


def heroku_config(values: Mapping[str, str]) -> str:
    """Return what C(heroku config -s) prints."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    if not _SPECIAL.search(value):
        return value
    if "'" not in value and "\n" not in value:
        return f"'{value}'"
    escaped = re.sub(r'(["\\$`!])', r"\\\1", value)
    return '"' + escaped.replace("\n", "\\n") + '"'


def secrets_import(text: str) -> dict[str, str]:
    """Return what C(fly secrets import) makes of its input."""
    found: dict[str, str] = {}
    multiline = ""
    lines: list[str] = []
    for raw in text.split("\n"):
        if len(raw.encode()) > _LONGEST_LINE:
            break  # the scanner's error is ignored
        line = raw.removesuffix("\r")
        if multiline:
            lines.append(line)
            if line.endswith('"""'):
                found[multiline] = "\n".join(lines)[:-3]
                multiline = ""
            continue
        if not line.strip() or line.startswith("#") or "=" not in line:
            continue
        name, _equals, value = line.partition("=")
        name, value = name.strip(), value.lstrip(" ")
        before, hash_, _comment = value.partition("#")
        if hash_ and before.count('"') % 2 == 0:
            value = before.rstrip(" ")
        if value.startswith('"""'):
            if len(value) >= 6 and value.endswith('"""'):
                found[name] = value[3:-3]
            else:
                multiline, lines = name, [value[3:]]
            continue
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found


def old_guide(values: Mapping[str, str]) -> dict[str, str]:
    """Return what arrives by C(heroku config -s | grep -v DATABASE_URL | fly secrets import)."""
    kept = [line for line in heroku_config(values).splitlines() if "DATABASE_URL" not in line]
    return secrets_import("\n".join(kept))


def current_docs(values: Mapping[str, str]) -> dict[str, str]:
    """Return what arrives with the filters of the current docs, which rewrite single quotes with sed."""
    dropped = re.compile(r"^DATABASE_URL|^REDIS_URL|^HEROKU_")
    kept = [line for line in heroku_config(values).split("\n") if not dropped.search(line)]
    return secrets_import("\n".join(re.sub(r"='(.*)'$", r'="\1"', line) for line in kept))
