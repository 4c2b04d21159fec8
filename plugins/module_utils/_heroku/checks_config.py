# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Checks of an app's config vars, and of how its image is built."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    AFTER,
    BLOCK,
    INFO,
    WARN,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.check import Check, Facts, Words
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.connections import connections
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.inventory import Inventory
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.service_url import POSTGRES
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import (
    BUILDERS,
    BUILDPACKS,
    DOCKERFILE,
    LAUNCH,
    UNSAID,
    unsupported,
)

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
# Credentials of package registries: Bundler's are named by host, such as BUNDLE_GEMS__CONTRIBSYS__COM.
_OF_THE_BUILD = re.compile(
    r"BUNDLE_\w+__\w+|BUNDLE_GITHUB\w*|NPM_TOKEN|NPM_AUTH_TOKEN|NODE_AUTH_TOKEN|GITHUB_PACKAGES_TOKEN|GH_PACKAGES_TOKEN"
    r"|FONTAWESOME_(?:NPM_AUTH_)?TOKEN|COMPOSER_AUTH|PIP_(?:EXTRA_)?INDEX_URL|POETRY_HTTP_BASIC_\w+|UV_INDEX_\w+|HEX_API_KEY"
)
# fly.io/docs/mpg: what the server accepts, whatever its pooler accepts; unknown for other plans.
_SERVER_CONNECTIONS = {"basic": 50, "starter": 50}


def is_ruby(inventory: Inventory) -> bool:
    """Return whether Heroku's Ruby buildpack made the app; a container image brings its own environment."""
    if inventory.stack == "container":
        return False
    described = str(inventory.app.get("buildpack_provided_description") or "")
    words = " ".join([described, *inventory.buildpacks]).lower()
    return "ruby" in words or "rails" in words or any(name in inventory.config for name in ("RAILS_ENV", "RACK_ENV"))


def _set(name: str, facts: Facts) -> Iterator[Words]:
    if name in facts.inventory.config:
        yield {}


def _no_key_base(facts: Facts) -> Iterator[Words]:
    given = facts.inventory.config.get("SECRET_KEY_BASE") or facts.secret_key_base_given
    if is_ruby(facts.inventory) and not given:
        yield {"app": facts.inventory.name}


def _hidden(facts: Facts) -> Iterator[Words]:
    hidden = [name for name in HIDDEN_DEFAULTS if name not in facts.inventory.config]
    if is_ruby(facts.inventory) and hidden:
        yield {"names": ", ".join(hidden)}


def _named(facts: Facts) -> Iterator[Words]:
    """Yield config vars whose value is the name of one that stays behind."""
    decided = facts.inventory.ownership
    for name, entry in decided.names.items():
        if entry.becomes:
            yield {"name": name, "other": facts.inventory.config[name], "primary": entry.becomes}


def _pgsslmode(facts: Facts) -> Iterator[Words]:
    mode = facts.inventory.config.get("PGSSLMODE", "")
    if facts.private_postgres and mode in ("require", "verify-ca", "verify-full"):
        yield {"mode": mode}


def _connections(facts: Facts) -> Iterator[Words]:
    """Yield the connections that the app's processes can open, if they are more than the new server takes."""
    inventory, given = facts.inventory, _SERVER_CONNECTIONS.get(facts.postgres_plan, 0)
    if not given or not any(entry.kind == POSTGRES for entry in inventory.ownership.services):
        return
    rows = connections(inventory.formation, inventory.process_types, inventory.config)
    total = sum(dynos * each for _type, dynos, each in rows)
    if total > given:
        how = ", ".join(f"{kind} {dynos} x {each}" for kind, dynos, each in rows)
        yield {"wanted": str(total), "how": how, "given": str(given)}


def _builder(facts: Facts) -> str:
    """Return the builder of Cloud Native Buildpacks that makes the image, or nothing."""
    if facts.source is None or facts.source.way not in (BUILDPACKS, UNSAID):
        return ""
    return facts.source.builder or (BUILDERS.get(facts.inventory.stack, "") if facts.build == BUILDPACKS else "")


def _launches(facts: Facts) -> bool:
    unsaid = facts.source is not None and facts.source.way in (BUILDPACKS, UNSAID)
    return unsaid and facts.build == LAUNCH and not _builder(facts)


def _generated(facts: Facts) -> Iterator[Words]:
    if _launches(facts):
        yield {}


def _aptfile(facts: Facts) -> Iterator[Words]:
    if facts.source is None or not facts.source.aptfile:
        return
    if _launches(facts):
        yield {"what": "'fly launch'", "how": "Add them to the Dockerfile that it generates."}
    elif _builder(facts):
        section = "[com.heroku.buildpacks.deb-packages]"
        how = f"List them in project.toml as 'install' under {section}, or write a Dockerfile."
        yield {"what": _builder(facts), "how": how}


def _built_by(facts: Facts) -> Iterator[Words]:
    if _builder(facts):
        yield {"builder": _builder(facts)}


def _classic(facts: Facts) -> Iterator[Words]:
    others = ", ".join(unsupported(facts.inventory.buildpacks))
    if not others or facts.source is None:
        return
    if _builder(facts):
        how = "Find out what the app needs from them. If it needs anything, write a Dockerfile."
        yield {"packs": others, "what": _builder(facts), "how": how}
    elif facts.source.way == DOCKERFILE:
        how = "Find out what the app needs from them, and check that the Dockerfile installs it."
        yield {"packs": others, "what": "the Dockerfile", "how": how}


def _build_variables(facts: Facts) -> Iterator[Words]:
    names = sorted(name for name in facts.inventory.config if _OF_THE_BUILD.fullmatch(name))
    if names and facts.source is not None and (facts.source.way == DOCKERFILE or _builder(facts) or _launches(facts)):
        yield {"names": ", ".join(names)}


def _no_build(facts: Facts) -> Iterator[Words]:
    if facts.source is None or facts.source.way not in (BUILDPACKS, UNSAID) or _builder(facts) or _launches(facts):
        return
    nor = f"; Heroku has no Cloud Native builder for the stack {facts.inventory.stack}"
    yield {"nor": nor if facts.build == BUILDPACKS else "", "stacks": ", ".join(BUILDERS)}


CHECKS = (
    Check(
        id="aptfile",
        level=WARN,
        means=(
            "The app is built by Heroku's Cloud Native Buildpacks, or from a `Dockerfile` that `fly "
            "launch` generates. Neither reads an `Aptfile`."
        ),
        todo=(
            "List its packages in `project.toml` as `install` under "
            "`[com.heroku.buildpacks.deb-packages]`, or in a `Dockerfile`."
        ),
        text="it has an Aptfile, which {what} does not read: the packages will be missing.",
        remedy="{how}",
        find=_aptfile,
    ),
    Check(
        id="build-variables",
        level=WARN,
        means=(
            "The build needs config vars, such as those that give Bundler or npm access to private "
            "packages. Heroku's build has them; an image build on Fly.io has none."
        ),
        todo="Mount them as build secrets in the `Dockerfile`.",
        text="{names} are for the build; Heroku gives config vars to the build, Fly.io does not.",
        remedy=(
            "Mount them as build secrets: RUN --mount=type=secret in the Dockerfile and fly deploy --build-secret."
        ),
        find=_build_variables,
    ),
    Check(
        id="built-by-buildpacks",
        level=INFO,
        means=(
            "The source has no `Dockerfile`, so [Heroku's builder makes the "
            "image](processes.md#how-the-image-is-built). Unlike on Heroku, config vars are not available "
            "during the build."
        ),
        todo=(
            "Put what the build needs under `[build.args]` in `fly.toml`; if that is a secret, write a `Dockerfile`."
        ),
        text="it has no Dockerfile: {builder} builds its image, without the config vars.",
        remedy=("Put what the build needs under [build.args] in fly.toml; if that is a secret, write a Dockerfile."),
        find=_built_by,
    ),
    Check(
        id="classic-buildpacks",
        level=WARN,
        means=(
            "Heroku builds the app with additional buildpacks, which Heroku's Cloud Native builder does "
            "not run. Those for Ruby, Node.js and the JVM are in it."
        ),
        todo="Find out what the app needs from them; if it needs anything, write a `Dockerfile`.",
        text="it is built by {packs} too, which {what} does not run.",
        remedy="{how}",
        find=_classic,
    ),
    Check(
        id="connections",
        level=WARN,
        means="Web processes, threads and workers can open more connections than the new database's server accepts.",
        todo="Choose a larger plan, or fewer processes and threads.",
        text="it can open {wanted} connections ({how}), but the new database's server accepts only {given}.",
        remedy="Choose a larger plan (migrate_postgres_plan), or fewer processes and threads.",
        find=_connections,
    ),
    Check(
        id="generated-dockerfile",
        level=WARN,
        means=(
            "The source has no `Dockerfile`, and with `migrate_build: launch` [`fly launch` generates "
            "one](processes.md#a-dockerfile-by-fly-launch)."
        ),
        todo="Review it and commit it with the app.",
        text="it has no Dockerfile: 'fly launch' generates one from what it detects in the app.",
        remedy="Review it and commit it with the app.",
        find=_generated,
    ),
    Check(
        id="hidden-defaults",
        level=INFO,
        means="Heroku's Ruby buildpack sets these variables at run time; no API shows them.",
        todo="Set those the app relies on in the Dockerfile or in `fly.toml`.",
        text="it gets {names} from Heroku's Ruby buildpack, not from its config vars.",
        remedy=(
            "Set those the app relies on in the Dockerfile or under [env] in fly.toml; Fly.io's "
            "Dockerfile for Rails sets RAILS_ENV."
        ),
        find=_hidden,
    ),
    Check(
        id="jemalloc-enabled",
        level=INFO,
        urgency=AFTER,
        means="`JEMALLOC_ENABLED` turns on jemalloc by a buildpack. It is copied, and no image on Fly.io reads it.",
        todo="Install `libjemalloc2` in the Dockerfile and set `LD_PRELOAD` there.",
        text="it sets JEMALLOC_ENABLED, which only a buildpack reads: on Fly.io the app runs without jemalloc.",
        remedy="Install libjemalloc2 in the Dockerfile and set LD_PRELOAD there; leave this one out.",
        find=lambda facts: _set("JEMALLOC_ENABLED", facts),
    ),
    Check(
        id="ld-preload",
        level=WARN,
        means="`LD_PRELOAD` names a library that has another path in other images, or is not there.",
        todo="Install `libjemalloc2` in the Dockerfile and set it there.",
        text="it sets LD_PRELOAD, usually for jemalloc; the library has another path in other images.",
        remedy="Install libjemalloc2 in the Dockerfile and set LD_PRELOAD there; leave this one out.",
        find=lambda facts: _set("LD_PRELOAD", facts),
    ),
    Check(
        id="malloc-arena-max",
        level=INFO,
        urgency=AFTER,
        means="`MALLOC_ARENA_MAX` is copied.",
        todo="Keep it for glibc; it does nothing with jemalloc.",
        text="it sets MALLOC_ARENA_MAX; it is copied.",
        remedy="Keep it for glibc; with jemalloc it does nothing.",
        find=lambda facts: _set("MALLOC_ARENA_MAX", facts),
    ),
    Check(
        id="names-a-variable",
        level=WARN,
        means=(
            "The value of a config var is the name of another one that stays behind, as in "
            "`REDIS_PROVIDER=REDIS_TLS_URL`. It gets the primary name instead."
        ),
        todo="Nothing, unless the code needs another one.",
        text="the value of {name} is the name {other}, which stays behind; it becomes {primary}.",
        remedy="If the code needs another name there, give it in migrate_secrets.",
        find=_named,
    ),
    Check(
        id="no-build",
        level=BLOCK,
        means=(
            "The source has neither a `Dockerfile` nor a `[build]` in `fly.toml`, and there is no "
            "Cloud Native builder for the app's stack, or `migrate_build` is `none`."
        ),
        todo=(
            "Write a `Dockerfile`, let `fly launch` generate one (`migrate_build: launch`), name an "
            "image or a builder under `[build]`, give `migrate_image`, or upgrade the stack on Heroku "
            "first."
        ),
        text=("nothing says how its image is built: there is no Dockerfile, no [build] in fly.toml{nor}."),
        remedy=(
            "Write a Dockerfile, or name a builder or an image under [build] (in the role also "
            "migrate_image). Stacks with a builder are {stacks}."
        ),
        find=_no_build,
    ),
    Check(
        id="pgsslmode",
        level=WARN,
        means="`PGSSLMODE` demands TLS, and the new database on Fly's private network may have none.",
        todo="Exclude it, or give it the value `prefer`.",
        text=("it sets PGSSLMODE={mode}, and the new database is on Fly's private network, where it may have no TLS."),
        remedy=("Leave it behind (migrate_secrets_exclude), or give it the value prefer in migrate_secrets."),
        find=_pgsslmode,
    ),
    Check(
        id="port-set",
        level=WARN,
        means="The app sets `PORT`. It stays behind.",
        todo="Set `internal_port` (`migrate_internal_port`).",
        text="it sets PORT itself; it is left behind.",
        remedy="The port is internal_port in fly.toml (in the role: migrate_internal_port).",
        find=lambda facts: _set("PORT", facts),
    ),
    Check(
        id="rails-master-key",
        level=INFO,
        means="`RAILS_MASTER_KEY` is copied.",
        todo="If the image build needs it, pass it as a build secret.",
        text="it sets RAILS_MASTER_KEY; it is copied.",
        remedy="If the image build needs the credentials, pass it as a build secret, never as a build argument.",
        find=lambda facts: _set("RAILS_MASTER_KEY", facts),
    ),
    Check(
        id="secret-key-base-missing",
        level=BLOCK,
        means=(
            "A Ruby app without `SECRET_KEY_BASE` among its config vars runs with one that the "
            "buildpack generated. With another one all sessions, signed ids and encrypted cookies become "
            "invalid."
        ),
        todo=(
            "`heroku run -a APP -- printenv SECRET_KEY_BASE`, then give it in `migrate_secrets`; or "
            "`migrate_fetch_secret_key_base: true`, which does the same in a one-off dyno."
        ),
        text=(
            "it has no config var SECRET_KEY_BASE: the buildpack gives the running app one that no "
            "API shows. With another one every session, signed id and encrypted cookie becomes "
            "invalid."
        ),
        remedy=(
            "Read it with 'heroku run -a {app} -- printenv SECRET_KEY_BASE' and give it as a secret "
            "(in the role: migrate_secrets), or let the role do so (migrate_fetch_secret_key_base)."
        ),
        find=_no_key_base,
    ),
    Check(
        id="web-concurrency",
        level=WARN,
        urgency=AFTER,
        means="`WEB_CONCURRENCY` was chosen for a dyno's memory. It is copied.",
        todo="Choose it again for the Machines.",
        text="it sets WEB_CONCURRENCY, chosen for the memory of its dynos.",
        remedy="Choose it again for the memory and CPUs of the Machines.",
        find=lambda facts: _set("WEB_CONCURRENCY", facts),
    ),
)
