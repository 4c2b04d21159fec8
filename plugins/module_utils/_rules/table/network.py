# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How an app listens, and what it expects of the proxy in front of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import AFTER, DAY, INFO, WARN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import (
    CODE,
    ELIXIR,
    PYTHON,
    RUBY,
    Hit,
    Rule,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table.data import package_place

_SERVER_FILES = (
    r"(?:config/puma(?:/\w+)?\.rb|config/(?:unicorn|falcon)\w*\.rb|(?:\w+/)?gunicorn[\w.]*\.py|(?:\w+/)?Procfile)"
)
_NODE_SERVER = r"(?:(?:src|server|app|lib|bin)/)*(?:index|server|app|main|www)(?:\.[cm]?[jt]s)?"
_SSL = re.compile(
    r"^\s*(?:config\.force_ssl\s*=\s*true|SECURE_SSL_REDIRECT\s*=\s*True\b|force_ssl:\s*\[)", re.MULTILINE
)
_EXCLUDED = re.compile(
    r"^\s*(?:config\.ssl_options\s*=.*\b(?:exclude|redirect:\s*false)|SECURE_REDIRECT_EXEMPT|.*exclude:)", re.MULTILINE
)


def _checks(app: App) -> Iterator[Mapping[str, Any]]:
    services = app.fly_toml.get("services")
    tables = [app.fly_toml.get("http_service"), *(services if isinstance(services, list) else ())]
    for table in tables:
        for name in ("checks", "http_checks"):
            checks = table.get(name) if isinstance(table, Mapping) else None
            yield from (check for check in (checks if isinstance(checks, list) else ()) if isinstance(check, Mapping))
    named = app.fly_toml.get("checks")
    yield from (check for check in (named.values() if isinstance(named, Mapping) else ()) if isinstance(check, Mapping))


def _force_ssl(app: App) -> Iterator[Hit]:
    """Yield a redirect to HTTPS that makes a check in fly.toml fail, because it lacks the proxy's header."""
    plain = [
        check
        for check in _checks(app)
        if ("path" in check or check.get("type") == "http")
        and "x-forwarded-proto" not in str(check.get("headers")).lower()
        and check.get("protocol", "http") == "http"
    ]
    settings = ("config/environments/production.rb", "config/application.rb", "config/prod.exs", "config/runtime.exs")
    for path in [*settings, *(path for path in app.code_files if path.endswith("settings.py") or "/settings/" in path)]:
        code = app.folder.code(path) if plain and path in app.folder else ""
        found = _SSL.search(code)
        if found and not _EXCLUDED.search(code):
            at = found.end() - len(found[0].lstrip())
            yield Hit(path, code.count("\n", 0, at) + 1, {"check": str(plain[0].get("path", "/"))})


# What uses the address only if the code says so, and in which files: Rack::Attack may use a token instead.
_BY_ADDRESS_IN_CODE = (
    (
        "Rack::Attack",
        "Rack::Attack",
        r"(?:config|lib|app)/.*",
        re.compile(r"\bRack::Attack\b(?s:.*?)(?P<at>\b(?:req|request|r)\.(?:remote_)?ip\b|\bremote_ip\b|\|\| ip\b)"),
    ),
    ("Geocoder", "location", r"app/.*", re.compile(r"(?P<at>\brequest\.(?:safe_)?location\b)")),
    (
        "rate_limit",
        "rate_limit",
        r"app/controllers/.*",
        re.compile(r"^\s*(?P<at>rate_limit\s+to:)(?![^\n]*\bby:)", re.MULTILINE),
    ),
)
_BY_ADDRESS = {
    "gem:ahoy_matey": "Ahoy",
    "gem:authtrail": "AuthTrail",
    "gem:devise-security": "devise-security",
}


def _client_ip(app: App) -> Iterator[Hit]:
    """Yield Rails' remote_ip: a warning if the app limits or locates visitors by it."""
    if not app.package("gem:rails", "gem:railties"):
        return
    cured = re.compile(
        r"fly[-_]client[-_]ip|cf[-_]connecting[-_]ip|trusted_proxies|cloudflare-rails|fly-ruby", re.IGNORECASE
    )
    if any(cured.search(app.folder.code(path)) for path in app.folder.matching("config/*.rb", "Gemfile", "lib/*.rb")):
        return
    found = False
    for what, hint, files, pattern in _BY_ADDRESS_IN_CODE:
        for path in (path for path in app.code_files if path.endswith(".rb") and re.fullmatch(files, path)):
            match = pattern.search(app.folder.code(path)) if hint in app.folder.text(path) else None
            if match:
                found = True
                line = app.folder.code(path).count("\n", 0, match.start("at")) + 1
                yield Hit(path, line, {"what": f"{what} uses the visitor's address"}, WARN)
                break
    package = app.package(*_BY_ADDRESS)
    if package:
        words = {"what": f"{_BY_ADDRESS[package]} uses the visitor's address"}
        yield Hit(*package_place(app, package), words, WARN)
    elif not found:
        place = package_place(app, app.package("gem:rails", "gem:railties"))
        yield Hit(*place, {"what": "Rails reports the visitor's address as request.remote_ip"})


RULES = (
    Rule(
        id="bind-localhost",
        level=WARN,
        text="The server listens only on {host}, where Fly's proxy cannot reach it.",
        remedy="Listen on 0.0.0.0 or [::].",
        source="https://fly.io/docs/getting-started/troubleshooting/#host-checking",
        files=rf"{_SERVER_FILES}|{_NODE_SERVER}",
        pattern=(
            r"^(?!\s*(?:\w+_)?(?:dev|development|local|test)\w*:)"
            r"[^\n]*?(?P<at>(?:\bbind\s*[(=]?\s*[\"'](?:tcp|ssl)?(?:://)?|"
            r"(?:\s-b|--bind|--host|-h|\s-o)[ =](?:tcp://)?"
            r"|\.listen\([^,)\n]*,\s*[\"']|\blisten\s+[\"'])(?P<host>127\.0\.0\.1|localhost|\[::1\]))\b"
        ),
        hints=("127.0.0.1", "localhost", "::1"),
        unless_before=r"\b(?:development|test|dev)\b|if .*ENV\[",
    ),
    Rule(
        id="fixed-port",
        level=WARN,
        text="The server always listens on port {port} and ignores PORT.",
        remedy="Read PORT, or set internal_port to {port} (migrate_internal_port).",
        source="https://fly.io/docs/reference/configuration/#the-http_service-section",
        files=rf"config/puma\.rb|{_NODE_SERVER}",
        pattern=r"^\s*(?:port\s+[\"']?|(?:\w+\.)?(?:app|server)\.listen\(\s*[\"']?)(?P<port>\d{4,5})\b[\"']?\s*(?:$|[,)])",
        hints=("port", "listen"),
        unless=r"\bENV\b.*PORT|env\.PORT",
        unless_before=r"\b(?:development|test)\b",
    ),
    Rule(
        id="force-ssl-check",
        level=WARN,
        text="This redirects HTTP. fly.toml's check of {check} sends no X-Forwarded-Proto: it gets a 301 and fails.",
        remedy='Add X-Forwarded-Proto = "https" under headers of the check in fly.toml, or exclude its path here.',
        source="https://github.com/superfly/flyctl/issues/2475",
        find=_force_ssl,
    ),
    Rule(
        id="client-ip",
        level=INFO,
        text="{what}. On Fly, X-Forwarded-For ends in the proxy's address, which is the same for everyone.",
        remedy="Read the header Fly-Client-IP, or list Fly's addresses in config.action_dispatch.trusted_proxies.",
        source="https://github.com/modosc/cloudflare-rails/issues/72",
        find=_client_ip,
    ),
    Rule(
        id="forwarded-for",
        level=WARN,
        text="This takes the last address of X-Forwarded-For, which is that of Fly's proxy.",
        remedy="Read the header Fly-Client-IP instead.",
        source="https://fly.io/docs/networking/request-headers/",
        languages=CODE,
        pattern=(
            r"[\"'](?:HTTP_)?[Xx][-_][Ff](?:orwarded|ORWARDED)[-_](?:[Ff]or|FOR)[\"'][^\n]*"
            r"(?:\.last\b|\[-\d|\.pop\b|\.at\(-|rpartition|rsplit|List\.last)"
        ),
        hints=("orwarded", "ORWARDED"),
        unless=r"(?i)fly[-_]client[-_]ip",
    ),
    Rule(
        id="heroku-header",
        level=WARN,
        text="This reads {header}, which only Heroku's router sends.",
        remedy="Fly's proxy sends Fly-Client-IP, Fly-Region and Fly-Request-Id instead.",
        source="https://devcenter.heroku.com/articles/http-routing#heroku-headers",
        languages=CODE,
        pattern=r"[\"'](?P<header>(?:HTTP_X_HEROKU_\w+|[Xx]-[Hh]eroku-[\w-]+))[\"']",
        hints=("eroku-", "X_HEROKU_"),
    ),
    Rule(
        id="request-start",
        level=WARN,
        urgency=AFTER,
        text="This reads {header}. Heroku's router sends it, in milliseconds; Fly does not document it.",
        remedy="Do without it, or use the metrics of Fly's proxy.",
        source="https://fly.io/docs/networking/request-headers/",
        languages=CODE,
        pattern=r"[\"'](?P<header>HTTP_X_REQUEST_START|[Xx]-[Rr]equest-[Ss]tart)[\"']",
        hints=("equest-", "X_REQUEST_START"),
        once=True,
    ),
    Rule(
        id="host-list",
        level=WARN,
        urgency=DAY,
        text="The app answers only the hosts listed here. Its fly.dev name and Fly's checks are not among them.",
        remedy="Add the fly.dev name, at least for the rehearsal, and exclude the path of the check.",
        source="https://fly.io/docs/rails/getting-started/existing/",
        files=r"config/environments/production\.rb|config/application\.rb|config/initializers/\w*hosts?\w*\.rb",
        pattern=r"^\s*(?:Rails\.application\.)?config\.hosts\s*(?:=\s*(?!nil)|<<|\.(?:push|concat|append))",
        hints=("config.hosts",),
        unless=r"fly\.dev|config\.hosts(?:\.clear|\s*=\s*nil)",
        unless_before=r"\b(?:development|test)\?|local\?",
        once=True,
    ),
    Rule(
        id="allowed-hosts",
        level=WARN,
        urgency=DAY,
        text="ALLOWED_HOSTS does not list the app's fly.dev name.",
        remedy="Add it, or read the list from a variable.",
        source="https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts",
        languages=(PYTHON,),
        files=r"(?:.*/)?(?:settings|settings/(?:base|common|production|prod|heroku)|config/\w+)\.py",
        pattern=r"^[ \t]*ALLOWED_HOSTS(?::[^=\n]+)?\s*=\s*\[(?=[^\]]*[\"'])"
        r"(?![^\]]*(?:[\"']\*[\"']|environ|env|fly\.dev))",
        hints=("ALLOWED_HOSTS",),
        unless=r"ALLOWED_HOSTS\s*(?:\+=|\.(?:append|extend))|ALLOWED_HOSTS.*env",
    ),
    Rule(
        id="check-origin",
        level=WARN,
        urgency=DAY,
        text="check_origin lists who may open a WebSocket. The app's fly.dev name is not among them.",
        remedy="Add it, or read the list from a variable.",
        source="https://hexdocs.pm/phoenix/Phoenix.Endpoint.html",
        languages=(ELIXIR,),
        files=r"config/(?:prod|runtime|releases|config)\.exs",
        pattern=r"check_origin:\s*\[(?=[^\]]*\")(?![^\]]*fly\.dev)",
        hints=("check_origin",),
    ),
    Rule(
        id="cable-origins",
        level=WARN,
        urgency=DAY,
        text="Action Cable accepts only the origins listed here. The app's fly.dev name is not among them.",
        remedy="Add it, or read the list from a variable.",
        source="https://guides.rubyonrails.org/action_cable_overview.html#allowed-request-origins",
        files=r"config/environments/production\.rb|config/application\.rb|config/initializers/\w*cable\w*\.rb",
        pattern=r"^\s*config\.action_cable\.allowed_request_origins\s*=\s*\[(?=[^\]]*[\"'/])(?![^\]]*(?:fly\.dev|ENV|//\.?\*))",
        hints=("allowed_request_origins",),
    ),
    Rule(
        id="ecto-ipv6",
        level=WARN,
        text="The repository connects over IPv4. The database is on Fly's private network, which has only IPv6.",
        remedy="Add socket_options: [:inet6] to its configuration.",
        source="https://fly.io/docs/elixir/getting-started/",
        languages=(ELIXIR,),
        files=r"config/(?:prod|runtime|releases)\.exs",
        pattern=r"^\s*config\s+:\w+,\s*[\w.]*\.?Repo\b",
        hints=("Repo",),
        unless=r":inet6",
        once=True,
    ),
    Rule(
        id="router-timeout",
        level=INFO,
        urgency=AFTER,
        text="This sets Rack::Timeout to fit Heroku's router, which ends a request after 30 seconds.",
        remedy="Fly's proxy has no such limit. Keep the numbers, or choose new ones.",
        source="https://devcenter.heroku.com/articles/request-timeout",
        languages=(RUBY,),
        pattern=(
            r"(?<!defined\?\()(?<!defined\? )\bRack::Timeout(?=\s*(?:,|\)|$)|\.\w*(?:timeout|overtime)\s*=)"
            r"|\bRACK_TIMEOUT_\w+"
        ),
        hints=("Rack::Timeout", "RACK_TIMEOUT_"),
        once=True,
    ),
)
