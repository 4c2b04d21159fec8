# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Checks of what Heroku itself does for an app, and of its databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    AFTER,
    BLOCK,
    DAY,
    INFO,
    WARN,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import ownership
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.attachments import Service
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.check import Check, Facts, Words
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.service_url import POSTGRES, REDIS

UNSUPPORTED_PLAN = re.compile(r"[^:]+:(private|shield|advanced|performance)")
SLEEPING = frozenset({"basic", "eco", "free", "hobby"})


def _when(condition: bool, **words: str) -> Iterator[Words]:
    if condition:
        yield words


def _feature(name: str, facts: Facts) -> Iterator[Words]:
    return _when(name in facts.inventory.features)


def _release_failed(facts: Facts) -> Iterator[Words]:
    release = facts.inventory.release
    if release and release.get("status") == "failed":
        yield {"version": str(release["version"])}


def _drains(facts: Facts) -> Iterator[Words]:
    own = [drain for drain in facts.inventory.log_drains if not drain.get("addon")]
    if own:
        hosts = sorted({_host(str(drain.get("url") or "")) for drain in own})
        yield {"drains": f"{len(own)} drain{'s' * (len(own) > 1)}", "hosts": ", ".join(hosts)}


def _sleeping(facts: Facts) -> Iterator[Words]:
    running = (process for process in facts.inventory.formation if process["quantity"])
    names = sorted(process["type"] for process in running if process["size"].lower() in SLEEPING)
    return _when(bool(names), types=", ".join(names))


def _metadata(facts: Facts) -> Iterator[Words]:
    inventory = facts.inventory
    if "runtime-dyno-metadata" in inventory.features:
        yield {"what": "has dyno metadata on: its code can read HEROKU_APP_NAME, HEROKU_SLUG_COMMIT and others."}
        return
    names = sorted(name for name in inventory.config if ownership.matches(name, ownership.DYNO_METADATA))
    if names:
        yield {"what": f"sets {', '.join(names)} itself; Heroku's metadata is left behind."}


def _services(facts: Facts) -> Iterator[tuple[Service, str]]:
    for service in facts.inventory.ownership.services:
        yield service, f"the {service.kind} add-on {service.addon} ({service.plan})"


def _unsupported(facts: Facts) -> Iterator[Words]:
    return ({"thing": thing} for service, thing in _services(facts) if UNSUPPORTED_PLAN.match(service.plan))


def _not_ready(facts: Facts) -> Iterator[Words]:
    states = {addon["name"]: addon["state"] for addon in facts.inventory.addons}
    for service, thing in _services(facts):
        if states.get(service.addon, "") not in ("", "provisioned"):
            yield {"thing": thing, "state": states[service.addon]}


def _shared(facts: Facts) -> Iterator[Words]:
    for service, thing in _services(facts):
        shared = facts.inventory.shared_with.get(service.addon, [])
        others = [service.shared_from] if service.shared_from else shared
        yield from _when(bool(others), thing=thing, others=", ".join(others))


def _followers(facts: Facts) -> Iterator[Words]:
    for service, thing in _services(facts):
        yield from _when(bool(service.follows), thing=thing, leader=service.follows, primary=service.primary)


def _several(facts: Facts) -> Iterator[Words]:
    for kind in (POSTGRES, REDIS):
        moving = [entry for entry in facts.inventory.ownership.services if entry.kind == kind and not entry.follows]
        if len(moving) > 1:
            rest = ", ".join(f"{entry.addon} ({entry.primary})" for entry in moving[1:])
            first = f"{moving[0].addon} ({moving[0].primary})"
            yield {"count": str(len(moving)), "kind": kind, "first": first, "rest": rest}


def _dropped(special: bool, facts: Facts) -> Iterator[Words]:
    """Yield the URLs of a service that stay behind: those of pools and credentials, or the others."""
    decided = facts.inventory.ownership
    for service in decided.services:
        apart = {
            name
            for entry in decided.attachments
            if entry.addon == service.addon and entry.namespace
            for name in entry.config_vars
        }
        dropped = [name for name in service.names if name.endswith("_URL") and not decided.names[name].replaced_by]
        names = [name for name in dropped if (name in apart) == special]
        if names:
            yield {
                "names": ", ".join(names),
                "addon": service.addon,
                "stay": "stays" if len(names) == 1 else "stay",
                "it": "it" if len(names) == 1 else "one of them",
                "primary": service.primary,
            }


def _tls_redis(facts: Facts) -> Iterator[Words]:
    for service in facts.inventory.ownership.services:
        tls = facts.inventory.config.get(service.primary, "").startswith("rediss://")
        yield from _when(service.kind == REDIS and tls, addon=service.addon)


def _embedded(facts: Facts) -> Iterator[Words]:
    names = facts.inventory.ownership.names.items()
    return ({"name": name, "addon": entry.embeds} for name, entry in names if entry.embeds)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "unknown host"
    except ValueError:
        return "unknown host"


CHECKS = (
    Check(
        id="addon-not-ready",
        level=BLOCK,
        means="A Postgres or Redis add-on is still being created, or is being removed.",
        todo="Wait until `heroku addons:info` shows it as created.",
        text="{thing} is {state}.",
        remedy="Wait until 'heroku addons:info' shows it as created.",
        find=_not_ready,
    ),
    Check(
        id="dropped-urls",
        level=INFO,
        means=(
            "Further names that Heroku gave the database, such as `HEROKU_POSTGRESQL_BLUE_URL` or "
            "`REDIS_TLS_URL`, stay behind."
        ),
        todo="Let the code read the primary name.",
        text="{names} of {addon} {stay} behind.",
        remedy="Code that reads {it} must read {primary} instead.",
        find=lambda facts: _dropped(False, facts),
    ),
    Check(
        id="dyno-metadata",
        level=WARN,
        means=("The code may read `HEROKU_APP_NAME`, `HEROKU_SLUG_COMMIT` and others. Fly.io does not set them."),
        todo="Search the code for `HEROKU_`; read `FLY_APP_NAME`, `FLY_IMAGE_REF` and the like.",
        text="it {what}",
        remedy="Search the code for HEROKU_ and read FLY_APP_NAME, FLY_IMAGE_REF and the like instead.",
        find=_metadata,
    ),
    Check(
        id="embedded-credentials",
        level=WARN,
        means=(
            "A value is not a database's URL, but it contains a database's host or password. It is "
            "copied unchanged, so it points at Heroku."
        ),
        todo="Give it a new value in `migrate_secrets`, or exclude it.",
        text="the value of {name} contains the host or password of {addon}; it would keep pointing at Heroku.",
        remedy="Give {name} its new value yourself (in the role: migrate_secrets), or leave it out.",
        find=_embedded,
    ),
    Check(
        id="fir-generation",
        level=BLOCK,
        means="An app of the Fir generation has no maintenance mode, so it cannot be frozen.",
        todo="Move it from a Cedar copy, or accept the finding to rehearse only.",
        text="it is of the Fir generation, which has no maintenance mode: it cannot be frozen.",
        remedy="Move the app from a Cedar copy, or rehearse only.",
        find=lambda facts: _when(facts.inventory.generation == "fir"),
    ),
    Check(
        id="follower",
        level=WARN,
        means=(
            "A Postgres add-on has the credentials of another one: a follower. It is not moved; names "
            "that you gave it get the new primary's URL."
        ),
        todo="Plan a replica on Fly.io if reads need one.",
        text="{thing} follows {leader}; a follower is not moved.",
        remedy="Reads that go to {primary} must go to the new primary or a replica on Fly.io.",
        find=_followers,
    ),
    Check(
        id="log-drains",
        level=WARN,
        urgency=AFTER,
        means="The app sends its log to log drains, which Fly.io does not have.",
        todo="Run Fly.io's log shipper, or let the app send its log.",
        text="it sends its log to {drains} ({hosts}).",
        remedy="Fly.io has no drains: run its log shipper, or let the app send its log itself.",
        find=_drains,
    ),
    Check(
        id="maintenance-on",
        level=WARN,
        means="The app is in maintenance mode already.",
        todo="Find out why, unless a cut-over of yours is under way.",
        text="it is in maintenance mode already.",
        remedy="If no cut-over of yours is under way, find out who turned it on and why.",
        find=lambda facts: _when(bool(facts.inventory.app["maintenance"])),
    ),
    Check(
        id="pool-or-credential",
        level=WARN,
        means="The URL of a connection pool or of a further database credential stays behind.",
        todo="Let the code read the primary name.",
        text="{names} of {addon} {stay} behind.",
        remedy="Code that reads {it} must read {primary} instead.",
        find=lambda facts: _dropped(True, facts),
    ),
    Check(
        id="preboot",
        level=INFO,
        urgency=AFTER,
        means="New dynos take over when they are up.",
        todo="Use the deploy strategy `bluegreen` for the same.",
        text="it uses preboot: new dynos take over when they are up.",
        remedy="Fly.io does so with the deploy strategy bluegreen; rolling is its default.",
        find=lambda facts: _feature("preboot", facts),
    ),
    Check(
        id="private-space",
        level=WARN,
        urgency=DAY,
        means=(
            "The app runs in a Private Space: no maintenance page at zero dynos, databases behind trusted addresses."
        ),
        todo="Expect an error page in the freeze window; check that the database can be reached.",
        text="it runs in a Private Space, where the maintenance page disappears when web is scaled to 0.",
        remedy="Expect an error page during the freeze window; its databases may accept only trusted addresses.",
        find=lambda facts: _when(bool(facts.inventory.app.get("space"))),
    ),
    Check(
        id="release-failed",
        level=WARN,
        means="The newest release failed, so an older one runs.",
        todo="Make a release that succeeds first.",
        text="release v{version} failed, so an older one is running.",
        remedy="Make a release that succeeds, so that what is moved is what runs.",
        find=_release_failed,
    ),
    Check(
        id="session-affinity",
        level=WARN,
        means="Heroku's router sends a visitor to the same dyno each time. Fly.io's proxy does not.",
        todo="Keep sessions and uploads outside the process.",
        text="it uses session affinity: Heroku's router sends a visitor to the same dyno each time.",
        remedy="Keep sessions and uploads outside the process; Fly.io's proxy chooses any Machine.",
        find=lambda facts: _feature("http-session-affinity", facts),
    ),
    Check(
        id="several-databases",
        level=BLOCK,
        means="The app has several databases of the same kind. The role moves one of them.",
        todo=(
            "Move the others with `pg_transfer` or `redis_transfer`, give their URLs in "
            "`migrate_secrets`, and accept the finding."
        ),
        text="it has {count} {kind} add-ons: only {first} is moved, not {rest}.",
        remedy="Move the others with pg_transfer or redis_transfer, and give their URLs as secrets.",
        find=_several,
    ),
    Check(
        id="shared-database",
        level=BLOCK,
        means="Another app uses the same database and would keep writing to it.",
        todo="Move the apps together, or give this one a database of its own.",
        text="{thing} is used by {others} as well, which would keep writing to it.",
        remedy="Move the apps together in one freeze, or give this app a database of its own first.",
        find=_shared,
    ),
    Check(
        id="sleeping-dynos",
        level=INFO,
        means="Process types run on eco or basic dynos.",
        todo="Choose the Machines' size and `auto_stop_machines` to match.",
        text="{types} run on eco or basic dynos of 512 MB; eco ones sleep without traffic.",
        remedy=("Choose a Machine's size to match, and auto_stop_machines in fly.toml if sleeping is wanted."),
        find=_sleeping,
    ),
    Check(
        id="tls-redis-code",
        level=WARN,
        urgency=AFTER,
        means=("Heroku's Redis speaks TLS with a self-signed certificate; code for it often says `VERIFY_NONE`."),
        todo="Remove it: the new URL is `redis://` on a private network.",
        text=("{addon} speaks TLS with a certificate that nobody can verify; code for it often says VERIFY_NONE."),
        remedy=(
            "Look for ssl_params and VERIFY_NONE in the code: harmless with the new redis:// URL in "
            "most clients, but remove it in any case."
        ),
        find=_tls_redis,
    ),
    Check(
        id="unsupported-plan",
        level=BLOCK,
        means="The role cannot connect to a private, shield or advanced database.",
        todo="Fork it into a standard database, or move its data by hand.",
        text="{thing} has a private, shield or advanced plan, to whose databases the role cannot connect.",
        remedy="Fork it into a standard database (heroku addons:create … --fork), or move its data by hand.",
        find=_unsupported,
    ),
)
