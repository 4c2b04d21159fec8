# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Whether an organization and the token may create anything: checked before the first create, in check mode too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI

# BillingStatus in the GraphQL schema. For the UNPAID ones flyctl asks for a payment method; it ignores the LATE ones.
UNPAID = {"SOURCE_REQUIRED": "it has no payment method", "TRIAL_ENDED": "its trial has ended"}
LATE = {"PAST_DUE": "an invoice is past due", "DELINQUENT": "invoices are unpaid"}
SUSPENDED = {"SUSPENDED": "Fly has suspended it"}


def before_creating(organization: Mapping[str, Any], warn: Callable[[str], None]) -> None:
    """Warn if Fly may refuse a create; raises StateError for an organization in which nothing can be created.

    O(organization) is the result of FlyAPI.organization().
    """
    slug, status = organization["slug"], str(organization.get("billingStatus"))
    refused = {**SUSPENDED, **UNPAID}.get(status)
    if refused:
        raise StateError(
            f"Fly organization {slug}",
            f"{refused} (billing status {status}), so nothing can be created in it",
            f"Resolve this at https://fly.io/dashboard/{slug}/billing and run again, or give another organization.",
        )
    if status in LATE:
        warn(
            f"Fly organization {slug}: {LATE[status]} (billing status {status}), so Fly may refuse to create "
            f"anything. Resolve this at https://fly.io/dashboard/{slug}/billing."
        )


def warn_of_app_token(fly: FlyAPI, slug: str, warn: Callable[[str], None]) -> None:
    """Warn if Fly says that the token cannot create anything in the organization O(slug)."""
    apps = fly.token_apps()
    if apps:
        warn(
            f"The Fly token is limited to single apps ({', '.join(apps)}), like those of 'fly tokens create deploy', "
            f"so it may not create anything. Use a token for the organization: fly tokens create org -o {slug}"
        )
