# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Whether an organization, or the token, may create anything: asked before the first create, in check mode too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI

# BillingStatus of the GraphQL schema. flyctl asks for a means of payment at these two, and goes on at the late ones.
UNPAID = {"SOURCE_REQUIRED": "it has no means of payment", "TRIAL_ENDED": "its trial has ended"}
LATE = {"PAST_DUE": "an invoice is past due", "DELINQUENT": "invoices are not paid"}
SUSPENDED = {"SUSPENDED": "Fly has suspended it"}


def before_creating(organization: Mapping[str, Any], warn: Callable[[str], None]) -> None:
    """Warn of what Fly may refuse; raises StateError for an organization in which nothing can be created.

    O(organization) is what FlyAPI.organization() returned.
    """
    slug, status = organization["slug"], str(organization.get("billingStatus"))
    refused = {**SUSPENDED, **UNPAID}.get(status)
    if refused:
        raise StateError(
            f"Fly organization {slug}",
            f"{refused} (billing status {status}), so nothing can be created in it",
            f"Settle it at https://fly.io/dashboard/{slug}/billing and run again, or give another organization.",
        )
    if status in LATE:
        warn(
            f"Fly organization {slug}: {LATE[status]} (billing status {status}), and Fly may refuse what is to be "
            f"created. Settle it at https://fly.io/dashboard/{slug}/billing."
        )


def warn_of_app_token(fly: FlyAPI, slug: str, warn: Callable[[str], None]) -> None:
    """Warn of a token that can create nothing in the organization O(slug), as far as Fly tells of the token."""
    apps = fly.token_apps()
    if apps:
        warn(
            f"The Fly token is limited to single apps ({', '.join(apps)}), as 'fly tokens create deploy' makes it, "
            f"and something is to be created. Use one of the organization: fly tokens create org -o {slug}"
        )
