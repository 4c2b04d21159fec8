# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Add-on attachments with the config vars that each owns, and which of them are Postgres and Redis services."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.service_url import (
    POSTGRES,
    REDIS,
    family,
    parsed,
)

# Add-on services that Fly.io has a replacement for. Any other database is treated as an ordinary add-on.
KINDS = {
    "heroku-postgresql": POSTGRES,
    "heroku-redis": REDIS,
    "openredis": REDIS,
    "rediscloud": REDIS,
    "redistogo": REDIS,
    "stackhero-redis": REDIS,
}
CONVENTIONAL_PRIMARY = {POSTGRES: "DATABASE_URL", REDIS: "REDIS_URL"}
# The names that Heroku gives to attachments if the user gives none.
COLOUR = re.compile(r"HEROKU_(POSTGRESQL|REDIS)_[A-Z]+")
# What Heroku appends to an attachment's name for Postgres and Redis. Others are the user's own, such as DATABASE_POOL.
SERVICE_SUFFIXES = ("_URL", "_TLS_URL", "_BASTIONS", "_BASTION_KEY", "_BASTION_REKEYS_AFTER", "_MTLS_CERT")


@dataclass(frozen=True)
class Attachment:
    """An add-on attachment of the app; O(config_vars) are the names it owns, O(owner) is the app the add-on bills."""

    name: str
    addon: str
    service: str
    plan: str
    owner: str
    app: str
    namespace: str
    config_vars: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Return V(postgres), V(redis), or "" for an add-on that Fly.io has no replacement for."""
        return KINDS.get(self.service, "")

    @property
    def url_name(self) -> str:
        """Return the config var that holds the attachment's URL, or ""."""
        if f"{self.name}_URL" in self.config_vars:
            return f"{self.name}_URL"
        return next((name for name in self.config_vars if name.endswith("_URL")), "")


@dataclass(frozen=True)
class Service:
    """A Postgres or Redis add-on; O(replaced) are the names that will hold its new URL, O(primary) first."""

    kind: str
    addon: str
    plan: str
    names: tuple[str, ...]
    primary: str
    replaced: tuple[str, ...]
    shared_from: str = ""
    follows: str = ""


def needs_addons(attachments: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether Heroku answered in its documented form, which lists neither config vars nor plans."""
    return any(
        "config_vars" not in entry or not _name_of((entry.get("addon") or {}).get("plan")) for entry in attachments
    )


def resolve_attachments(
    attachments: Sequence[Mapping[str, Any]], addons: Sequence[Mapping[str, Any]], config: Mapping[str, str]
) -> list[Attachment]:
    """Return the attachments with the config vars that each owns.

    If Heroku did not list them (its documented form), they follow from the add-on's list and the attachments' names;
    the longest name wins, because REDIS_CACHE_URL does not belong to the attachment REDIS.
    """
    by_name = {str(addon.get("name")): addon for addon in addons}
    taken = {name for entry in attachments for name in entry.get("config_vars") or ()}
    found: list[Attachment] = []
    for entry in sorted(attachments, key=lambda entry: -len(str(entry.get("name")))):
        addon = entry.get("addon") or {}
        listed = by_name.get(str(addon.get("name")), {})
        plan = _name_of(addon.get("plan")) or _name_of(listed.get("plan"))
        name = str(entry.get("name"))
        service = plan.partition(":")[0] or _name_of(listed.get("addon_service")) or _service_by_url(name, config)
        if "config_vars" in entry:
            owned = [str(owned) for owned in entry["config_vars"] or ()]
        else:
            listed_names = None if "config_vars" not in listed else list(listed["config_vars"] or ())
            owned = [owned for owned in _names_by_prefix(name, service, listed_names, config) if owned not in taken]
            taken.update(owned)
        found.append(
            Attachment(
                name=name,
                addon=str(addon.get("name")),
                service=service,
                plan=plan,
                owner=_name_of(addon.get("app")) or _name_of(listed.get("app")),
                app=_name_of(entry.get("app")),
                namespace=str(entry.get("namespace") or ""),
                config_vars=tuple(sorted(owned)),
            )
        )
    found.sort(key=lambda attachment: attachment.name)
    return _with_rest(found, by_name, taken, config)


def find_services(attachments: Sequence[Attachment], config: Mapping[str, str]) -> list[Service]:
    """Return the Postgres and Redis add-ons, by kind: the one that is moved comes first, followers come last."""
    grouped: dict[str, list[Attachment]] = {}
    for attachment in attachments:
        if attachment.kind:
            grouped.setdefault(attachment.addon, []).append(attachment)
    services = sorted((_service(addon, parts) for addon, parts in grouped.items()), key=_precedence)
    found: list[Service] = []
    for service in services:
        leader = next((other for other in found if _follows(service, other, config)), None)
        found.append(replace(service, follows=leader.addon) if leader else service)
    return sorted(found, key=lambda service: (service.kind, bool(service.follows)))


def _service(addon: str, parts: Sequence[Attachment]) -> Service:
    kind = parts[0].kind
    conventional = CONVENTIONAL_PRIMARY[kind]
    # A database cannot be copied through a connection pool or with an additional credential.
    whole = [part for part in parts if not part.namespace and part.url_name] or [p for p in parts if p.url_name]
    whole.sort(key=lambda part: (part.url_name != conventional, bool(COLOUR.fullmatch(part.name)), part.name))
    primary = whole[0].url_name if whole else ""
    chosen = [part.url_name for part in whole if not COLOUR.fullmatch(part.name)]
    return Service(
        kind=kind,
        addon=addon,
        plan=parts[0].plan,
        names=tuple(sorted(name for part in parts for name in part.config_vars)),
        primary=primary,
        replaced=tuple(dict.fromkeys([*([primary] if primary else []), *chosen])),
        shared_from=parts[0].owner if parts[0].owner and parts[0].owner != parts[0].app else "",
    )


def _precedence(service: Service) -> tuple[Any, ...]:
    colour = bool(COLOUR.fullmatch(service.primary[: -len("_URL")]))
    conventional = CONVENTIONAL_PRIMARY[service.kind] in service.names
    return (service.kind, not conventional, bool(service.shared_from), colour, service.addon)


def _follows(service: Service, leader: Service, config: Mapping[str, str]) -> bool:
    """Return whether O(service) follows O(leader): a follower has its leader's roles, passwords and database."""
    if service.kind != POSTGRES or leader.kind != POSTGRES or leader.follows:
        return False
    own, leading = parsed(config.get(service.primary, "")), parsed(config.get(leader.primary, ""))
    if own is None or leading is None or not own.password:
        return False
    return (own.username, own.password, own.path) == (leading.username, leading.password, leading.path)


def _with_rest(
    found: list[Attachment], by_name: Mapping[str, Mapping[str, Any]], taken: set[str], config: Mapping[str, str]
) -> list[Attachment]:
    """Give the names that an add-on lists but no attachment owns to the first attachment of that add-on."""
    complete: list[Attachment] = []
    for attachment in found:
        listed = by_name.get(attachment.addon, {}).get("config_vars") or ()
        rest = [str(name) for name in listed if name in config and name not in taken]
        taken.update(rest)
        complete.append(replace(attachment, config_vars=(*attachment.config_vars, *rest)) if rest else attachment)
    return complete


def _names_by_prefix(
    attachment: str, service: str, listed: Sequence[str] | None, config: Mapping[str, str]
) -> list[str]:
    if listed:
        own = [str(name) for name in listed if name in config and str(name).startswith(f"{attachment}_")]
        return sorted({*own, *([f"{attachment}_URL"] if f"{attachment}_URL" in config else [])})
    if service in KINDS:
        return [attachment + suffix for suffix in SERVICE_SUFFIXES if attachment + suffix in config]
    return [name for name in config if name.startswith(f"{attachment}_")]


def _service_by_url(attachment: str, config: Mapping[str, str]) -> str:
    parts = parsed(config.get(f"{attachment}_URL", ""))
    return "" if parts is None else {POSTGRES: "heroku-postgresql", REDIS: "heroku-redis"}[family(parts.scheme)]


def _name_of(thing: Any) -> str:
    return str(thing.get("name") or "") if isinstance(thing, Mapping) else ""
