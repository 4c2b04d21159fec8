# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What the user should know before Redis moves; docs/redis.md explains each id.

A text holds prefixes, never a key's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.jobs import Jobs
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.source import Memory

BLOCK, WARN, INFO = "block", "warn", "info"


def finding(name: str, level: str, text: str, remedy: str) -> dict[str, str]:
    """Return a finding."""
    return {"id": name, "level": level, "text": text, "remedy": remedy}


def databases(left: Mapping[int, Prefixes], asked: bool) -> list[dict[str, str]]:
    """Return findings about databases with keys that are left behind, which should have been copied if O(asked)."""
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
    return [
        finding(
            "redis-databases", BLOCK,
            f"The source has keys in databases that the target does not have: {named}. They would stay behind.",
            "Upstash has database 0 only: let the app use one database, give another Redis in migrate_redis_url, or "
            "accept the finding redis-databases to leave them behind.",
        )
    ]  # fmt: skip


def foreign_keys(
    target: str, foreign: Prefixes, conflicting: Prefixes, replace: bool, others: Sequence[str]
) -> list[dict[str, str]]:
    """Return findings about keys on the target that were not copied by us; O(others) are the names of other copies."""
    if not foreign.keys:
        return []
    text = f"{target} holds {foreign.keys} keys that were not copied from this source: {foreign.in_words()}."
    if others:
        text += f" It also has the keys of {', '.join(others)}, so nothing there is replaced."
    if replace:
        level, remedy = WARN, "Turn off replace (migrate_redis_replace) if anyone else uses this Redis."
        text += " They are deleted or overwritten, because replace is set."
    elif conflicting.keys:
        level, remedy = (
            BLOCK,
            "Give this app its own Redis, or set replace (migrate_redis_replace).",
        )
        text += (
            f" {conflicting.keys} of its keys hold something other than the source's keys of the same name: "
            f"{conflicting.in_words()}."
        )
    else:
        level, remedy = INFO, "Nothing to do. Left over from a rehearsal? Then set replace (migrate_redis_replace)."
        text += " They are kept."
    return [finding("redis-foreign-keys", level, text, remedy)]


def still_in_use(differing: int) -> list[dict[str, str]]:
    """Return a finding about keys that changed while they were copied."""
    return [
        finding(
            "redis-still-in-use", INFO, f"{differing} keys changed on the source while they were copied.",
            "Nothing to do: the cut-over copies them again, once nothing writes any more.",
        )
    ]  # fmt: skip


def fields_lost(lost: Prefixes) -> list[dict[str, str]]:
    """Return a finding about hashes whose fields do not expire on the target."""
    if not lost.keys:
        return []
    return [
        finding(
            "redis-field-expiry", WARN,
            f"{lost.keys} hashes have fields that expire, which the target does not support: {lost.in_words()}.",
            "Use Redis 7.4, Valkey 9 or newer, or let the app remove those fields itself.",
        )
    ]  # fmt: skip


def jobs_found(found: Jobs, frozen: bool) -> list[dict[str, str]]:
    """Return findings about jobs; O(frozen) says that no worker should be running any more."""
    if not found.any:
        return []
    said = [
        finding(
            "redis-jobs", INFO,
            f"The source holds jobs of Sidekiq or Resque: {found.in_words()}.",
            "Workers on Fly run them after the cut-over; a rehearsal starts none. Keys of processes and heartbeats, "
            "locks and rate limits are copied too and expire by themselves.",
        )
    ]  # fmt: skip
    held = sum(found.in_progress.values()) + found.private
    if frozen and held:
        named = ", ".join(f"{name} {count}" for name, count in found.in_progress.most_common(5)) or "in private queues"
        said.append(
            finding(
                "redis-jobs-in-progress",
                WARN,
                f"{held} jobs were held by a worker when it ended ({named}).",
                "Check whether they ran. Sidekiq puts back what it cannot finish in time; super_fetch takes jobs "
                "out of the private queues of ended processes, also on Fly; what plain Sidekiq held when it was killed "
                "is lost. With migrate_redis_data=drain_then_copy workers finish first.",
            )
        )
    return said


def not_drained(found: Jobs, timeout: float) -> list[dict[str, str]]:
    """Return a finding about jobs that are left when the time to drain is up."""
    text = f"After {timeout:g} seconds workers had not finished: {found.in_words()}."
    remedy = "What is in the queues is copied and runs on Fly. Give more time with migrate_drain_timeout."
    return [finding("redis-not-drained", WARN, text, remedy)]


def late_keys(brought: Prefixes, left: Prefixes, dry: bool) -> list[dict[str, str]]:
    """Return findings about keys that were written to the source after its copy."""
    said = []
    if brought.keys:
        verb = "would be" if dry else "were"
        text = f"{brought.keys} keys were written on the source after they had been copied: {brought.in_words()}."
        remedy = f"Nothing to do: they {verb} copied. Look for what still writes to the source."
        said.append(finding("redis-late-keys", WARN, text, remedy))
    if left.keys:
        text = f"{left.keys} keys changed on the source after their copy and were not copied again: {left.in_words()}."
        remedy = "Compare them by hand: Fly may have changed them since. Look for what still writes to the source."
        said.append(finding("redis-late-keys-left", WARN, text, remedy))
    return said


def eviction(source: Memory, target: Memory, found: Jobs, keys: int) -> list[dict[str, str]]:
    """Return findings about eviction: whether the source or the target may drop jobs or other keys."""
    said = []
    if source.evicts and found.any:
        said.append(
            finding(
                "redis-jobs-evicted",
                WARN,
                f"The source evicts keys when it is full ({source.policy}), and holds jobs: Sidekiq must not share a "
                "Redis with a cache.",
                "Give the cache its own Redis. The new one does not evict unless migrate_redis_eviction says so; "
                "then the cache must expire its keys itself.",
            )
        )
    elif source.evicts and keys and not target.evicts:
        said.append(
            finding(
                "redis-was-a-cache",
                WARN,
                f"The source evicts keys when it is full ({source.policy}): it is used as a cache. A new Redis on Fly "
                "refuses writes instead when it is full.",
                "Set migrate_redis_eviction=true, and migrate_redis_data=skip if nothing in it needs to be kept.",
            )
        )
    if target.evicts and found.any:
        said.append(
            finding(
                "redis-target-evicts",
                BLOCK,
                f"The target evicts keys when it is full ({target.policy}), and there are jobs, which may be lost.",
                "Turn eviction off (migrate_redis_eviction=false), or accept the finding redis-target-evicts.",
            )
        )
    if target.most and source.used > target.most:
        said.append(
            finding(
                "redis-too-small",
                WARN,
                f"The source takes {source.used // 1000000} MB in memory, the target has {target.most // 1000000} MB.",
                "Choose a larger plan (migrate_redis_plan).",
            )
        )
    return said


def clients(found: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return a finding about clients of the source, to which nothing should write any more."""
    if not found:
        return []
    named = ", ".join(f"{one.get('addr', '?')} (last command {one.get('cmd', '?')})" for one in found[:5])
    return [
        finding(
            "redis-clients", WARN,
            f"{len(found)} other clients are connected to the source: {named}{', ...' if len(found) > 5 else ''}.",
            "What they write now is looked for only once, after the seal. Stop whatever runs outside Heroku.",
        )
    ]  # fmt: skip


def acknowledged(said: list[dict[str, str]], ids: Sequence[str]) -> list[dict[str, str]]:
    """Return the findings; those in O(ids) no longer block."""
    return [{**one, "level": WARN} if one["level"] == BLOCK and one["id"] in ids else one for one in said]
