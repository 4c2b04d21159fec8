# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people met after they had moved from Heroku to Fly.io, and that it is told before.

Each report has a test at the lowest height that proves it: here those about the source, elsewhere the others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_source_info

TESTS = Path(__file__).parents[3]
# Where the report is, and the file and test that prove the right behaviour.
ELSEWHERE = {
    "heroku-buildpack-multi-procfile#3": ("unit/plugins/modules/test_heroku_source_info.py", "what_heroku_runs"),
    "the slug's commit": ("unit/plugins/module_utils/_rules/test_folder.py", "other-commit"),
    "scihist_digicoll#919, buildpacks": ("unit/plugins/modules/test_heroku_app_info.py", "beside_a_dockerfile"),
    "sidekiq#444, #3969": ("unit/plugins/modules/test_heroku_app_info.py", "a_value_that_names_a_variable"),
    "activerecord-postgis-adapter#174": ("unit/plugins/module_utils/_heroku/test_ownership.py", "keeps_the_scheme"),
    "sidekiq#4346": ("unit/plugins/modules/test_heroku_app_info.py", "more_connections"),
    "dockerfile-rails#40": ("unit/plugins/modules/test_heroku_app_info.py", "variables_of_the_build"),
    "weron#2": ("unit/plugins/modules/test_heroku_app_info.py", "tls_demanded"),
    "rails#33478": ("unit/plugins/module_utils/_rules/test_folder.py", "secret-files"),
    "openproject#18193": ("services/test_redis_transfer.py", "eviction_of_either_side"),
    "dawarich#1394": ("services/test_redis_transfer.py", "databases_are_copied"),
    "search_path of a copy": ("services/schemas/search_path.sql", "search_path"),
    "jellypbc/poster#481": ("services/test_pg_transfer.py", "settings_of_the_database_come_along"),
    "lexorank#6": ("services/test_pg_reported.py", "another_order_of_text"),
    "pgcopydb#174": ("services/test_pg_reported.py", "extensions_that_nothing_uses"),
    "dandi-archive#1888": ("unit/plugins/module_utils/_pg/test_sql_errors.py", "could not create locale"),
    "an audit that ends in its report": ("playbooks/test_findings.py", "in_one_message_after_the_report"),
}


@pytest.mark.parametrize("report", sorted(ELSEWHERE))
def test_a_report_has_its_test(report: str) -> None:
    path, name = ELSEWHERE[report]
    assert name in (TESTS / path).read_text(encoding="utf-8")


@pytest.fixture
def find(run_module: Any, tmp_path: Path) -> Any:
    """Return a function that writes files, runs the module and gives its findings by id: level, place, text."""

    def found(files: dict[str, str], **options: Any) -> dict[str, list[tuple[str, str, str]]]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        rows: dict[str, list[tuple[str, str, str]]] = {}
        for row in run_module(heroku_source_info, {"source_dir": str(tmp_path), **options})["findings"]:
            place = f"{row.get('path', '')}:{row.get('line', 0)}"
            rows.setdefault(row["id"], []).append((row["level"], place, row["text"]))
        return rows

    return found


RAILS = {"Gemfile": "gem 'rails'\n", "Gemfile.lock": "GEM\n  specs:\n    rails (8.0.1)\n"}
IMAGE = {"Dockerfile": "FROM ruby:3.4\nENV RAILS_ENV=production\n"}


def test_commands_and_packages_that_only_buildpacks_bring(find: Any) -> None:
    """heroku-buildpack-pgbouncer#177, scihist_digicoll#919: also where a Dockerfile builds the image."""
    procfile = (
        "web: bin/start-pgbouncer bundle exec puma -C config/puma.rb\nworker: jemalloc.sh bundle exec sidekiq -c 25\n"
    )
    files = {**IMAGE, "Procfile": procfile, "Aptfile": "ffmpeg\n"}
    found = find(files)
    assert [(level, place) for level, place, _text in found["buildpack-helper"]] == [
        ("warn", "Procfile:1"),
        ("warn", "Procfile:2"),
    ]
    assert [place for _level, place, _text in found["aptfile-package"]] == ["Aptfile:1"]
    found = find({**files, "Dockerfile": IMAGE["Dockerfile"] + "RUN apt-get install -y ffmpeg\n"})
    assert "aptfile-package" not in found


def test_heroku_yml_and_no_procfile(find: Any) -> None:
    """errbit#2320."""
    text = "run:\n  web: bundle exec puma -p $PORT\n  worker:\n    image: worker\n    command: [bundle exec sidekiq]\n"
    ((level, place, _text),) = find({"heroku.yml": text})["heroku-yml"]
    assert (level, place) == ("warn", "heroku.yml:1")


def test_a_check_that_is_redirected(find: Any) -> None:
    """flyctl#2475: the deploy only says that it ran out of time."""
    files = {
        **RAILS,
        "config/environments/production.rb": "Rails.application.configure do\n  config.force_ssl = true\nend\n",
        "fly.toml": "[http_service]\n  internal_port = 3000\n  [[http_service.checks]]\n    path = '/up'\n",
    }
    ((level, place, text),) = find(files)["force-ssl-check"]
    assert (level, place) == ("warn", "config/environments/production.rb:2")
    assert "/up" in text and "301" in text
    headers = "    [http_service.checks.headers]\n      X-Forwarded-Proto = 'https'\n"
    assert "force-ssl-check" not in find({**files, "fly.toml": files["fly.toml"] + headers})


def test_the_visitors_address_is_the_same_for_everybody(find: Any) -> None:
    """cloudflare-rails#72: worse where the app limits visitors by it."""
    ((level, place, _text),) = find(RAILS)["client-ip"]
    assert (level, place) == ("info", "Gemfile:1")
    limits = {
        "config/initializers/rack_attack.rb": "Rack::Attack.throttle('all', limit: 9, period: 9) { |req| req.ip }\n"
    }
    ((level, place, _text),) = find({**RAILS, **limits})["client-ip"]
    assert (level, place) == ("warn", "config/initializers/rack_attack.rb:1")
    cure = {"config/application.rb": "config.action_dispatch.trusted_proxies = FLY\n"}
    assert "client-ip" not in find({**RAILS, **limits, **cure})


def test_jobs_in_a_redis_billed_by_request_and_sessions_through_a_pooler(find: Any) -> None:
    """good_job#1417."""
    lock = "GEM\n  specs:\n    good_job (4.5.0)\n    sidekiq (7.3.7)\n"
    found = find({"Gemfile": "gem 'sidekiq'\ngem 'good_job'\n", "Gemfile.lock": lock})
    assert [(level, place) for level, place, _text in found["redis-billed"]] == [("info", "Gemfile:1")]
    ((level, place, text),) = found["postgres-session"]
    assert (level, place) == ("info", "Gemfile:2")
    assert re.search(r"good_job .* need the direct URL", text)
