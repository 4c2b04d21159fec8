# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What Heroku's buildpacks do unasked and a Dockerfile must state: versions, variables, steps of the build."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import AFTER, INFO, WARN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import Hit, Rule

_PRODUCTION = "config/environments/production.rb"
# A version in package.json that means one major version or a minimum; other ranges are not judged.
_NODE_WANTED = re.compile(r"\s*(?P<least>>=)?\s*[v^~=]*\s*(?P<major>\d+)(?:\.[\dx*]+){0,2}\s*")
_MIGRATES = re.compile(r"\bdb:(?:migrate|prepare|setup)\b|bin/release|release-tasks")


def _in_dockerfile(app: App, pattern: str) -> tuple[str, int]:
    """Return the first version that O(pattern) finds in the Dockerfile, and its line; nothing if there is none."""
    found = re.search(pattern, app.dockerfile, re.MULTILINE)
    if not found:
        return "", 0
    return next(filter(None, found.groups())), app.dockerfile.count("\n", 0, found.start()) + 1


def _base(image: str, variable: str, version: str) -> str:
    return rf"^FROM\s+(?:--platform=\S+\s+)?(?:\S*/)?{image}:({version})|^ARG\s+{variable}=[\"']?({version})"


def _ruby(app: App) -> Iterator[Hit]:
    wanted = re.search(r"^RUBY VERSION\n\s+ruby (\d+\.\d+)", app.folder.text("Gemfile.lock"), re.MULTILINE)
    given, line = _in_dockerfile(app, _base("ruby", "RUBY_VERSION", r"\d+\.\d+"))
    if wanted and given and wanted[1] != given:
        yield Hit(app.dockerfile_path, line, {"given": given, "wanted": wanted[1]})


def _bundler(app: App) -> Iterator[Hit]:
    wanted = re.search(r"^BUNDLED WITH\n\s+(\d+)([.\d]*)", app.folder.text("Gemfile.lock"), re.MULTILINE)
    asked = r"\bgem\s+install\s+(?:[^\n&;]*\s)?bundler(?::|\s+(?:-v|--version)[ =]?)\s*[\"']?(\d+\.[.\d]+)"
    given, line = _in_dockerfile(app, rf"{asked}|^(?:ARG|ENV)\s+BUNDLER_VERSION[= ][\"']?(\d+\.[.\d]+)")
    # Within a major version Bundler switches to the one of the lock file by itself.
    if wanted and given and wanted[1] != given.partition(".")[0]:
        yield Hit(app.dockerfile_path, line, {"given": given, "wanted": wanted[1] + wanted[2]})


def _node(app: App) -> Iterator[Hit]:
    engines = app.folder.data("package.json").get("engines")
    wanted = str(engines.get("node") or "") if isinstance(engines, dict) else ""
    path = "package.json"
    for path in ("package.json", ".node-version", ".nvmrc"):
        wanted = wanted if path == "package.json" else app.folder.text(path).strip()
        if wanted:
            break
    asked = _NODE_WANTED.fullmatch(wanted)
    given, line = _in_dockerfile(app, _base("node", "NODE_VERSION", r"\d+"))
    if not asked or not given:
        return
    if int(given) < int(asked["major"]) or (int(given) != int(asked["major"]) and not asked["least"]):
        yield Hit(app.dockerfile_path, line, {"given": given, "wanted": wanted, "file": path})


def _python(app: App) -> Iterator[Hit]:
    path = next((name for name in (".python-version", "runtime.txt") if name in app.folder), "")
    wanted = re.match(r"\s*(?:python-)?(\d+\.\d+)", app.folder.text(path)) if path else None
    given, line = _in_dockerfile(app, _base("python", "PYTHON_VERSION", r"\d+\.\d+"))
    if wanted and given and wanted[1] != given:
        yield Hit(app.dockerfile_path, line, {"given": given, "wanted": wanted[1], "file": path})


def _switch(variable: str) -> str:
    return rf"\bENV(?:\[|\.(?:fetch|key\?|has_key\?)\(?)\s*[\"']{variable}[\"']"


def _switched_off(app: App, variable: str) -> Iterator[Hit]:
    """Yield settings of production that only a variable of Heroku's buildpack turns on."""
    path = _PRODUCTION
    # Images of buildpacks have the variable.
    given = not app.own_image or variable in app.heroku.config_names or variable in app.set_for_image
    code = app.folder.code(path) if path in app.folder and not given else ""
    found = re.search(_switch(variable), code)
    usual = rf"{_switch(variable)}(?:\s*,\s*(?:true|[\"'](?:true|1|enabled))|[^\n]*\|\|\s*(?!ENV\b))"
    if found and not re.search(usual, code):
        yield Hit(path, code.count("\n", 0, found.start()) + 1)


def _given(app: App, *names: str) -> bool:
    return any(name in app.heroku.config_names or name in app.set_for_image for name in names)


def _environment(app: App) -> Iterator[Hit]:
    """Yield a Dockerfile without the variable that makes the app run in production."""
    if not app.own_image:
        return
    line = app.dockerfile.count("\n", 0, app.dockerfile.rfind("FROM ")) + 1
    commands = " ".join(command for _line, command in app.procfile.values())
    if app.package("gem:railties", "gem:rails"):
        name, what = "RAILS_ENV", "Rails"
        said = _given(app, name, "RACK_ENV") or bool(re.search(r"RA(?:ILS|CK)_ENV=|-e production", commands))
    elif app.package("npm:express", "npm:koa", "npm:fastify"):
        name, what = "NODE_ENV", "Node.js"
        said = _given(app, name) or "NODE_ENV=" in commands + app.folder.text("package.json")
    else:
        return
    if not said:
        yield Hit(app.dockerfile_path, line, {"name": name, "what": what})


def _collectstatic(app: App) -> Iterator[Hit]:
    if not app.dockerfile or "pip:django" not in app.packages or "DISABLE_COLLECTSTATIC" in app.heroku.config_names:
        return
    scripts = [
        path for path in app.folder.files if path.endswith((".sh", "entrypoint", "Makefile", "Procfile", "fly.toml"))
    ]
    if any("collectstatic" in text for text in [app.dockerfile, *(app.folder.text(path) for path in scripts)]):
        return
    for path in app.code_files:
        if "STATIC_ROOT" in app.folder.text(path) and re.fullmatch(r"(?:.*/)?settings(?:/\w+)?\.py", path):
            found = re.search(r"^STATIC_ROOT\s*=\s*(?!None)", app.folder.code(path), re.MULTILINE)
            if found:
                yield Hit(path, app.folder.code(path).count("\n", 0, found.start()) + 1)
                return


def _gunicorn(app: App) -> Iterator[Hit]:
    if _given(app, "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS") or app.folder.matching("gunicorn*.py", "*/gunicorn*.py"):
        return
    for line, command in app.procfile.values():
        if re.search(r"\bgunicorn\b", command) and not re.search(r"\s(?:-w|--workers|-c|--config)\b", command):
            yield Hit("Procfile", line)


def _schema_dump(app: App) -> Iterator[Hit]:
    """Yield structure.sql that a migration dumps with pg_dump, which Heroku's stack has."""
    path = "config/application.rb"
    found = re.search(r"^\s*config\.active_record\.schema_format\s*=\s*:sql\b", app.folder.code(path), re.MULTILINE)
    off = re.search(r"dump_schema_after_migration\s*=\s*false", app.folder.code(_PRODUCTION) + app.folder.code(path))
    release = app.procfile.get("release", (0, ""))[1]
    client = re.search(r"postgresql(?:-client|\d|\b)", app.dockerfile)
    if found and not off and app.dockerfile and not client and _MIGRATES.search(release):
        yield Hit(path, app.folder.code(path).count("\n", 0, found.end()) + 1)


def _time_zones(app: App) -> Iterator[Hit]:
    last = re.findall(r"^FROM\s+(?:--platform=\S+\s+)?(\S+)", app.dockerfile, re.MULTILINE | re.IGNORECASE)
    given = "tzdata" in app.dockerfile or "gem:tzinfo-data" in app.packages
    if last and "alpine" in last[-1] and app.package("gem:rails", "gem:railties") and not given:
        yield Hit(app.dockerfile_path, app.dockerfile.count("\n", 0, app.dockerfile.rfind(last[-1])) + 1)


def _redis_family(app: App) -> Iterator[Hit]:
    """Yield an ioredis version that looks only for IPv4 addresses, unless it is told otherwise."""
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", app.packages.get("npm:ioredis", ""))
    if not version or tuple(map(int, version.groups())) >= (5, 8, 2):
        return
    for path in (path for path in app.code_files if app.languages[path] == "javascript"):
        code = app.folder.code(path) if "Redis(" in app.folder.text(path) else ""
        found = re.search(r"\bnew\s+(?:IO|Io)?[Rr]edis\(", code)
        if found and "family" not in code:
            yield Hit(path, code.count("\n", 0, found.start()) + 1, {"version": version[0]})


_VERSIONS = (
    ("ruby-version", "Ruby", "Gemfile.lock", "https://devcenter.heroku.com/articles/ruby-versions", _ruby),
    ("bundler-version", "Bundler", "Gemfile.lock", "https://bundler.io/guides/bundler_2_upgrade.html", _bundler),
    ("node-version", "Node.js", "{file}", "https://devcenter.heroku.com/articles/nodejs-support", _node),
    ("python-version", "Python", "{file}", "https://devcenter.heroku.com/articles/python-runtimes", _python),
)

RULES = (
    *(
        Rule(
            id=name,
            level=WARN,
            text=f"The Dockerfile installs {program} {{given}}; {file} asks for {{wanted}}.",
            remedy="Use the same version in both.",
            source=source,
            find=find,
        )
        for name, program, file, source, find in _VERSIONS
    ),
    Rule(
        id="production-env",
        level=WARN,
        text="Nothing sets {name}, so {what} runs in development mode. Heroku sets it to production.",
        remedy="Set {name} to production in the Dockerfile (ENV) or under [env] in fly.toml.",
        source="https://devcenter.heroku.com/articles/ruby-support-reference",
        find=_environment,
    ),
    Rule(
        id="collectstatic",
        level=WARN,
        text="Heroku's build runs collectstatic; the Dockerfile does not. CSS, JavaScript and images will be missing.",
        remedy="Add RUN python manage.py collectstatic --noinput to the Dockerfile.",
        source="https://devcenter.heroku.com/articles/django-assets",
        find=_collectstatic,
    ),
    Rule(
        id="gunicorn-workers",
        level=INFO,
        urgency=AFTER,
        text="Nothing says how many workers gunicorn starts. Heroku sets WEB_CONCURRENCY; without it there is one.",
        remedy="Set WEB_CONCURRENCY under [env] in fly.toml.",
        source="https://devcenter.heroku.com/articles/python-concurrency",
        find=_gunicorn,
    ),
    Rule(
        id="schema-dump",
        level=WARN,
        text="Migrations run pg_dump to write structure.sql. The Dockerfile does not install it, so the release fails.",
        remedy="Set config.active_record.dump_schema_after_migration to false, or install postgresql-client.",
        source="https://guides.rubyonrails.org/configuring.html#config-active-record-dump-schema-after-migration",
        find=_schema_dump,
    ),
    Rule(
        id="time-zones",
        level=WARN,
        text="Rails needs the system's time zones, which this Alpine image does not have.",
        remedy="Install tzdata with apk in the Dockerfile.",
        source="https://github.com/tzinfo/tzinfo/wiki/Resolving-TZInfo::DataSourceNotFound-Errors",
        find=_time_zones,
    ),
    Rule(
        id="redis-ipv4",
        level=WARN,
        text="ioredis {version} connects over IPv4. Redis on Fly's private network has only IPv6.",
        remedy="Update ioredis to 5.8.2 or newer, or pass family: 0.",
        source="https://github.com/directus/directus/issues/21659",
        find=_redis_family,
    ),
    Rule(
        id="static-files",
        level=WARN,
        text="Rails serves assets only with RAILS_SERVE_STATIC_FILES, which Heroku sets and Fly does not.",
        remedy="Set it under [env] in fly.toml or in the Dockerfile.",
        source="https://devcenter.heroku.com/articles/ruby-support-reference",
        find=lambda app: _switched_off(app, "RAILS_SERVE_STATIC_FILES"),
    ),
    Rule(
        id="log-to-stdout",
        level=WARN,
        text="Rails logs to a file unless RAILS_LOG_TO_STDOUT is set. Heroku sets it; Fly does not.",
        remedy="Set it under [env] in fly.toml or in the Dockerfile.",
        source="https://devcenter.heroku.com/articles/ruby-support-reference",
        find=lambda app: _switched_off(app, "RAILS_LOG_TO_STDOUT"),
    ),
)
