# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Whose each config var is, and so what becomes of it on Fly.io: decided by attachment, then by value.

A name says little: an attachment can be called anything (C(--as PRIMARY) gives C(PRIMARY_URL)), and a user may set a
C(REPORTING_DATABASE_URL) that has nothing to do with Heroku Postgres, or that is DATABASE_URL once more. Facts:
devcenter.heroku.com/articles/add-ons and /config-vars, and how the official client finds a database by its URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

TRANSFER, SERVICE, ALIAS, ADDON, PLATFORM, EXCLUDED = "transfer", "service", "alias", "addon", "platform", "excluded"
CLASSES = (TRANSFER, SERVICE, ALIAS, ADDON, PLATFORM, EXCLUDED)

POSTGRES, REDIS = "postgres", "redis"
# Add-on services that a service of Fly.io takes the place of. Any other database is an add-on like the rest.
KINDS = {
    "heroku-postgresql": POSTGRES,
    "heroku-redis": REDIS,
    "openredis": REDIS,
    "rediscloud": REDIS,
    "redistogo": REDIS,
    "stackhero-redis": REDIS,
}
CONVENTIONAL_PRIMARY = {POSTGRES: "DATABASE_URL", REDIS: "REDIS_URL"}
# Heroku's own names for attachments, given where the user gave none.
COLOUR = re.compile(r"HEROKU_(POSTGRESQL|REDIS)_[A-Z]+")
# What Heroku hangs on an attachment's name for Postgres and Redis: DATABASE_POOL is the user's own.
SERVICE_SUFFIXES = ("_URL", "_TLS_URL", "_BASTIONS", "_BASTION_KEY", "_BASTION_REKEYS_AFTER", "_MTLS_CERT")

SCHEMES = {"postgres": POSTGRES, "postgresql": POSTGRES, "postgis": POSTGRES, "redis": REDIS, "rediss": REDIS}
# A URL of another scheme than these names an adapter, which the service's new URL must keep.
PLAIN_SCHEMES = frozenset({"postgres", "postgresql", "redis", "rediss"})
DEFAULT_PORTS = {POSTGRES: 5432, REDIS: 6379}

DYNO_METADATA = (
    "HEROKU_APP_ID",
    "HEROKU_APP_NAME",
    "HEROKU_APP_DEFAULT_DOMAIN_NAME",
    "HEROKU_BUILD_*",
    "HEROKU_DYNO_ID",
    "HEROKU_RELEASE_CREATED_AT",
    "HEROKU_RELEASE_VERSION",
    "HEROKU_SLUG_COMMIT",
    "HEROKU_SLUG_DESCRIPTION",
)
# Why it stays behind -> names or globs. A HEROKU_ name that is not Heroku's (HEROKU_API_KEY) is the user's own.
PLATFORM_NAMES: dict[str, tuple[str, ...]] = {
    "Heroku's dyno metadata; Fly.io has FLY_APP_NAME, FLY_MACHINE_ID and others": DYNO_METADATA,
    "Heroku's router gives it; on Fly.io it is the internal port in fly.toml": ("PORT",),
    "Heroku's name of a dyno; Fly.io has FLY_PROCESS_GROUP and FLY_MACHINE_ID": ("DYNO", "PS"),
    "it describes a dyno's file system and would break the image on Fly.io": (
        "BUNDLE_BIN",
        "BUNDLE_PATH",
        "GEM_HOME",
        "GEM_PATH",
        "HOME",
        "PATH",
        "PWD",
        "SHLVL",
    ),
    "it tells Heroku's buildpacks how to build; on Fly.io the Dockerfile does": (
        "BUILDPACK_URL",
        "BUNDLE_DEPLOYMENT",
        "BUNDLE_WITHOUT",
        "HEROKU_SKIP_DATABASE_PROVISION",
        "LANGUAGE_PACK_URL",
        "NODE_MODULES_CACHE",
        "NPM_CONFIG_*",
        "YARN_PRODUCTION",
    ),
    "it names a page of Heroku's router": ("ERROR_PAGE_URL", "MAINTENANCE_PAGE_URL"),
}


@dataclass(frozen=True)
class Attachment:
    """An add-on attachment of the app; O(config_vars) are the names it owns, O(owner) the app the add-on bills to."""

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
        """Return V(postgres), V(redis), or nothing for an add-on that Fly.io has no service for."""
        return KINDS.get(self.service, "")

    @property
    def url_name(self) -> str:
        """Return the config var that holds the attachment's URL, or nothing."""
        if f"{self.name}_URL" in self.config_vars:
            return f"{self.name}_URL"
        return next((name for name in self.config_vars if name.endswith("_URL")), "")


@dataclass(frozen=True)
class Service:
    """A Postgres or Redis add-on; O(replaced) are the names that are to hold its new URL, O(primary) first."""

    kind: str
    addon: str
    plan: str
    names: tuple[str, ...]
    primary: str
    replaced: tuple[str, ...]
    shared_from: str = ""
    follows: str = ""


@dataclass(frozen=True)
class ConfigVar:
    """What becomes of one config var; O(replaced_by) is the add-on whose new URL takes the value's place.

    O(embeds) is the service's add-on whose host or password stands inside the value, where nothing replaces it.
    O(becomes) is the new value of a variable that names another one, such as REDIS_PROVIDER.
    """

    kind: str
    reason: str
    addon: str = ""
    replaced_by: str = ""
    embeds: str = ""
    becomes: str = ""

    def as_result(self) -> dict[str, str]:
        """Return what RV(names) shows."""
        return {"class": self.kind, "reason": self.reason, "addon": self.addon}


@dataclass(frozen=True)
class Ownership:
    """Every config var of an app with its class, and the services behind them: those that move come first."""

    names: dict[str, ConfigVar]
    services: tuple[Service, ...]
    unmatched_patterns: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    def owned(self) -> dict[str, str]:
        """Return the names that belong to an add-on, with the add-on's name, whatever the user's patterns say."""
        return {name: entry.addon for entry in self.attachments for name in entry.config_vars}

    def replacement(self, name: str, value: str, replacements: Mapping[str, str]) -> str | None:
        """Return what O(name) is to hold on Fly.io, or None when its service's new URL is not known."""
        if self.names[name].becomes:
            return self.names[name].becomes
        url = replacements.get(self.names[name].replaced_by)
        if not url:
            return None
        scheme = value.partition("://")[0] if "://" in value else ""
        # Code may ask whether it is postgres or postgresql; rediss says something about the server itself.
        kept = SCHEMES.get(scheme.lower()) == POSTGRES or scheme.lower() not in PLAIN_SCHEMES
        return f"{scheme}://{url.partition('://')[2]}" if scheme and kept else url


def decide(
    config: Mapping[str, str],
    attachments: Sequence[Mapping[str, Any]],
    addons: Sequence[Mapping[str, Any]] = (),
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> Ownership:
    """Decide the class of every name in O(config) from Heroku's answers and the user's patterns (names or globs)."""
    attached = resolve_attachments(attachments, addons, config)
    services = find_services(attached, config)
    included, excluded = list(include), list(exclude)
    return Ownership(
        names={name: _decide_one(name, config, attached, services, included, excluded) for name in sorted(config)},
        services=tuple(services),
        unmatched_patterns=tuple(
            pattern for pattern in [*included, *excluded] if not any(fnmatchcase(name, pattern) for name in config)
        ),
        attachments=tuple(attached),
    )


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether O(name) is, or matches, one of O(patterns)."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def needs_addons(attachments: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether Heroku answered in its documented form, which names neither config vars nor plans."""
    return any(
        "config_vars" not in entry or not _name_of((entry.get("addon") or {}).get("plan")) for entry in attachments
    )


def resolve_attachments(
    attachments: Sequence[Mapping[str, Any]], addons: Sequence[Mapping[str, Any]], config: Mapping[str, str]
) -> list[Attachment]:
    """Return the attachments with the config vars that each owns.

    Where Heroku did not name them (its documented form), an add-on's list and the attachments' names serve; the
    longest name wins, for REDIS_CACHE_URL is not the attachment REDIS's.
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
    """Return the Postgres and Redis add-ons: of each kind the one that moves first, followers last."""
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


def _decide_one(
    name: str,
    config: Mapping[str, str],
    attachments: Sequence[Attachment],
    services: Sequence[Service],
    include: Sequence[str],
    exclude: Sequence[str],
) -> ConfigVar:
    decided = _by_attachment(name, attachments, services) or _by_platform(name, config[name])
    if decided is None:
        decided = _by_value(config[name], services, config)
    chosen = _by_pattern(name, include, exclude)
    if chosen is None:
        return decided
    verdict, pattern = chosen
    if verdict == EXCLUDED:
        return ConfigVar(EXCLUDED, f"Left behind, as the pattern {pattern} asks.", addon=decided.addon)
    if decided.kind in (TRANSFER, ADDON):
        return decided
    reason = f"Copied as it is, as the pattern {pattern} asks; otherwise {decided.kind}: {decided.reason}"
    return ConfigVar(TRANSFER, reason, addon=decided.addon, embeds=decided.addon)


def _by_pattern(name: str, include: Sequence[str], exclude: Sequence[str]) -> tuple[str, str] | None:
    """Return the verdict of the user's patterns: a name in full beats a glob, leaving behind beats bringing along."""
    if name in exclude:
        return EXCLUDED, name
    if name in include:
        return TRANSFER, name
    for verdict, patterns in ((EXCLUDED, exclude), (TRANSFER, include)):
        for pattern in patterns:
            if fnmatchcase(name, pattern):
                return verdict, pattern
    return None


def _by_attachment(name: str, attachments: Sequence[Attachment], services: Sequence[Service]) -> ConfigVar | None:
    attachment = next((entry for entry in attachments if name in entry.config_vars), None)
    if attachment is None:
        return None
    service = next((entry for entry in services if entry.addon == attachment.addon), None)
    if service is None:
        reason = f"Belongs to the add-on {attachment.addon}: works until the add-on or the Heroku app is destroyed."
        return ConfigVar(ADDON, reason, addon=attachment.addon)
    owned = f"Belongs to the {service.kind} add-on {service.addon}"
    if service.follows:
        # What a follower answers, its leader's successor answers as well.
        if name in service.replaced and not COLOUR.fullmatch(attachment.name):
            reason = f"{owned}, a follower of {service.follows}: gets the new URL of {service.follows}."
            return ConfigVar(SERVICE, reason, addon=service.addon, replaced_by=service.follows)
        return ConfigVar(SERVICE, f"{owned}, a follower of {service.follows}: stays behind.", addon=service.addon)
    if name in service.replaced:
        reason = f"{owned}: gets the URL of the new service on Fly.io."
        return ConfigVar(SERVICE, reason, addon=service.addon, replaced_by=service.addon)
    what = "one more name of Heroku's for it"
    if attachment.namespace:
        what = f"its {attachment.namespace.replace(':', ' ')}, which Fly.io does not have"
    return ConfigVar(SERVICE, f"{owned}, {what}: stays behind; read {service.primary} instead.", addon=service.addon)


def _by_platform(name: str, value: str) -> ConfigVar | None:
    for why, patterns in PLATFORM_NAMES.items():
        if matches(name, patterns):
            return ConfigVar(PLATFORM, f"Stays behind: {why}.")
    if name == "LD_PRELOAD" and "/app/" in value:
        return ConfigVar(PLATFORM, "Stays behind: it names a file of the dyno's slug under /app.")
    return None


def _by_value(value: str, services: Sequence[Service], config: Mapping[str, str]) -> ConfigVar:
    named = next((service for service in services if value in service.names and not service.follows), None)
    if named is not None and value not in named.replaced:
        # Sidekiq's REDIS_PROVIDER holds the name of a variable, and finds localhost where there is none of it.
        add_on = f"the {named.kind} add-on {named.addon}"
        reason = f"Names {value}, which stays behind with {add_on}: names {named.primary} instead."
        return ConfigVar(ALIAS, reason, addon=named.addon, becomes=named.primary)
    for service in services:
        for owned in service.names:
            if not _same_place(value, config.get(owned, "")):
                continue
            exact = value == config[owned]
            same = "Equal to" if exact else "Points at the same place as"
            rest = "." if exact else "; credentials and query of its own are not kept."
            reason = f"{same} {owned} of the {service.kind} add-on {service.addon}: gets the same new URL{rest}"
            return ConfigVar(ALIAS, reason, addon=service.addon, replaced_by=service.follows or service.addon)
    for service in services:
        if any(_embeds(value, config.get(owned, "")) for owned in service.names):
            reason = (
                f"The app's own, copied as it is, although the host or password of the {service.kind} add-on "
                f"{service.addon} stands in its value."
            )
            return ConfigVar(TRANSFER, reason, embeds=service.addon)
    return ConfigVar(TRANSFER, "The app's own: copied as it is.")


def _service(addon: str, parts: Sequence[Attachment]) -> Service:
    kind = parts[0].kind
    conventional = CONVENTIONAL_PRIMARY[kind]
    # A connection pool or a further credential is no way to copy a database through.
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
    """Return whether O(service) is a copy of O(leader): a follower has its leader's roles, passwords and database."""
    if service.kind != POSTGRES or leader.kind != POSTGRES or leader.follows:
        return False
    ours, theirs = _parsed(config.get(service.primary, "")), _parsed(config.get(leader.primary, ""))
    if ours is None or theirs is None or not ours.password:
        return False
    return (ours.username, ours.password, ours.path) == (theirs.username, theirs.password, theirs.path)


def _with_rest(
    found: list[Attachment], by_name: Mapping[str, Mapping[str, Any]], taken: set[str], config: Mapping[str, str]
) -> list[Attachment]:
    """Give names that an add-on lists, and no attachment accounts for, to the first attachment of that add-on."""
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
    parts = _parsed(config.get(f"{attachment}_URL", ""))
    return "" if parts is None else {POSTGRES: "heroku-postgresql", REDIS: "heroku-redis"}[_family(parts.scheme)]


def _family(scheme: str) -> str:
    return SCHEMES.get(scheme.lower().partition("+")[0], "")


def _parsed(value: str) -> SplitResult | None:
    """Return a database's URL in its parts, None where O(value) is none."""
    if "://" not in value or not _family(value.partition("://")[0]):
        return None
    try:
        parts = urlsplit(value)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _place(value: str) -> tuple[str, str, int, str] | None:
    """Return scheme family, host, port and path: where a URL leads, whoever goes there."""
    parts = _parsed(value)
    if parts is None:
        return None
    kind = _family(parts.scheme)
    path = unquote(parts.path).strip("/")
    if kind == REDIS and path == "0":
        path = ""
    return kind, str(parts.hostname).lower().rstrip("."), parts.port or DEFAULT_PORTS[kind], path


def _same_place(value: str, owned: str) -> bool:
    if not owned or "://" not in owned:
        return False
    return value == owned or (_place(owned) is not None and _place(value) == _place(owned))


def _embeds(value: str, owned: str) -> bool:
    parts = _parsed(owned)
    if parts is None:
        return False
    words = {parts.password or "", unquote(parts.password or "")}
    host = str(parts.hostname)
    if "." in host and not host.replace(".", "").isdigit():
        words.add(host)
    return any(len(word) >= 8 and word.lower() in value.lower() for word in words)


def _name_of(thing: Any) -> str:
    return str(thing.get("name") or "") if isinstance(thing, Mapping) else ""
