# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Who owns each config var, and so what happens to it on Fly.io: decided by attachment, then by value.

The name does not tell you: an attachment can be called anything (C(--as PRIMARY) gives C(PRIMARY_URL)), and a user may
set a C(REPORTING_DATABASE_URL) that has nothing to do with Heroku Postgres, or that equals DATABASE_URL. Facts:
devcenter.heroku.com/articles/add-ons and /config-vars, and how the official client finds a database by its URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.attachments import (
    COLOUR,
    Attachment,
    Service,
    find_services,
    resolve_attachments,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.service_url import (
    PLAIN_SCHEMES,
    POSTGRES,
    SCHEMES,
    embeds,
    same_place,
)

TRANSFER, SERVICE, ALIAS, ADDON, PLATFORM, EXCLUDED = "transfer", "service", "alias", "addon", "platform", "excluded"
CLASSES = (TRANSFER, SERVICE, ALIAS, ADDON, PLATFORM, EXCLUDED)


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
# Why it stays behind -> names or globs. Any other HEROKU_ name, such as HEROKU_API_KEY, is the user's own.
PLATFORM_NAMES: dict[str, tuple[str, ...]] = {
    "Heroku's dyno metadata; Fly.io has FLY_APP_NAME, FLY_MACHINE_ID and others": DYNO_METADATA,
    "Heroku assigns it; on Fly.io it is the internal port in fly.toml": ("PORT",),
    "the dyno's name on Heroku; Fly.io has FLY_PROCESS_GROUP and FLY_MACHINE_ID": ("DYNO", "PS"),
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
    "only Heroku's router serves this page": ("ERROR_PAGE_URL", "MAINTENANCE_PAGE_URL"),
}


@dataclass(frozen=True)
class ConfigVar:
    """What happens to one config var; O(replaced_by) is the add-on whose new URL replaces the value.

    O(embeds) is the add-on whose host or password is part of the value, where nothing replaces it.
    O(becomes) is the new value of a variable that names another variable, such as REDIS_PROVIDER.
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
    """Every config var of an app with its class, and the services behind them, those that are moved first."""

    names: dict[str, ConfigVar]
    services: tuple[Service, ...]
    unmatched_patterns: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    def owned(self) -> dict[str, str]:
        """Return the names that belong to an add-on, mapped to its name, whatever the user's patterns say."""
        return {name: entry.addon for entry in self.attachments for name in entry.config_vars}

    def replacement(self, name: str, value: str, replacements: Mapping[str, str]) -> str | None:
        """Return the value of O(name) on Fly.io, or None if its service's new URL is not known."""
        if self.names[name].becomes:
            return self.names[name].becomes
        url = replacements.get(self.names[name].replaced_by)
        if not url:
            return None
        scheme = value.partition("://")[0] if "://" in value else ""
        # Code may test for postgres or postgresql; rediss depends on the server, so it is not kept.
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
        return ConfigVar(EXCLUDED, f"Left behind because of the pattern {pattern}.", addon=decided.addon)
    if decided.kind in (TRANSFER, ADDON):
        return decided
    reason = f"Copied unchanged because of the pattern {pattern}; otherwise {decided.kind}: {decided.reason}"
    return ConfigVar(TRANSFER, reason, addon=decided.addon, embeds=decided.addon)


def _by_pattern(name: str, include: Sequence[str], exclude: Sequence[str]) -> tuple[str, str] | None:
    """Return the verdict of the user's patterns: a full name beats a glob, and exclude beats include."""
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
        # The leader's replacement answers the same queries as the follower.
        if name in service.replaced and not COLOUR.fullmatch(attachment.name):
            reason = f"{owned}, a follower of {service.follows}: gets the new URL of {service.follows}."
            return ConfigVar(SERVICE, reason, addon=service.addon, replaced_by=service.follows)
        return ConfigVar(SERVICE, f"{owned}, a follower of {service.follows}: stays behind.", addon=service.addon)
    if name in service.replaced:
        reason = f"{owned}: gets the URL of the new service on Fly.io."
        return ConfigVar(SERVICE, reason, addon=service.addon, replaced_by=service.addon)
    what = "another of Heroku's names for it"
    if attachment.namespace:
        what = f"its {attachment.namespace.replace(':', ' ')}, which Fly.io does not have"
    return ConfigVar(SERVICE, f"{owned}, {what}: stays behind; read {service.primary} instead.", addon=service.addon)


def _by_platform(name: str, value: str) -> ConfigVar | None:
    for why, patterns in PLATFORM_NAMES.items():
        if matches(name, patterns):
            return ConfigVar(PLATFORM, f"Stays behind: {why}.")
    if name == "LD_PRELOAD" and "/app/" in value:
        return ConfigVar(PLATFORM, "Stays behind: it names a file in the dyno's slug, under /app.")
    return None


def _by_value(value: str, services: Sequence[Service], config: Mapping[str, str]) -> ConfigVar:
    named = next((service for service in services if value in service.names and not service.follows), None)
    if named is not None and value not in named.replaced:
        # Sidekiq's REDIS_PROVIDER holds the name of a variable; if that is not set, Sidekiq connects to localhost.
        add_on = f"the {named.kind} add-on {named.addon}"
        reason = f"Names {value}, which stays behind with {add_on}: will name {named.primary} instead."
        return ConfigVar(ALIAS, reason, addon=named.addon, becomes=named.primary)
    for service in services:
        for owned in service.names:
            if not same_place(value, config.get(owned, "")):
                continue
            exact = value == config[owned]
            same = "Equal to" if exact else "Points at the same place as"
            rest = "." if exact else "; its own credentials and query are not kept."
            reason = f"{same} {owned} of the {service.kind} add-on {service.addon}: gets the same new URL{rest}"
            return ConfigVar(ALIAS, reason, addon=service.addon, replaced_by=service.follows or service.addon)
    for service in services:
        if any(embeds(value, config.get(owned, "")) for owned in service.names):
            reason = (
                f"The app's own, copied unchanged, although its value contains the host or password of the "
                f"{service.kind} add-on {service.addon}."
            )
            return ConfigVar(TRANSFER, reason, embeds=service.addon)
    return ConfigVar(TRANSFER, "The app's own: copied unchanged.")
