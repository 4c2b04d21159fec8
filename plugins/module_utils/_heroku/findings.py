# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What stands in the way of a move (V(block)), can break after it (V(warn)) or is good to know (V(info)).

docs/findings.md explains every id. A text names the app and the thing, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import ownership
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.inventory import Inventory
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import (
    BUILDERS,
    BUILDPACKS,
    LAUNCH,
    UNSAID,
    ImageSource,
    unsupported,
)

BLOCK, WARN, INFO = "block", "warn", "info"

# id -> the level it has by itself.
LEVELS: dict[str, str] = {
    "addon-not-ready": BLOCK,
    "addon-to-replace": WARN,
    "aptfile": WARN,
    "autoscaler": WARN,
    "built-by-buildpacks": INFO,
    "classic-buildpacks": WARN,
    "dropped-urls": INFO,
    "dyno-metadata": WARN,
    "embedded-credentials": WARN,
    "fir-generation": BLOCK,
    "follower": WARN,
    "generated-dockerfile": WARN,
    "hidden-defaults": INFO,
    "kafka": BLOCK,
    "ld-preload": WARN,
    "log-drains": WARN,
    "maintenance-on": WARN,
    "malloc-arena-max": INFO,
    "no-build": BLOCK,
    "pool-or-credential": WARN,
    "port-set": WARN,
    "preboot": INFO,
    "private-space": WARN,
    "rails-master-key": INFO,
    "release-failed": WARN,
    "scheduler-jobs": INFO,
    "scheduler-jobs-unknown": BLOCK,
    "secret-key-base-missing": BLOCK,
    "session-affinity": WARN,
    "several-databases": BLOCK,
    "shared-database": BLOCK,
    "sleeping-dynos": INFO,
    "static-ip": WARN,
    "tls-redis-code": WARN,
    "unsupported-plan": BLOCK,
    "web-concurrency": WARN,
}

STATIC_IP = frozenset(
    {"fixie", "fixie-socks", "ipburger", "proximo"} | {"quotaguard", "quotaguardshield", "quotaguardstatic", "statica"}
)
AUTOSCALERS = frozenset({"adept-scale", "hirefire", "judoscale", "rails-autoscale"})
AUTOSCALER_VARS = ("HIREFIRE_TOKEN", "JUDOSCALE_URL", "RAILS_AUTOSCALE_URL")
# heroku-buildpack-ruby exports these at run time where the app sets none, so that the API never shows them.
HIDDEN_DEFAULTS = (
    "LANG",
    "MALLOC_ARENA_MAX",
    "PUMA_PERSISTENT_TIMEOUT",
    "RACK_ENV",
    "RAILS_ENV",
    "RAILS_LOG_TO_STDOUT",
    "RAILS_SERVE_STATIC_FILES",
)
UNSUPPORTED_PLAN = re.compile(r"[^:]+:(private|shield|advanced|performance)")
SLEEPING = frozenset({"basic", "eco", "free", "hobby"})

# What a rule yields: id, text, remedy.
Found = Iterator[tuple[str, str, str]]


def check_ids(acknowledged: Iterable[str]) -> None:
    """Raise InputError for an id that no finding has: a slip of the pen would acknowledge nothing."""
    unknown = sorted(set(acknowledged) - set(LEVELS))
    if unknown:
        raise InputError(
            "option acknowledged",
            f"there is no finding {', '.join(unknown)}",
            f"The findings there are: {', '.join(LEVELS)}.",
        )


def findings(
    inventory: Inventory,
    scheduler_jobs: Sequence[object] | None = None,
    secret_key_base_given: bool = False,
    acknowledged: Iterable[str] = (),
    source: ImageSource | None = None,
    build: str = BUILDPACKS,
) -> list[dict[str, str]]:
    """Return the app's findings, the gravest first: dictionaries of C(id), C(level), C(text) and C(remedy).

    O(scheduler_jobs) of None means that nobody said which there are. Without O(source) nothing is to be built; O(build)
    is how, where the source does not say it.
    """
    known = set(acknowledged)
    found = [
        *_platform(inventory),
        *_services(inventory),
        *_addons(inventory, scheduler_jobs),
        *_variables(inventory, secret_key_base_given),
        *(_build(inventory, source, build) if source else ()),
    ]
    rows = [
        {"id": name, "level": INFO if name in known else LEVELS[name], "text": text, "remedy": remedy}
        for name, text, remedy in found
    ]
    return sorted(rows, key=lambda row: ((BLOCK, WARN, INFO).index(row["level"]), row["id"], row["text"]))


def _platform(inventory: Inventory) -> Found:
    """What Heroku itself does for the app."""
    app = f"Heroku app {inventory.name}"
    if inventory.generation == "fir":
        yield (
            "fir-generation",
            f"{app} is of the Fir generation, which has no maintenance mode: it can not be frozen.",
            "Move the app from a Cedar copy, or rehearse only.",
        )
    if inventory.app.get("space"):
        yield (
            "private-space",
            f"{app} runs in a Private Space, where the maintenance page goes when web is scaled to 0.",
            "Expect an error page during the freeze window; its databases may let in trusted addresses only.",
        )
    if inventory.app["maintenance"]:
        yield (
            "maintenance-on",
            f"{app} is in maintenance mode already.",
            "If no cut-over of yours is under way, find out who turned it on and why.",
        )
    if inventory.release and inventory.release.get("status") == "failed":
        yield (
            "release-failed",
            f"{app}: release v{inventory.release['version']} failed, so an older one is running.",
            "Make a release that succeeds, so that what is moved is what runs.",
        )
    for feature, name, text, remedy in (
        (
            "http-session-affinity",
            "session-affinity",
            "uses session affinity: Heroku's router sends a visitor to the same dyno each time.",
            "Keep sessions and uploads outside the process; Fly.io's proxy chooses any Machine.",
        ),
        (
            "preboot",
            "preboot",
            "uses preboot: new dynos take over when they are up.",
            "Fly.io does so with the deploy strategy bluegreen; rolling is its default.",
        ),
        (
            "runtime-dyno-metadata",
            "dyno-metadata",
            "has dyno metadata on: its code can read HEROKU_APP_NAME, HEROKU_SLUG_COMMIT and others.",
            "Search the code for HEROKU_ and read FLY_APP_NAME, FLY_IMAGE_REF and the like instead.",
        ),
    ):
        if feature in inventory.features:
            yield name, f"{app} {text}", remedy
    own = [drain for drain in inventory.log_drains if not drain.get("addon")]
    if own:
        hosts = sorted({_host(str(drain.get("url") or "")) for drain in own})
        yield (
            "log-drains",
            f"{app} sends its log to {len(own)} drain{'s' * (len(own) > 1)} ({', '.join(hosts)}).",
            "Fly.io has no drains: run its log shipper, or let the app send its log itself.",
        )
    sleeping = sorted(p["type"] for p in inventory.formation if p["quantity"] and p["size"].lower() in SLEEPING)
    if sleeping:
        yield (
            "sleeping-dynos",
            f"{app}: {', '.join(sleeping)} run on eco or basic dynos of 512 MB; eco ones sleep without traffic.",
            "Choose a Machine's size to match, and auto_stop_machines in fly.toml if sleeping is wanted.",
        )


def _services(inventory: Inventory) -> Found:
    """The databases: what can be moved, and what its move would leave behind."""
    app = f"Heroku app {inventory.name}"
    services = inventory.ownership.services
    states = {addon["name"]: addon["state"] for addon in inventory.addons}
    for service in services:
        thing = f"the {service.kind} add-on {service.addon} ({service.plan})"
        if UNSUPPORTED_PLAN.match(service.plan):
            yield (
                "unsupported-plan",
                f"{app}: {thing} is of a private, shield or advanced plan, which is reached in other ways.",
                "Make a standard database of it (heroku addons:create … --fork), or move its data by hand.",
            )
        if states.get(service.addon, "") not in ("", "provisioned"):
            yield (
                "addon-not-ready",
                f"{app}: {thing} is {states[service.addon]}.",
                "Wait until 'heroku addons:info' calls it created.",
            )
        others = [service.shared_from] if service.shared_from else inventory.shared_with.get(service.addon, [])
        if others:
            yield (
                "shared-database",
                f"{app}: {thing} is used by {', '.join(others)} as well, which would go on writing to it.",
                "Move the apps together in one freeze, or give this app a database of its own first.",
            )
        if service.follows:
            yield (
                "follower",
                f"{app}: {thing} follows {service.follows}; a follower is not moved.",
                f"Reads that go to {service.primary} must go to the new primary or a replica on Fly.io.",
            )
    for kind in (ownership.POSTGRES, ownership.REDIS):
        moving = [service for service in services if service.kind == kind and not service.follows]
        if len(moving) > 1:
            rest = ", ".join(f"{service.addon} ({service.primary})" for service in moving[1:])
            yield (
                "several-databases",
                f"{app} has {len(moving)} {kind} add-ons: only {moving[0].addon} ({moving[0].primary}) is moved, "
                f"not {rest}.",
                "Move the others with pg_transfer or redis_transfer, and give their URLs as secrets.",
            )
    for service in services:
        dropped = [n for n in service.names if n.endswith("_URL") and not inventory.ownership.names[n].replaced_by]
        special = {
            name
            for entry in inventory.ownership.attachments
            if entry.addon == service.addon and entry.namespace
            for name in entry.config_vars
        }
        for finding, names in (
            ("pool-or-credential", [name for name in dropped if name in special]),
            ("dropped-urls", [name for name in dropped if name not in special]),
        ):
            if names:
                yield (
                    finding,
                    f"{app}: {', '.join(names)} of {service.addon} {_stay(names)} behind.",
                    f"Code that reads {_it(names)} must read {service.primary} instead.",
                )
        if service.kind == ownership.REDIS and inventory.config.get(service.primary, "").startswith("rediss://"):
            yield (
                "tls-redis-code",
                f"{app}: {service.addon} speaks TLS with a certificate that nobody can verify; code for it often says "
                "VERIFY_NONE.",
                "Look for ssl_params and VERIFY_NONE in the code: harmless with the new redis:// URL in most clients, "
                "to be removed in any case.",
            )
    embedding = {name: entry.embeds for name, entry in inventory.ownership.names.items() if entry.embeds}
    for name, addon in embedding.items():
        yield (
            "embedded-credentials",
            f"{app}: the value of {name} holds the host or password of {addon}; it would go on pointing at Heroku.",
            f"Give {name} its new value yourself (in the role: migrate_secrets), or leave it out.",
        )


def _addons(inventory: Inventory, scheduler_jobs: Sequence[object] | None) -> Found:
    """The add-ons that Fly.io has no service for."""
    app = f"Heroku app {inventory.name}"
    for addon in inventory.addons:
        service, name = addon["service"], addon["name"]
        if service in ownership.KINDS:
            continue
        if service == "heroku-kafka":
            yield (
                "kafka",
                f"{app} uses Apache Kafka on Heroku ({name}), which ends with the Heroku app and is not moved.",
                "Move it to another provider of Kafka first.",
            )
        elif service == "scheduler":
            yield from _scheduler(app, name, scheduler_jobs)
        elif service in STATIC_IP:
            yield (
                "static-ip",
                f"{app} goes out through fixed addresses of {name} ({service}); partners may let in those only.",
                "Keep a plan of the provider outside Heroku, or allot a static egress IP on Fly.io and tell partners.",
            )
        elif service in AUTOSCALERS:
            yield _autoscaler(app, f"{name} ({service})")
        else:
            yield (
                "addon-to-replace",
                f"{app}: the add-on {name} ({addon['plan']}) works after the move, until it or the app is destroyed.",
                "Take out a plan with the provider itself and put its credentials in the place of the add-on's.",
            )
    if not any(addon["service"] in AUTOSCALERS for addon in inventory.addons):
        names = [name for name in AUTOSCALER_VARS if name in inventory.config]
        if names:
            yield _autoscaler(app, f"an autoscaler ({', '.join(names)})")


def _scheduler(app: str, addon: str, jobs: Sequence[object] | None) -> Found:
    if jobs is None:
        yield (
            "scheduler-jobs-unknown",
            f"{app} uses Heroku Scheduler ({addon}), whose jobs no API shows.",
            f"Look them up with 'heroku addons:open {addon}' and give them as scheduler_jobs (in the role: "
            "migrate_scheduler_jobs); an empty list says that there are none.",
        )
    elif jobs:
        yield (
            "scheduler-jobs",
            f"{app}: {len(jobs)} job{'s' * (len(jobs) > 1)} of Heroku Scheduler ({addon}) will not run on Fly.io by "
            "themselves.",
            "Set them up as scheduled Machines or in the app (sidekiq-cron, solid_queue), and turn them off on Heroku "
            "before the cut-over.",
        )


def _autoscaler(app: str, what: str) -> tuple[str, str, str]:
    return (
        "autoscaler",
        f"{app} is scaled by {what}, which can start dynos again in the freeze window.",
        "Turn it off before the cut-over; on Fly.io use autostop and autostart, or its metrics autoscaler.",
    )


def _variables(inventory: Inventory, secret_key_base_given: bool) -> Found:
    """Config vars that mean something else on Fly.io, and those that only Heroku's buildpack sets."""
    app, config = f"Heroku app {inventory.name}", inventory.config
    if is_ruby(inventory):
        if not config.get("SECRET_KEY_BASE") and not secret_key_base_given:
            yield (
                "secret-key-base-missing",
                f"{app} has no config var SECRET_KEY_BASE: the buildpack gives the running app one that no API shows. "
                "With another one every session, signed id and encrypted cookie becomes invalid.",
                f"Read it with 'heroku run -a {inventory.name} -- printenv SECRET_KEY_BASE' and give it as a secret "
                "(in the role: migrate_secrets), or let the role do so (migrate_fetch_secret_key_base).",
            )
        hidden = [name for name in HIDDEN_DEFAULTS if name not in config]
        if hidden:
            yield (
                "hidden-defaults",
                f"{app} gets {', '.join(hidden)} from Heroku's Ruby buildpack, not from its config vars.",
                "Set those the app relies on in the Dockerfile or under [env] in fly.toml; Fly.io's Dockerfile for "
                "Rails sets RAILS_ENV.",
            )
    for name, finding, text, remedy in (
        (
            "PORT",
            "port-set",
            "sets PORT itself; it is left behind.",
            "The port is internal_port in fly.toml (in the role: migrate_internal_port).",
        ),
        (
            "LD_PRELOAD",
            "ld-preload",
            "sets LD_PRELOAD, for jemalloc as a rule; the file lies elsewhere in another image.",
            "Install libjemalloc2 in the Dockerfile and set LD_PRELOAD there; leave this one out.",
        ),
        (
            "WEB_CONCURRENCY",
            "web-concurrency",
            "sets WEB_CONCURRENCY, chosen for the memory of its dynos.",
            "Choose it anew for the memory and CPUs of the Machines.",
        ),
        (
            "MALLOC_ARENA_MAX",
            "malloc-arena-max",
            "sets MALLOC_ARENA_MAX; it is copied.",
            "Keep it for glibc; with jemalloc it does nothing.",
        ),
        (
            "RAILS_MASTER_KEY",
            "rails-master-key",
            "sets RAILS_MASTER_KEY; it is copied.",
            "An image build that needs the credentials takes it as a build secret, never as a build argument.",
        ),
    ):
        if name in config:
            yield finding, f"{app} {text}", remedy
    if "runtime-dyno-metadata" not in inventory.features:
        names = [n for n in config if ownership.matches(n, ownership.DYNO_METADATA)]
        if names:
            yield (
                "dyno-metadata",
                f"{app} sets {', '.join(sorted(names))} itself; Heroku's metadata is left behind.",
                "Search the code for these names and read FLY_APP_NAME and the like instead, or include them.",
            )


def _build(inventory: Inventory, source: ImageSource, build: str) -> Found:
    """What the image would lack that is built where no Dockerfile says how, or that nothing builds any."""
    app, stack = f"Heroku app {inventory.name}", inventory.stack
    if source.way not in (BUILDPACKS, UNSAID):
        return
    builder = source.builder or (BUILDERS.get(stack, "") if build == BUILDPACKS else "")
    if not builder and build == LAUNCH:
        yield (
            "generated-dockerfile",
            f"{app} has no Dockerfile: 'fly launch' generates one, by its own idea of the app.",
            "Review it and commit it with the app.",
        )
        if source.aptfile:
            yield (
                "aptfile",
                f"{app} has an Aptfile, which 'fly launch' does not read: the packages will be missing.",
                "Add them to the Dockerfile that it generates.",
            )
    elif not builder:
        no_builder = f"; Heroku has no Cloud Native builder for the stack {stack}" if build == BUILDPACKS else ""
        yield (
            "no-build",
            f"{app}: nothing says how its image is built: there is no Dockerfile, no [build] in fly.toml{no_builder}.",
            f"Write a Dockerfile, or name a builder or an image under [build] (in the role also migrate_image). "
            f"Stacks with a builder are {', '.join(BUILDERS)}.",
        )
    else:
        yield from _built_by(builder, inventory, source)


def _built_by(builder: str, inventory: Inventory, source: ImageSource) -> Found:
    """What an image of Cloud Native Buildpacks would lack."""
    app = f"Heroku app {inventory.name}"
    yield (
        "built-by-buildpacks",
        f"{app} has no Dockerfile: {builder} builds its image, without the config vars.",
        "Put what the build needs under [build.args] in fly.toml; if that is a secret, write a Dockerfile.",
    )
    if source.aptfile:
        yield (
            "aptfile",
            f"{app} has an Aptfile, which {builder} does not read: the packages will be missing.",
            "List them in project.toml as 'install' under [com.heroku.buildpacks.deb-packages], or write a Dockerfile.",
        )
    others = unsupported(inventory.buildpacks)
    if others:
        yield (
            "classic-buildpacks",
            f"{app} is built by {', '.join(others)} too, which {builder} does not run.",
            "Find out what the app needs of them. If it needs it, write a Dockerfile.",
        )


def is_ruby(inventory: Inventory) -> bool:
    """Return whether Heroku's Ruby buildpack made the app; a container image brings its own environment."""
    if inventory.stack == "container":
        return False
    described = str(inventory.app.get("buildpack_provided_description") or "")
    words = " ".join([described, *inventory.buildpacks]).lower()
    return "ruby" in words or "rails" in words or any(name in inventory.config for name in ("RAILS_ENV", "RACK_ENV"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "unknown host"
    except ValueError:
        return "unknown host"


def _stay(names: Sequence[str]) -> str:
    return "stays" if len(names) == 1 else "stay"


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "one of them"
