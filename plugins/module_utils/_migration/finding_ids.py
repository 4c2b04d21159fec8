# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Every id that a finding can have. Those of the Heroku app and of its source have tables of their own.

Each has its level, what it means and what to do, for docs/findings.md.
"""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import BLOCK, INFO, WARN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.findings import LEVELS as OF_HEROKU
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES

Row = tuple[str, str, str]
_AS_SAID = "Do as the text says."

# Those that migration_findings makes of steps that failed or warned, and those of the machine that runs the modules.
OF_STEPS: dict[str, Row] = {
    "certificates-pending": (
        WARN,
        "A hostname has no certificate yet. After the cut-over its visitors get a TLS error until there is one.",
        "Create the `_acme-challenge` records of the report; they change nothing for visitors.",
    ),
    "dockerfile-generation": (
        BLOCK,
        "There is no Dockerfile, and `fly launch` cannot generate one.",
        "Write a Dockerfile, or choose another `migrate_build`.",
    ),
    "fly-certificate": (BLOCK, "Fly.io would refuse a certificate.", "Correct `migrate_hostnames`."),
    "fly-create": (BLOCK, "Fly.io would refuse to create the app.", _AS_SAID),
    "fly-postgres-create": (
        BLOCK,
        "Fly.io would refuse to create the Postgres cluster, or does not offer what the database needs.",
        _AS_SAID,
    ),
    "fly-redis-create": (BLOCK, "Fly.io would refuse to create the Redis database.", _AS_SAID),
    "fly-toml": (BLOCK, "The Procfile or `fly.toml` cannot be used.", "Correct the line that the text names."),
    "fly-toml-warning": (
        INFO,
        "`fly.toml` will contain something that you should check.",
        "Check the file after the first run.",
    ),
    "one-off-dynos": (
        WARN,
        "Dynos outside the formation run, such as those of `heroku run` or Heroku Scheduler. They keep writing.",
        "Let them end; the cut-over stops them. Turn off the jobs of Heroku Scheduler.",
    ),
    "postgres-copy": (BLOCK, "The database cannot be read, or cannot be copied as it is.", _AS_SAID),
    "postgres-size": (
        BLOCK,
        "The database does not fit into the new cluster.",
        "Set `migrate_postgres_disk_gb`, with room to grow.",
    ),
    "postgres-version": (
        BLOCK,
        "The new cluster would have an older PostgreSQL than the database.",
        "Set `migrate_postgres_major`.",
    ),
    "redis-copy": (BLOCK, "Redis cannot be read, or cannot be copied as it is.", _AS_SAID),
    "source": (BLOCK, "The folder of the app's source cannot be read.", "Correct `migrate_source_dir`."),
    "tools-for-fly": (BLOCK, "flyctl is missing on the machine that runs the modules.", _AS_SAID),
    "tools-for-postgres": (
        BLOCK,
        "A library, `pg_dump` or `pg_restore` is missing, or has the wrong version.",
        _AS_SAID,
    ),
    "tools-for-redis": (BLOCK, "The Python library redis is missing, or too old.", _AS_SAID),
}

# Those of pg_transfer.
OF_POSTGRES: dict[str, Row] = {
    "database-catalog": (
        BLOCK,
        "A view reads something of PostgreSQL's own that the target's version no longer has.",
        "Drop the view on the source, or rewrite it.",
    ),
    "database-change-log": (WARN, "The change log of a table could not be prepared.", "Run again."),
    "database-collation": (
        f"{BLOCK}, {WARN}",
        "The two databases sort text in different orders, or one has a collation that the other lacks. The text names "
        "the columns that are ordered or unique.",
        "Create the target's database with the source's collation, or give such columns their own collation.",
    ),
    "database-connections": (
        f"{BLOCK}, {WARN}",
        "A server has no free connection for the copy, or fewer than its jobs need.",
        "Scale dynos down, or close other clients.",
    ),
    "database-copy": (BLOCK, "Part of the schema cannot be copied.", _AS_SAID),
    "database-create": (BLOCK, "The target's role may not create schemas.", "Grant it `CREATE` on the database."),
    "database-encoding": (
        f"{BLOCK}, {WARN}",
        "The two databases have different encodings.",
        "Create the target's database with encoding UTF8.",
    ),
    "database-extension": (
        BLOCK,
        "The database needs an extension that the target does not offer, or has in another schema.",
        "Enable it on the target, or remove what needs it.",
    ),
    "database-follower": (BLOCK, "The source is a follower.", "Use the primary's URL."),
    "database-foreign-table": (
        BLOCK,
        "Views or functions need a foreign table, which is not moved.",
        "Drop them on the source, or copy the rows into a table.",
    ),
    "database-generated": (
        WARN,
        "The target computes generated columns otherwise than the source did.",
        "Compare some rows. To have the source's computed anew, update every row there.",
    ),
    "database-partitions": (
        BLOCK,
        "A table is partitioned by the hash of an enum, which differs from server to server.",
        "Partition by list, or by the hash of the enum's text.",
    ),
    "database-public": (
        BLOCK,
        "The target's role may not create objects in the schema public.",
        "Grant it `CREATE ON SCHEMA public`.",
    ),
    "database-read-only": (BLOCK, "The target accepts no writes.", "Use the primary's URL."),
    "database-role": (
        BLOCK,
        "A policy or a value names a role that the target does not have, or a policy one that would own the copy.",
        "Create the role there, or copy as a role with another name.",
    ),
    "database-row-security": (
        BLOCK,
        "Row-level security hides rows from the source's role.",
        "Give it `BYPASSRLS`, or lift `FORCE ROW LEVEL SECURITY` meanwhile.",
    ),
    "database-search-path": (
        WARN,
        "Functions that indexes or materialized views call got a `search_path` on the target.",
        "Give them the same on Heroku, in a migration.",
    ),
    "database-statistics": (
        WARN,
        "The target cannot gather a table's statistics: a function that an index or a statistics object calls fails.",
        "Correct the function, then run `ANALYZE` there.",
    ),
    "database-superuser": (
        BLOCK,
        "Only a superuser can create some objects, and the target's role is not one.",
        "Have them created on the target, as members of an extension, or drop them on the source.",
    ),
    "database-unreadable": (BLOCK, "The source's role may not read something.", "Grant that, or use the owner's URL."),
    "database-version": (
        BLOCK,
        "The target has an older PostgreSQL than the source.",
        "Create the target with the source's version or a newer one.",
    ),
}

# What stays behind: not-moved- and its kind. Without the first kinds the app does not work as before.
_MISSED = ("default-privilege", "extension", "foreign-table", "function", "grant", "revoke", "setting", "trigger")
_NOT_MISSED = (
    *("aggregate", "cast", "comment", "composite-type", "default-value", "domain", "event-trigger", "foreign-server"),
    *("foreign-data-wrapper", "index", "materialized-view", "object", "policy", "procedure", "publication"),
    *("publication-relation", "rule", "schema", "security-label", "statistics-object", "subscription"),
    *("table-constraint", "tablespace", "type", "user-mapping", "view"),
)
OF_WHAT_STAYS: dict[str, Row] = {
    f"not-moved-{kind}": (level, f"Stays behind: {kind.replace('-', ' ')}.", "Make it on the target if it is needed.")
    for level, kinds in ((WARN, _MISSED), (INFO, _NOT_MISSED))
    for kind in kinds
}

# Those of redis_transfer.
OF_REDIS: dict[str, Row] = {
    "redis-clients": (
        WARN,
        "Other clients are connected to the source, although it is frozen.",
        "Find out who they are.",
    ),
    "redis-databases": (
        BLOCK,
        "Keys are in a database that the target does not have: Upstash only has number 0. If accepted, they stay.",
        "Let the app use one database, or give another Redis in `migrate_redis_url`.",
    ),
    "redis-field-expiry": (
        WARN,
        "Fields of hashes expire by themselves on the source, which the target does not support.",
        "Use a newer Redis, or let the app remove those fields.",
    ),
    "redis-foreign-keys": (
        f"{BLOCK}, {WARN}, {INFO}",
        "There are keys on the target that were not copied: they stay, are replaced as asked, or are in the way.",
        _AS_SAID,
    ),
    "redis-jobs": (INFO, "Jobs by state, with their queues.", "Nothing."),
    "redis-jobs-evicted": (
        WARN,
        "The source evicts keys and holds jobs: a queue must not share a Redis with a cache.",
        "Give the cache its own Redis.",
    ),
    "redis-jobs-in-progress": (WARN, "Workers held jobs when they ended.", "Check whether those jobs must run again."),
    "redis-late-keys": (WARN, "Keys that came after the copy were copied.", "Find out who wrote them."),
    "redis-late-keys-left": (
        WARN,
        "What came after the copy was left alone, because it may differ on both sides.",
        _AS_SAID,
    ),
    "redis-late-keys-unknown": (
        WARN,
        "After the seal the source could not be read, so it is unknown whether something was written after the copy.",
        "Inspect its queues on Heroku before you delete it.",
    ),
    "redis-not-drained": (WARN, "Jobs were left when `migrate_drain_timeout` had passed.", "Nothing: they are copied."),
    "redis-other-databases": (
        WARN,
        "The source's URL names one database, and others have keys too.",
        "If the app uses them, give a URL that names no database.",
    ),
    "redis-still-in-use": (INFO, "Keys changed while they were copied, in a rehearsal.", "Nothing."),
    "redis-target-evicts": (BLOCK, "The target evicts keys, and the source holds jobs.", "Turn its eviction off."),
    "redis-too-small": (WARN, "The source takes more memory than the target has.", "Choose a larger plan."),
    "redis-was-a-cache": (
        WARN,
        "The source evicts keys and holds no jobs, and the target does not evict.",
        "Set `migrate_redis_eviction: true`.",
    ),
}


def ids() -> frozenset[str]:
    """Return every id that a finding can have."""
    return frozenset([*OF_HEROKU, *(rule.id for rule in RULES), *OF_STEPS, *OF_POSTGRES, *OF_WHAT_STAYS, *OF_REDIS])
