# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role read about the sandbox's app in an audit before its first run, and later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECORDS = [
    {"type": "CNAME", "name": "www.example.com", "value": "paper-crane.fly.dev", "purpose": "traffic"},
    {
        "type": "CNAME",
        "name": "_acme-challenge.www.example.com",
        "value": "www.example.com.abc123.flydns.net",
        "purpose": "certificate, before the move",
    },
]


@pytest.fixture
def audit() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "audit.json").read_text())
    return found


@pytest.fixture
def rehearsed(audit: dict[str, Any]) -> dict[str, Any]:
    """After a rehearsal whose copy was updated once."""
    unchanged = dict.fromkeys(audit["secrets"]["names"], "unchanged")
    record = {
        "verdict": "updated",
        "seconds": {"data": 2.2, "verify": 0.8},
        "summary": "45 tables, 125811 rows; what changed since the copy was copied and compared: equal",
        "verified": {"level": "checksums", "matched": True, "mismatches": []},
        "tables": [
            {"name": "public.orders", "rows": 30000, "how": "by key", "verified_at": "2026-11-26T17:55:00Z"},
            {"name": 'public."Users"', "rows": 12, "how": "copy"},
        ],
    }
    return {
        **audit,
        "ledger": {"ledger": {"database": record, "redis": {"summary": "86 keys compared, 0 differ"}}},
        "fly": {
            "exists": True,
            "machines": [{"id": "1", "group": "web"}, {"id": "2", "group": "web"}],
            "groups": {"web": {"count": 2, "started": 2, "healthy": 2}},
            "release": {"version": 1},
            "secrets": {name: {"status": "Deployed"} for name in unchanged},
        },
        "app": {"created": False, "changed": False},
        "cluster": {"created": False, "changed": False},
        "redis_created": {"created": False, "changed": False},
        "secrets": {"names": unchanged, "changed": False},
        "deploy": {"changed": False, "reasons": []},
        "processes": {**audit["processes"], "changed": False, "removed_groups": []},
        "certificates": {
            "hostnames": {
                "www.example.com": {"status": "pending_validation", "configured": False, "dns_records": RECORDS}
            }
        },
    }


@pytest.fixture
def live(rehearsed: dict[str, Any]) -> dict[str, Any]:
    """After a cut-over."""
    ledger = {
        **rehearsed["ledger"]["ledger"],
        "freeze": {"opened_at": "2026-11-26T18:00:00Z", "formation": {"web": 2, "worker": 1}},
        "cutover": {
            "completed_at": "2026-11-26T18:00:09Z",
            "window": {"seconds": 8.5, "phases": {"freeze": 3.5, "data": 1.5, "start": 2.0, "seal": 1.5}},
        },
    }
    groups = {"web": {"count": 2, "started": 2}, "worker": {"count": 1, "started": 1}}
    return {
        **rehearsed,
        "check_mode": False,
        "ledger": {"ledger": ledger},
        "fly": {**rehearsed["fly"], "groups": groups},
        "machine_counts": {"web": 2, "worker": 1},
        "scheduler_jobs": ["rake digest, daily at 06:00"],
    }
