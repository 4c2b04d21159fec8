# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Environment variables that an app reads and that Heroku sets but Fly.io does not."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import AFTER, INFO, WARN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import (
    Hit,
    Rule,
)

_METADATA = (
    "HEROKU_APP_ID",
    "HEROKU_APP_NAME",
    "HEROKU_APP_DEFAULT_DOMAIN_NAME",
    "HEROKU_BRANCH",
    "HEROKU_BUILD_*",
    "HEROKU_DYNO_ID",
    "HEROKU_PARENT_APP_NAME",
    "HEROKU_PR_NUMBER",
    "HEROKU_RELEASE_*",
    "HEROKU_SLUG_*",
    "HEROKU_TEST_RUN_*",
)
_BUILD = ("SOURCE_VERSION", "STACK", "BUILD_DIR")
_DYNO = ("DYNO", "PS", "DYNO_RAM", "WEB_MEMORY", "MEMORY_AVAILABLE")
_REDIS = ("REDIS_TLS_URL", "REDIS_TEMPORARY_URL", "HEROKU_REDIS_*_URL", "HEROKU_REDIS_*_TLS_URL", "*_REDIS_TLS_URL")
_POSTGRES = ("HEROKU_POSTGRESQL_*", "DATABASE_CONNECTION_POOL_URL", "*_BASTIONS", "*_BASTION_KEY")
# Names that a framework, a gem or the platform reads, so that the app itself need not; and those that need no value.
_KNOWN = (
    *("AWS_*", "BUNDLE_*", "CLOUDINARY_*", "DATABASE_URL", "DD_*", "DISABLE_*", "EXECJS_*", "GEM_*", "GOOGLE_*"),
    *(
        "HONEYBADGER_*",
        "JEMALLOC_*",
        "JUDOSCALE_*",
        "LANG",
        "LANGUAGE",
        "LC_*",
        "LD_*",
        "MALLOC_*",
        "MEMCACHIER_*",
        "NEW_RELIC_*",
    ),
    *(
        "NODE_*",
        "NPM_*",
        "PATH",
        "PG*",
        "PIP_*",
        "PUMA_*",
        "PYTHON*",
        "RACK_*",
        "RAILS_*",
        "REDIS_URL",
        "ROLLBAR_*",
        "RUBY*",
    ),
    *(
        "SCOUT_*",
        "SECRET_KEY_BASE",
        "SENTRY_*",
        "SIDEKIQ_*",
        "SKYLIGHT_*",
        "TZ",
        "WEB_CONCURRENCY",
        "YARN_*",
        "DJANGO_*",
    ),
    *("APPSIGNAL_*", "BUGSNAG_*", "AIRBRAKE_*", "PORT", "APP_*", "LOG_*", "TIMBER_*", "LOGTAIL_*", "FONTCONFIG_*"),
)
# A Fly Machine does not have config vars of these classes.
_LEFT_BEHIND = ("platform", "excluded", "service")


def _left_behind(app: App) -> Iterator[Hit]:
    """Yield reads of config vars that stay behind and that no other rule names."""
    named = (*_METADATA, *_BUILD, *_DYNO, *_REDIS, *_POSTGRES, "PORT", "HOME", "PATH")
    for read in app.reads:
        entry = app.heroku.config_names.get(read.name, {})
        stays = entry.get("class") in _LEFT_BEHIND and "stays behind" in str(entry.get("reason", "")).lower()
        if stays and not any(fnmatchcase(read.name, glob) for glob in named):
            yield Hit(read.path, read.line, {"name": read.name})


def _not_given(app: App) -> Iterator[Hit]:
    """Yield names that the code requires and that no config var sets, if the config vars are known."""
    if not app.heroku.config_names:
        return
    known = (*_METADATA, *_BUILD, *_DYNO, *_REDIS, *_POSTGRES, *_KNOWN)
    for read in app.reads:
        given = read.name in app.heroku.config_names or read.name in app.set_for_image
        if read.required and not given and not any(fnmatchcase(read.name, glob) for glob in known):
            yield Hit(read.path, read.line, {"name": read.name})


def _not_read(app: App) -> Iterator[Hit]:
    """Yield one hit with all config vars that no file names, if the app's language is one that is read."""
    if not app.reads:
        return
    own = [name for name, entry in app.heroku.config_names.items() if entry.get("class") == "transfer"]
    rest = {name for name in own if not any(fnmatchcase(name, glob) for glob in _KNOWN)}
    rest -= {read.name for read in app.reads}
    for path in app.folder.files if rest else ():
        text = app.folder.text(path)
        rest = {name for name in rest if name not in text}
    if rest:
        yield Hit("", 0, {"names": ", ".join(sorted(rest))})


def _herokuapp(app: App) -> Iterator[Hit]:
    """Yield names below herokuapp.com in the code. The app's own names and those built from parts are warnings."""
    rule = Rule(
        "", WARN, "", "", "", pattern=r"(?<![\w@-])(?P<host>[\w.\\-]*\.?herokuapp\\?\.com)\b", hints=("herokuapp",)
    )
    pattern = rule.regexes()[1]
    if pattern is None:
        return
    for path in app.code_files:
        if path in ("app.json", "package.json", "composer.json") or "herokuapp" not in app.folder.text(path):
            continue
        code = app.folder.code(path)
        for found in pattern.finditer(code):
            # In a regular expression its dots are escaped.
            host = found["host"].replace("\\", "")
            own = host in app.heroku.hosts
            # A name built from parts is this app's, such as "https://#{name}.herokuapp.com" in its settings.
            built = host.startswith((".", "herokuapp")) and (path.startswith("config/") or "settings" in path)
            level = WARN if own or built else INFO
            yield Hit(path, code.count("\n", 0, found.start()) + 1, {"host": host.lstrip(".")}, level)


RULES = (
    Rule(
        id="env-dyno",
        level=WARN,
        text="This reads {name}, which only a dyno has.",
        remedy="Read FLY_MACHINE_ID or FLY_PROCESS_GROUP instead, or set {name} under [env] in fly.toml.",
        source="https://devcenter.heroku.com/articles/dynos#local-environment-variables",
        variables=_DYNO,
    ),
    Rule(
        id="env-heroku",
        level=WARN,
        text="This reads {name}, which Heroku sets and Fly does not.",
        remedy="Read FLY_APP_NAME, FLY_IMAGE_REF or FLY_MACHINE_VERSION instead, or set {name} as a secret.",
        source="https://devcenter.heroku.com/articles/dyno-metadata",
        variables=_METADATA,
    ),
    Rule(
        id="env-on-heroku",
        level=INFO,
        text="{name} tells this code that it runs on Heroku. If it is a config var, it is copied to Fly.",
        remedy="Check what depends on it. To leave {name} behind, name it in migrate_secrets_exclude.",
        source="docs/config_vars.md",
        variables=("ON_HEROKU", "IS_HEROKU", "HEROKU", "RUNNING_ON_HEROKU", "USE_HEROKU", "DEPLOYED_TO_HEROKU"),
    ),
    Rule(
        id="env-build",
        level=WARN,
        text="This reads {name}, which only Heroku's build sets.",
        remedy="Pass it as a build argument ([build.args] in fly.toml), or do without it.",
        source="https://devcenter.heroku.com/articles/buildpack-api",
        variables=_BUILD,
        files=r"(?!bin/(?:compile|detect|release)$).*",
    ),
    Rule(
        id="env-redis-url",
        level=WARN,
        text="This reads {name}, which stays behind: only the primary name gets the new URL.",
        remedy="Read REDIS_URL, or give {name} the new URL in migrate_secrets.",
        source="https://github.com/sidekiq/sidekiq/issues/3969",
        variables=_REDIS,
    ),
    Rule(
        id="env-postgres-url",
        level=WARN,
        text="This reads {name}, which stays behind: only the primary name gets the new URL.",
        remedy="Read DATABASE_URL, or give {name} the new URL in migrate_secrets.",
        source="https://devcenter.heroku.com/articles/managing-heroku-postgres-using-cli",
        variables=_POSTGRES,
    ),
    Rule(
        id="env-left-behind",
        level=WARN,
        text="This reads {name}, and that config var stays behind.",
        remedy="Read another name, or copy it with migrate_secrets_include or migrate_secrets.",
        source="docs/config_vars.md",
        find=_left_behind,
    ),
    Rule(
        id="env-not-given",
        level=INFO,
        text="This code requires {name}, and no config var sets it.",
        remedy="If it runs in production, set {name} in migrate_secrets or under [env] in fly.toml.",
        source="https://docs.ruby-lang.org/en/master/ENV.html",
        find=_not_given,
    ),
    Rule(
        id="env-not-read",
        level=INFO,
        urgency=AFTER,
        text="No file mentions these config vars: {names}. A gem may still read them.",
        remedy="Name those that nobody needs in migrate_secrets_exclude.",
        source="docs/config_vars.md",
        find=_not_read,
    ),
    Rule(
        id="herokuapp-host",
        level=WARN,
        text="The host name {host} is fixed here.",
        remedy="If it is this app's own, use its new host name, or read it from a variable.",
        source="https://devcenter.heroku.com/articles/custom-domains",
        find=_herokuapp,
    ),
)
