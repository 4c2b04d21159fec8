# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Certificates of a Fly app, and the DNS records that they and visitors need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    APIError,
    Conflict,
    FlyoverError,
    Forbidden,
    InputError,
    StateError,
    Unprocessable,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# A full name in lower case, or a wildcard (*.example.com), but not an IP address, whose last label is a number.
HOSTNAME = re.compile(rf"(\*\.)?({LABEL}\.)+(?!\d+$){LABEL}")
LONGEST = 253
BEFORE = "certificate, before the move"
MOVE = "traffic, when you move"
ABSENT = "absent"
PENDING_OWNERSHIP = "pending_ownership"  # Fly needs proof of who owns the domain first


def ensure_certificates(
    fly: FlyAPI, app: str, hostnames: Sequence[str], present: bool, check_mode: bool
) -> dict[str, Any]:
    """Request or delete certificates; return the module's result, with the DNS records for each hostname."""
    for hostname in hostnames:
        if not HOSTNAME.fullmatch(hostname) or len(hostname) > LONGEST:
            raise InputError(
                f"hostname {hostname!r}",
                "it is not a hostname in lower case, such as www.example.com or *.example.com",
                "Give only the name, without scheme, port or path; write an internationalized one in its xn-- form.",
            )
    if fly.app(app) is None:
        if not check_mode:
            raise StateError(f"Fly app {app}", "it does not exist", "Create it first (module fly_app).")
        existing = set()
    else:
        existing = {certificate["hostname"] for certificate in fly.certificates(app)}
    changing = [hostname for hostname in hostnames if (hostname in existing) != present]
    details: dict[str, dict[str, Any]] = {}
    for hostname in hostnames:
        if not present:
            if hostname in changing and not check_mode:
                fly.delete_certificate(app, hostname)
        elif hostname in existing:
            details[hostname] = fly.certificate(app, hostname)
        elif not check_mode:
            details[hostname] = _request(fly, app, hostname)
    return {
        "changed": bool(changing),
        "hostnames": {hostname: _shown(hostname, details.get(hostname)) for hostname in hostnames},
        "diff": {
            "before": _text(existing),
            "after": _text((existing | set(hostnames)) if present else existing - set(hostnames)),
        },
    }


def _request(fly: FlyAPI, app: str, hostname: str) -> dict[str, Any]:
    try:
        return fly.request_certificate(app, hostname)
    except (Conflict, Forbidden, Unprocessable) as refused:
        # Another run may have requested it first; Fly's answer to that is not documented.
        try:
            return fly.certificate(app, hostname)
        except FlyoverError:
            raise APIError(
                f"certificate of {hostname} for Fly app {app}",
                refused.cause,
                f"If another app has the hostname, remove it there first (fly certs remove {hostname} -a THAT_APP). "
                "If the certificate authority's rate limit was reached, run again when it has passed.",
                status=refused.status,
                request_id=refused.request_id,
            ) from None


def _shown(hostname: str, detail: dict[str, Any] | None) -> dict[str, Any]:
    if detail is None:
        return {"status": ABSENT, "configured": False, "dns_records": []}
    needs = detail.get("dns_requirements") or {}
    records = []
    challenge = needs.get("acme_challenge") or {}
    if challenge.get("name"):
        records.append(_record("CNAME", challenge["name"], challenge["target"], BEFORE))
    owner = needs.get("ownership") or {}
    if _pending_ownership(detail) and owner.get("name"):
        records.append(_record("TXT", owner["name"], owner.get("app_value") or owner.get("org_value") or "", BEFORE))
    records += [_record("A", hostname, ip, MOVE) for ip in needs.get("a") or []]
    records += [_record("AAAA", hostname, ip, MOVE) for ip in needs.get("aaaa") or []]
    errors = [
        " ".join(str(error[key]) for key in ("message", "remediation") if error.get(key))
        for error in detail.get("validation_errors") or []
    ]
    if detail.get("rate_limited_until"):
        errors.append(f"the certificate authority's rate limit applies until {detail['rate_limited_until']}")
    return {
        "status": detail.get("status", "unknown"),
        "configured": bool(detail.get("configured")),
        "dns_records": records,
        **({"errors": errors} if errors else {}),
    }


def _pending_ownership(detail: dict[str, Any]) -> bool:
    certificates = [detail, *(detail.get("certificates") or [])]
    return any(certificate.get("status") == PENDING_OWNERSHIP for certificate in certificates)


def _record(kind: str, name: str, value: str, purpose: str) -> dict[str, str]:
    return {"type": kind, "name": name, "value": value, "purpose": purpose}


def _text(hostnames: set[str]) -> str:
    return "".join(f"certificate: {hostname}\n" for hostname in sorted(hostnames))
