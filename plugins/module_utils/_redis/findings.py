# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What the user should know before Redis moves; docs/redis.md explains each id.

A text holds prefixes, never a key's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes

BLOCK, WARN, INFO = "block", "warn", "info"


def finding(name: str, level: str, text: str, remedy: str) -> dict[str, str]:
    """Return a finding."""
    return {"id": name, "level": level, "text": text, "remedy": remedy}


def databases(left: Mapping[int, Prefixes], asked: bool, acknowledged: Sequence[str]) -> list[dict[str, str]]:
    """Databases with keys that are left behind; O(asked) says that they should have been copied."""
    if not left:
        return []
    named = "; ".join(
        f"database {number}: {keys.keys} keys ({keys.in_words()})" for number, keys in sorted(left.items())
    )
    if not asked:
        return [
            finding(
                "redis-other-databases", WARN, f"The source has keys in other databases than its URL names: {named}.",
                "If the app uses them, give a URL that names no database.",
            )
        ]  # fmt: skip
    level = WARN if "redis-databases" in acknowledged else BLOCK
    return [
        finding(
            "redis-databases", level,
            f"The source has keys in databases that the target does not have: {named}. They would stay behind.",
            "Upstash has database 0 only: let the app use one database, give another Redis in migrate_redis_url, or "
            "accept the finding redis-databases to leave them behind.",
        )
    ]  # fmt: skip


def foreign_keys(
    target: str, foreign: Prefixes, conflicting: Prefixes, replace: bool, others: Sequence[str]
) -> list[dict[str, str]]:
    """Keys on the target that were not copied by us; O(others) are the names of other copies there."""
    if not foreign.keys:
        return []
    text = f"{target} holds {foreign.keys} keys that were not copied from this source: {foreign.in_words()}."
    if others:
        text += f" It has the keys of {', '.join(others)} too, so nothing there is replaced."
    if replace:
        level, remedy = WARN, "Leave out replace (migrate_redis_replace) if somebody else uses this Redis."
        text += " They are deleted or overwritten, as replace asks."
    elif conflicting.keys:
        level, remedy = (
            BLOCK,
            "Give a Redis of this app's own, or set replace (migrate_redis_replace).",
        )
        text += (
            f" {conflicting.keys} of its keys hold something else than the source's of the same name: "
            f"{conflicting.in_words()}."
        )
    else:
        level, remedy = INFO, "Nothing to do. Left over from a rehearsal? Then set replace (migrate_redis_replace)."
        text += " They stay as they are."
    return [finding("redis-foreign-keys", level, text, remedy)]


def still_in_use(differing: int) -> list[dict[str, str]]:
    """Keys that changed while they were copied."""
    return [
        finding(
            "redis-still-in-use", INFO, f"{differing} keys changed on the source while they were copied.",
            "Nothing to do: the cut-over copies them again, when nothing writes any more.",
        )
    ]  # fmt: skip
