# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The order of text, which differs between servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import obstacles
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings, named
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.offer import Offer
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

Facts = Mapping[str, Any]
# Collations that sort like that of a new Managed Postgres, by code point.
_FLYS_ORDER = ("C", "C.UTF-8", "POSIX")


def foresee(session: Session, facts: Facts, findings: Findings) -> None:
    """Look for what a new database on Fly.io would sort differently, before there is one."""
    collation = facts["collation"]
    if collation.upper().replace("UTF8", "UTF-8") in _FLYS_ORDER:
        return
    findings.warn(
        "database-collation",
        f"The source's collation is {collation}, and Fly's Managed Postgres has C.UTF-8{_at_stake(session)}",
        "Give such columns their own collation, or use a database that has the source's (migrate_postgres_url).",
    )


def _at_stake(session: Session) -> str:
    ordered = obstacles.ordered_text(session)
    columns = f" Text that is ordered or unique: {named(ordered)}." if ordered else ""
    return f": ORDER BY may sort text differently, and max() may return another value.{columns}"


def judge(source: Session, facts: Facts, target: Offer, target_facts: Facts, findings: Findings) -> None:
    """Look for text that the target sorts differently, and for collations that it may lack."""
    if (facts["collation"], facts["ctype"]) != (target_facts["collation"], target_facts["ctype"]):
        collations = f"The source's collation is {facts['collation']} and the target's {target_facts['collation']}"
        findings.warn(
            "database-collation",
            collations + _at_stake(source),
            "Create the target's database with the source's collation, or give such columns their own collation.",
        )
    own = obstacles.own_collations(source)
    for name, locale, icu in own:
        if not icu and locale not in target.locales:
            findings.warn(
                "database-collation",
                f"The source's collation {name} uses the locale {locale}, which the target does not list.",
                "If its server lacks the locale, the copy stops there: define the collation with ICU, or drop it.",
            )
    of_icu = [name for name, _locale, icu in own if icu]
    if of_icu and not target.icu:
        findings.block(
            "database-collation",
            f"The source's collations {named(of_icu)} use ICU, and the target's server was built without ICU.",
            "Use a server with ICU, or define them with the operating system's locales.",
        )
