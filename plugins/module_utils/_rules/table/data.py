# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How an app talks to Postgres and Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import AFTER, INFO, WARN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import (
    CODE,
    JAVASCRIPT,
    PYTHON,
    RUBY,
    Hit,
    Rule,
)

_REDIS_NEAR = re.compile(r"redis|sidekiq|resque|rack[-_]?attack|flipper", re.IGNORECASE)
_OTHERS_NEAR = re.compile(r"\bsmtp|action_mailer|Net::HTTP|faraday|ldap|elasticsearch", re.IGNORECASE)
_NO_VERIFY = re.compile(r"\bSSL::VERIFY_NONE\b(?!.*VERIFY_PEER)|verify_mode:\s*0\b")
_NODE_POSTGRES = re.compile(
    r"\bnew\s+(?:\w+\.)?(?:Pool|Client|Sequelize)\([^;]{0,400}?\bssl:\s*(?:true\b|\{\s*(?:require|rejectUnauthorized))"
)
_DATABASE = r"config/(?:database\.yml(?:\.erb)?|application\.rb|environments/production\.rb|initializers/[\w/]+\.rb)"
_SESSION = {
    "gem:good_job": "good_job waits for jobs with LISTEN and holds advisory locks",
    "gem:que": "que holds advisory locks and waits with LISTEN",
    "gem:with_advisory_lock": "with_advisory_lock holds locks of a session",
    "gem:apartment": "apartment sets search_path for each tenant",
    "gem:ros-apartment": "apartment sets search_path for each tenant",
    "gem:queue_classic": "queue_classic waits for jobs with LISTEN",
    "hex:oban": "Oban waits for jobs with LISTEN",
    "npm:pg-boss": "pg-boss holds locks of a session",
    "npm:graphile-worker": "graphile-worker waits for jobs with LISTEN",
    "pip:procrastinate": "procrastinate waits for jobs with LISTEN",
    "pip:channels-postgres": "channels_postgres waits for messages with LISTEN",
}
# The same in the app's own code. Locks within a transaction (pg_advisory_xact_lock) and NOTIFY need no session.
_SESSION_CODE = {
    "An advisory lock is held from one statement to the next here": re.compile(
        r"\bpg_(?:try_)?advisory_lock(?:_shared)?\b"
    ),
    "Notifications are waited for here (LISTEN)": re.compile(
        r"\bwait_for_notify\b|[\"'`]LISTEN\s+[\w\"#$]|\bPostgrex\.Notifications\b|\bsubscribe_to_postgres_notifications\b"
    ),
    "search_path is set for the session here": re.compile(
        r"(?<!@)\bschema_search_path\s*=(?!=)|[\"'`](?i:SET\s+(?:SESSION\s+)?search_path\b)"
    ),
}
_SESSION_HINTS = ("advisory_lock", "LISTEN", "wait_for_notify", "Notifications", "search_path")
# What these find needs connections that nobody else uses in between: the direct URL of the cluster.
NEEDS_DIRECT = ("postgres-session", "postgres-settings")
_DIRECT_REMEDY = (
    "With migrate_postgres_pooled: auto they get it. The pooler in session mode, which is Fly's default, works too, "
    "but shares no connection then."
)
_MANIFESTS = {
    "gem": "Gemfile",
    "hex": "mix.exs",
    "npm": "package.json",
    "pip": "requirements.txt",
    "composer": "composer.json",
}


def package_place(app: App, package: str) -> tuple[str, int]:
    """Return the file and line that requires a package."""
    kind, _colon, name = package.partition(":")
    path = _MANIFESTS[kind]
    if kind == "gem" and name not in app.folder.text(path):
        path = "Gemfile.lock"
    if path not in app.folder:
        path = next((other for other in ("pyproject.toml", "uv.lock", "Pipfile") if other in app.folder), path)
    code = app.folder.code(path)
    asked = re.search(rf"^\s*gem[ (]+[\"']{re.escape(name)}[\"']", code, re.MULTILINE) if path == "Gemfile" else None
    if asked:
        return path, code.count("\n", 0, asked.end()) + 1
    quoted = next((text for text in (f'"{name}"', f"'{name}'", name) if text in code), name)
    return path, app.line(path, quoted)


def _sessions(app: App) -> Iterator[Hit]:
    for package, what in _SESSION.items():
        if package in app.packages:
            yield Hit(*package_place(app, package), {"what": what})
    cable, start = app.block("config/cable.yml", "production:")
    adapter = re.search(r"^[ \t]+(?P<at>adapter:\s*postgresql)", cable, re.MULTILINE)
    if adapter:
        line = app.folder.code("config/cable.yml").count("\n", 0, start + adapter.start("at")) + 1
        yield Hit("config/cable.yml", line, {"what": "Action Cable waits for messages with LISTEN"})
    for path in (path for path in app.code_files if app.languages[path] in CODE):
        if not any(hint in app.folder.text(path) for hint in _SESSION_HINTS):
            continue
        code = app.folder.code(path)
        for what, pattern in _SESSION_CODE.items():
            match = pattern.search(code)
            if match:
                yield Hit(path, code.count("\n", 0, match.start()) + 1, {"what": what})


def _verify_none(app: App) -> Iterator[Hit]:
    """Yield the places that do not verify a certificate, where the file or the lines before are about Redis."""
    for path in app.folder.matching("config/*.rb", "config/*.yml", "app/*.rb", "lib/*.rb"):
        if app.languages.get(path) is None or not _NO_VERIFY.search(app.folder.text(path)):
            continue
        lines = app.folder.code(path).split("\n")
        for number, line in enumerate(lines, 1):
            near = "\n".join(lines[max(0, number - 12) : number])
            about = _REDIS_NEAR.search(path) or _REDIS_NEAR.search(near)
            if (
                _NO_VERIFY.search(line)
                and about
                and not _OTHERS_NEAR.search("\n".join(lines[max(0, number - 5) : number]))
            ):
                yield Hit(path, number)


def _node_tls(app: App) -> Iterator[Hit]:
    if not app.package("npm:pg", "npm:sequelize"):
        return
    for path in (path for path in app.code_files if app.languages[path] == JAVASCRIPT):
        code = app.folder.code(path) if "ssl:" in app.folder.text(path) else ""
        for found in _NODE_POSTGRES.finditer(code):
            yield Hit(path, code.count("\n", 0, code.rfind("ssl:", 0, found.end())) + 1)


def _billed(app: App) -> Iterator[Hit]:
    package = app.package("gem:sidekiq", "gem:resque", "npm:bullmq", "npm:bull", "pip:celery")
    if package:
        yield Hit(*package_place(app, package), {"name": package.partition(":")[2]})


def _shared(app: App) -> Iterator[Hit]:
    """Yield a cache store that uses the jobs' Redis."""
    if not app.package("gem:sidekiq", "gem:resque"):
        return
    for path in ("config/environments/production.rb", "config/application.rb"):
        code = app.folder.code(path) if path in app.folder else ""
        found = re.search(
            r"^\s*config\.cache_store\s*=\s*:redis_(?:cache_)?store\b([^\n]*\n[^\n]*)", code, re.MULTILINE
        )
        # Another variable may well name another Redis.
        if found and (re.search(r"[\"']REDIS_URL[\"']", found[1]) or not found[1].partition("\n")[0].strip()):
            yield Hit(path, code.count("\n", 0, found.end() - len(found[0].lstrip())) + 1)


RULES = (
    Rule(
        id="redis-verify-none",
        level=WARN,
        urgency=AFTER,
        text="This skips the check of Redis' certificate, as Heroku's needs. The new URL does not use TLS.",
        remedy="Remove it: redis:// does not need it.",
        source="https://devcenter.heroku.com/articles/connecting-heroku-redis",
        find=_verify_none,
    ),
    Rule(
        id="redis-tls-forced",
        level=WARN,
        text="This demands TLS of Redis whatever the URL says. The new URL is redis://, without TLS.",
        remedy="Let the scheme of the URL decide: rediss:// means TLS.",
        source="https://devcenter.heroku.com/articles/connecting-heroku-redis",
        languages=(*CODE, "hash"),
        pattern=(
            r"\bnew\s+(?:IO)?Redis\([^;]{0,200}?(?P<at>\btls:\s*\{)|\bcreateClient\([^;]{0,200}?(?P<at2>\btls:\s*true)"
            r"|[\"']?ssl_cert_reqs[\"']?\s*[:=]|^\s*(?:config\.)?redis\s*=\s*\{[^}]*\bssl:\s*true"
        ),
        hints=("tls:", "ssl_cert_reqs", "ssl: true"),
        unless_before=r"rediss|startswith|startsWith|NODE_ENV|\?\s*\{",
    ),
    Rule(
        id="redis-command",
        level=WARN,
        text="This sends CONFIG {word} to Redis. Upstash does not support it.",
        remedy="Remove it, or use a Redis of your own (migrate_redis_url).",
        source="https://upstash.com/docs/redis/overall/rediscompatibility",
        languages=(RUBY, JAVASCRIPT, PYTHON),
        pattern=r"\b(?:redis|\$redis|conn|client)\w*\.(?:config\(\s*[:\"'](?P<word>get|set|GET|SET)|config_(?P<word2>get|set)\()",
        hints=(".config",),
    ),
    Rule(
        id="redis-billed",
        level=INFO,
        urgency=AFTER,
        text="{name} asks Redis for work all day. A plan that is billed by request counts every time.",
        remedy="Choose an Upstash plan with a fixed price (migrate_redis_plan).",
        source="https://fly.io/docs/upstash/redis/",
        find=_billed,
    ),
    Rule(
        id="redis-shared",
        level=INFO,
        text="Cache and jobs share one Redis. A cache may evict keys; a queue must not.",
        remedy="Keep migrate_redis_eviction off and let cache entries expire, or give the cache its own Redis.",
        source="https://github.com/sidekiq/sidekiq/wiki/Using-Redis",
        find=_shared,
    ),
    Rule(
        id="postgres-tls-forced",
        level=WARN,
        text="This demands TLS of Postgres. A Postgres on Fly's private network may not offer it.",
        remedy="Let the URL decide: add sslmode to its query where you want TLS.",
        source="https://github.com/kellegous/weron/issues/2",
        languages=(*CODE, "hash"),
        files=r"(?:.*/)?(?:config/database\.yml(?:\.erb)?|settings[\w/]*\.py|(?:knexfile|ormconfig|data-source)\.[jt]s|"
        r"config/(?:config|database)\.(?:js|ts|json|php)|(?:db|database)/(?:index|config)\.[jt]s|config/(?:prod|runtime)\.exs)",
        pattern=(
            r"^\s*sslmode:\s*[\"']?(?:require|verify-ca|verify-full)|\bssl_require\s*=\s*True|"
            r"[\"']sslmode[\"']\s*(?::|=>)\s*[\"'](?:require|verify)|\bssl:\s*(?:true\b|\{)"
        ),
        hints=("ssl",),
        unless_before=r"\b(?:development|test)\b|MYSQL|fetch\(",
        find=_node_tls,
    ),
    Rule(
        id="django-heroku",
        level=WARN,
        text="django-heroku configures the app for Heroku: TLS for DATABASE_URL, ALLOWED_HOSTS, logging.",
        remedy="Replace it with dj-database-url and WhiteNoise.",
        source="https://github.com/heroku/django-heroku",
        languages=(PYTHON,),
        pattern=r"^\s*django_(?:on_)?heroku\.settings\(",
        hints=("heroku",),
    ),
    Rule(
        id="postgres-session",
        level=INFO,
        text="{what}. The app and its release command need the direct URL of Postgres, not the pooled one.",
        remedy=_DIRECT_REMEDY,
        source="https://github.com/bensheldon/good_job/issues/1417",
        find=_sessions,
    ),
    Rule(
        id="postgres-settings",
        level=INFO,
        text="This changes settings of the connection ({what}). A pooler may lose them: it needs the direct URL.",
        remedy=_DIRECT_REMEDY,
        source="https://fly.io/docs/mpg/client-configuration/",
        files=r"config/database\.yml(?:\.erb)?|(?:.*/)?settings(?:/\w+)?\.py",
        pattern=(
            r"^\s+(?P<what>variables|schema_search_path|search_path|options(?=:\s*[\"']?-c)):"
            r"|[\"'](?P<what2>options)[\"']\s*:\s*[\"']-c"
        ),
        hints=("variables", "search_path", "options"),
        unless_before=r"^\s*(?:development|test)\b",
        once=True,
    ),
    Rule(
        id="heroku-ext",
        level=WARN,
        text="This names the schema heroku_ext, which only Heroku has.",
        remedy="Name the extension without a schema. The copy puts extensions where they are on Heroku.",
        source="https://devcenter.heroku.com/changelog-items/2446",
        files=r"(?:config|lib|app|db/structure|db/schema).*\.(?:rb|yml|sql|rake)",
        pattern=r"\bheroku_ext\b",
        hints=("heroku_ext",),
        once=True,
    ),
)
