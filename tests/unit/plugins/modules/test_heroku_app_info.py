# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_app_info

PATH = "/apps/paper-crane"
ARGS = {"heroku_api_key": "HRKU-canary", "app": "paper-crane"}
APP = {
    "name": "paper-crane",
    "id": "01234567-89ab-cdef-0123-456789abcdef",
    "maintenance": False,
    "generation": {"name": "cedar"},
    "region": {"name": "eu"},
    "stack": {"name": "heroku-24"},
    "web_url": "https://paper-crane-0123456789ab.herokuapp.com/",
    "space": None,
    "buildpack_provided_description": "Ruby",
}
CONFIG = {
    "DATABASE_URL": "postgres://u:pw-canary-1@ec2-1.compute-1.amazonaws.com:5432/d",
    "REDIS_URL": "rediss://:pw-canary-2@ec2-2.compute-1.amazonaws.com:6380",
    "SECRET_KEY_BASE": "canary-base",
}
ADDONS = {"pg-1": ("heroku-postgresql:standard-0", "DATABASE"), "kv-1": ("heroku-redis:premium-0", "REDIS")}


class Heroku:
    """A Heroku app as its API describes it; each test changes its subject."""

    def __init__(self) -> None:
        self.app: dict[str, Any] = dict(APP)
        self.config: dict[str, str] = dict(CONFIG)
        self.addons: list[dict[str, Any]] = []
        self.attachments: list[dict[str, Any]] = []
        for name, (plan, attached_as) in ADDONS.items():
            self.add(name, plan, attached_as, [f"{attached_as}_URL"])
        self.process_types = {"web": "puma", "worker": "sidekiq"}
        self.release: dict[str, Any] = {"version": 42, "status": "succeeded", "slug": {"id": "slug-1"}}
        self.formation = [{"type": "web", "quantity": 2, "size": "Standard-1X", "command": "puma", "id": "f-1"}]
        self.features: list[dict[str, Any]] = [{"name": "preboot", "enabled": False}]
        self.log_drains: list[dict[str, Any]] = []
        self.buildpacks = [{"ordinal": 0, "buildpack": {"name": "heroku/ruby", "url": "urn:buildpack:heroku/ruby"}}]
        self.attached_elsewhere: dict[str, list[str]] = {}

    def add(
        self,
        name: str,
        plan: str,
        attached_as: str,
        config_vars: list[str],
        owner: str = "paper-crane",
        namespace: str | None = None,
    ) -> None:
        addon = {"name": name, "plan": {"name": plan}, "app": {"name": owner}}
        if not any(known["name"] == name for known in self.addons):
            service = {"name": plan.split(":")[0]}
            self.addons.append(
                {**addon, "addon_service": service, "state": "provisioned", "config_vars": list(config_vars)}
            )
        self.attachments.append(
            {
                "name": attached_as,
                "namespace": namespace,
                "app": {"name": "paper-crane"},
                "addon": addon,
                "config_vars": config_vars,
            }
        )

    def expect(self, http: Any) -> None:
        """Queue every request that the module may send."""
        http.expect("GET", PATH, self.app)
        http.expect("GET", f"{PATH}/releases", [self.release] if self.release else [])
        http.expect("GET", f"{PATH}/formation", self.formation)
        http.expect("GET", f"{PATH}/addons", self.addons)
        http.expect("GET", f"{PATH}/addon-attachments", self.attachments)
        http.expect("GET", f"{PATH}/config-vars", self.config)
        if self.release.get("slug"):
            http.expect("GET", f"{PATH}/slugs/slug-1", {"process_types": self.process_types, "commit": "c0ffee"})
        domain = {"hostname": "www.example.com", "kind": "custom", "cname": "x.herokudns.com", "status": "succeeded"}
        http.expect(
            "GET", f"{PATH}/domains", [domain, {"hostname": "x.herokuapp.com", "kind": "heroku", "cname": None}]
        )
        http.expect("GET", f"{PATH}/features", self.features)
        http.expect("GET", f"{PATH}/log-drains", self.log_drains)
        http.expect("GET", f"{PATH}/buildpack-installations", self.buildpacks)
        for name in ("pg-1", "kv-1"):
            if any(entry["name"] == name and entry["app"]["name"] == "paper-crane" for entry in self.addons):
                apps = ["paper-crane", *self.attached_elsewhere.get(name, [])]
                http.expect("GET", f"/addons/{name}/addon-attachments", [{"app": {"name": app}} for app in apps])


@pytest.fixture
def heroku() -> Heroku:
    return Heroku()


@pytest.fixture
def find(http: Any, run_module: Any, heroku: Heroku) -> Any:
    """Return a function that runs the module and gives its findings by id."""

    def found(**options: Any) -> dict[str, dict[str, str]]:
        heroku.expect(http)
        result = run_module(heroku_app_info, {**ARGS, **options})
        assert "findings" in result, result.get("msg")
        assert "canary" not in str(result)
        return {finding["id"]: finding for finding in result["findings"]}

    return found


def test_inventory(http: Any, run_module: Any, heroku: Heroku) -> None:
    heroku.expect(http)
    result = run_module(heroku_app_info, ARGS, check_mode=True)
    assert len(http.sent) == 13
    assert {method for method, _path in http.sent} == {"GET"}
    assert result["changed"] is False
    assert result["app"] == {
        "name": "paper-crane",
        "id": APP["id"],
        "region": "eu",
        "stack": "heroku-24",
        "generation": "cedar",
        "maintenance": False,
        "buildpacks": ["heroku/ruby"],
        "web_url": APP["web_url"],
        "space": "",
    }
    assert result["formation"] == [{"type": "web", "quantity": 2, "size": "Standard-1X", "command": "puma"}]
    assert result["slug_commit"] == "c0ffee"
    assert result["process_types"] == {"web": "puma", "worker": "sidekiq"}
    assert result["addons"][0] == {
        "name": "pg-1",
        "service": "heroku-postgresql",
        "plan": "heroku-postgresql:standard-0",
        "state": "provisioned",
        "config_vars": ["DATABASE_URL"],
        "app": "paper-crane",
    }
    assert result["services"] == [
        {
            "kind": "postgres",
            "addon": "pg-1",
            "plan": "heroku-postgresql:standard-0",
            "names": ["DATABASE_URL"],
            "primary": "DATABASE_URL",
            "shared_from": "",
        },
        {
            "kind": "redis",
            "addon": "kv-1",
            "plan": "heroku-redis:premium-0",
            "names": ["REDIS_URL"],
            "primary": "REDIS_URL",
            "shared_from": "",
        },
    ]
    assert {name: entry["class"] for name, entry in result["config_names"].items()} == {
        "DATABASE_URL": "service",
        "REDIS_URL": "service",
        "SECRET_KEY_BASE": "transfer",
    }
    assert result["domains"] == [
        {"hostname": "www.example.com", "kind": "custom", "cname": "x.herokudns.com", "status": "succeeded"},
        {"hostname": "x.herokuapp.com", "kind": "heroku", "cname": "", "status": ""},
    ]
    assert (result["release_version"], result["builder"]) == (42, "heroku/builder:24")
    assert {finding["id"] for finding in result["findings"]} == {"hidden-defaults", "tls-redis-code"}
    assert "canary" not in str(result)


def test_number_of_requests_does_not_grow_with_addons(http: Any, run_module: Any, heroku: Heroku) -> None:
    for number in range(30):
        heroku.add(f"mail-{number}", "sendgrid:starter", f"MAIL_{number}", [f"MAIL_{number}_KEY"])
    heroku.expect(http)
    run_module(heroku_app_info, ARGS)
    assert len(http.sent) == 13


def test_app_without_release_or_slug(http: Any, run_module: Any, heroku: Heroku) -> None:
    heroku.release = {}
    heroku.expect(http)
    result = run_module(heroku_app_info, ARGS)
    assert (result["release_version"], result["process_types"]) == (0, {"web": "puma"})


def test_credentials_in_urls_of_buildpacks_and_drains_are_left_out(http: Any, run_module: Any, heroku: Heroku) -> None:
    url = "https://canary:canary@github.com/x/buildpack.git?token=canary"
    heroku.buildpacks = [{"ordinal": 0, "buildpack": {"name": url, "url": url}}]
    heroku.log_drains = [{"url": "https://canary:canary@logs.example.com/?key=canary", "addon": None}]
    heroku.expect(http)
    result = run_module(heroku_app_info, ARGS)
    assert result["app"]["buildpacks"] == ["https://github.com/x/buildpack.git"]
    assert "logs.example.com" in str(result["findings"])
    assert "canary" not in str(result)


# How the image is built: findings only if the source is given.
BUILD_FINDINGS = {"no-build", "built-by-buildpacks", "aptfile", "classic-buildpacks", "generated-dockerfile"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {"built-by-buildpacks": "info"}),
        ({"fly.toml": "app = 'paper-crane'\n[build]\n"}, {"built-by-buildpacks": "info"}),
        ({"fly.toml": "[build]\nbuilder = 'heroku/builder:22'\n"}, {"built-by-buildpacks": "info"}),
        ({"Aptfile": "libvips42\n"}, {"built-by-buildpacks": "info", "aptfile": "warn"}),
        (
            {"Aptfile": "libvips42\n", "project.toml": "[com.heroku.buildpacks.deb-packages]\ninstall = []\n"},
            {"built-by-buildpacks": "info"},
        ),
        ({"Dockerfile": "FROM ruby\n", "Aptfile": "libvips42\n"}, {}),
        ({"dockerfile": "FROM ruby\n"}, {}),
        ({"fly.toml": "[build]\ndockerfile = 'docker/Dockerfile'\n"}, {}),
        ({"fly.toml": "[build]\nimage = 'registry.example.com/x:1'\n", "Aptfile": "x\n"}, {}),
    ],
)
def test_how_the_image_is_built(find: Any, tmp_path: Path, files: dict[str, str], expected: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = find(source_dir=str(tmp_path))
    assert {name: row["level"] for name, row in found.items() if name in BUILD_FINDINGS} == expected


@pytest.mark.parametrize(
    ("stack", "options", "parts"),
    [
        ("heroku-20", {}, ["no Cloud Native builder for the stack heroku-20", "heroku-24", "migrate_image"]),
        ("container", {}, ["no Cloud Native builder for the stack container"]),
        ("heroku-24", {"build": "none"}, ["nothing says how its image is built"]),
    ],
)
def test_nothing_builds_the_image(
    find: Any, heroku: Heroku, tmp_path: Path, stack: str, options: dict[str, str], parts: list[str]
) -> None:
    heroku.app["stack"] = {"name": stack}
    found = find(source_dir=str(tmp_path), **options)
    assert found["no-build"]["level"] == "block"
    for part in parts:
        assert part in str(found["no-build"])
    # What fly.toml says depends on no stack.
    (tmp_path / "fly.toml").write_text("[build]\nbuilder = 'paketobuildpacks/builder-jammy-base'\n")
    assert "paketobuildpacks" in find(source_dir=str(tmp_path), **options)["built-by-buildpacks"]["text"]


@pytest.mark.parametrize(("stack", "builder"), [("heroku-22", 22), ("heroku-26", 26), ("heroku-20", None)])
def test_builder_of_the_stack(http: Any, run_module: Any, heroku: Heroku, stack: str, builder: int | None) -> None:
    heroku.app["stack"] = {"name": stack}
    heroku.expect(http)
    assert run_module(heroku_app_info, ARGS)["builder"] == (f"heroku/builder:{builder}" if builder else "")


@pytest.mark.parametrize("stack", ["heroku-20", "heroku-24"])
def test_dockerfile_that_is_to_be_generated(find: Any, heroku: Heroku, tmp_path: Path, stack: str) -> None:
    heroku.app["stack"] = {"name": stack}
    (tmp_path / "Aptfile").write_text("libvips42\n")
    found = find(source_dir=str(tmp_path), build="launch")
    levels = {name: row["level"] for name, row in found.items() if name in BUILD_FINDINGS}
    assert levels == {"generated-dockerfile": "warn", "aptfile": "warn"}
    assert "Review it" in found["generated-dockerfile"]["remedy"]
    (tmp_path / "Dockerfile").write_text("FROM ruby\n")
    assert not BUILD_FINDINGS & set(find(source_dir=str(tmp_path), build="launch"))
    (tmp_path / "Dockerfile").unlink()
    (tmp_path / "fly.toml").write_text("[build]\nbuilder = 'heroku/builder:22'\n")
    assert "built-by-buildpacks" in find(source_dir=str(tmp_path), build="launch")


def test_buildpacks_that_the_builder_does_not_run(find: Any, heroku: Heroku, tmp_path: Path) -> None:
    known = ["heroku/ruby", "heroku/nodejs", "https://github.com/heroku/heroku-buildpack-ruby.git"]
    apt = ["heroku-community/apt", "https://github.com/heroku/heroku-buildpack-apt"]
    heroku.buildpacks = [{"buildpack": {"name": name, "url": name}} for name in [*known, *apt]]
    assert "classic-buildpacks" not in find(source_dir=str(tmp_path))
    for name in ("https://github.com/heroku/heroku-buildpack-activestorage-preview", "heroku/python"):
        heroku.buildpacks.append({"buildpack": {"name": name, "url": name}})
        assert name in find(source_dir=str(tmp_path))["classic-buildpacks"]["text"]
    assert not BUILD_FINDINGS & set(find())


def test_missing_secret_key_base_blocks(find: Any, heroku: Heroku) -> None:
    del heroku.config["SECRET_KEY_BASE"]
    finding = find()["secret-key-base-missing"]
    assert finding["level"] == "block"
    assert "heroku run -a paper-crane -- printenv SECRET_KEY_BASE" in finding["remedy"]


def test_secret_key_base_given_in_another_way(find: Any, heroku: Heroku) -> None:
    del heroku.config["SECRET_KEY_BASE"]
    assert "secret-key-base-missing" not in find(secret_key_base_given=True)


@pytest.mark.parametrize("other", [{"buildpack_provided_description": "Node.js"}, {"stack": {"name": "container"}}])
def test_secret_key_base_is_ruby_s_alone(find: Any, heroku: Heroku, other: dict[str, Any]) -> None:
    heroku.app.update(other)
    heroku.buildpacks = []
    del heroku.config["SECRET_KEY_BASE"]
    assert not {"secret-key-base-missing", "hidden-defaults"} & set(find())


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        (None, {"scheduler-jobs-unknown": "block"}),
        ([], {}),
        (["daily 04:00 rake report", {"at": "hourly"}], {"scheduler-jobs": "info"}),
    ],
)
def test_scheduler(find: Any, heroku: Heroku, jobs: Any, expected: dict[str, str]) -> None:
    heroku.add("scheduler-1", "scheduler:standard", "SCHEDULER", [])
    found = find(**({} if jobs is None else {"scheduler_jobs": jobs}))
    assert {name: row["level"] for name, row in found.items() if name.startswith("scheduler")} == expected


def test_database_of_another_app(find: Any, heroku: Heroku) -> None:
    heroku.addons, heroku.attachments = heroku.addons[1:], heroku.attachments[1:]
    heroku.add("pg-1", "heroku-postgresql:standard-0", "DATABASE", ["DATABASE_URL"], owner="billing")
    finding = find()["shared-database"]
    assert finding["level"] == "block"
    assert "billing" in finding["text"]


def test_database_that_another_app_uses_too(find: Any, heroku: Heroku) -> None:
    heroku.attached_elsewhere = {"pg-1": ["reports"]}
    assert "reports" in find()["shared-database"]["text"]


@pytest.mark.parametrize("plan", ["private-0", "shield-2", "advanced-4", "performance-0"])
def test_plans_that_can_not_be_reached(find: Any, heroku: Heroku, plan: str) -> None:
    for entry in (heroku.addons[0], heroku.attachments[0]["addon"]):
        entry["plan"] = {"name": f"heroku-postgresql:{plan}"}
    assert find()["unsupported-plan"]["level"] == "block"


def test_several_databases_and_followers(find: Any, heroku: Heroku) -> None:
    heroku.add("pg-2", "heroku-postgresql:standard-0", "ANALYTICS", ["ANALYTICS_URL"])
    heroku.add("pg-3", "heroku-postgresql:standard-0", "HEROKU_POSTGRESQL_GRAY", ["HEROKU_POSTGRESQL_GRAY_URL"])
    heroku.config["ANALYTICS_URL"] = "postgres://u2:p2@ec2-9.compute-1.amazonaws.com:5432/d2"
    heroku.config["HEROKU_POSTGRESQL_GRAY_URL"] = CONFIG["DATABASE_URL"].replace("ec2-1", "ec2-8")
    found = find()
    assert found["several-databases"]["level"] == "block"
    assert "pg-2" in found["several-databases"]["text"]
    assert "pg-3" not in found["several-databases"]["text"]
    assert "pg-3" in found["follower"]["text"]


def test_urls_that_stay_behind(find: Any, heroku: Heroku) -> None:
    heroku.add("pg-1", "", "HEROKU_POSTGRESQL_BLUE", ["HEROKU_POSTGRESQL_BLUE_URL"])
    heroku.add("pg-1", "", "POOL", ["POOL_URL"], namespace="connection-pooling:default")
    heroku.config.update(dict.fromkeys(("HEROKU_POSTGRESQL_BLUE_URL", "POOL_URL"), CONFIG["DATABASE_URL"]))
    found = find()
    assert (found["dropped-urls"]["level"], found["pool-or-credential"]["level"]) == ("info", "warn")
    assert "HEROKU_POSTGRESQL_BLUE_URL" in found["dropped-urls"]["text"]
    assert "POOL_URL" in found["pool-or-credential"]["text"]
    assert "DATABASE_URL" in found["pool-or-credential"]["remedy"]


@pytest.mark.parametrize(
    ("plan", "finding"),
    [
        ("heroku-kafka:basic-0", "kafka"),
        ("quotaguardstatic:starter", "static-ip"),
        ("judoscale:white", "autoscaler"),
        ("papertrail:choklad", "addon-to-replace"),
    ],
)
def test_addons(find: Any, heroku: Heroku, plan: str, finding: str) -> None:
    heroku.add("addon-7", plan, "THING", ["THING_TOKEN"])
    heroku.config["THING_TOKEN"] = "canary"
    found = find()
    assert "addon-7" in found[finding]["text"]
    assert {"kafka", "static-ip", "autoscaler", "addon-to-replace"} & set(found) == {finding}


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("PORT", "port-set"),
        ("LD_PRELOAD", "ld-preload"),
        ("WEB_CONCURRENCY", "web-concurrency"),
        ("MALLOC_ARENA_MAX", "malloc-arena-max"),
        ("RAILS_MASTER_KEY", "rails-master-key"),
        ("HIREFIRE_TOKEN", "autoscaler"),
        ("HEROKU_APP_NAME", "dyno-metadata"),
    ],
)
def test_variables(find: Any, heroku: Heroku, name: str, finding: str) -> None:
    heroku.config[name] = "canary"
    assert name in find()[finding]["text"]


def test_hidden_defaults_names_only_those_that_are_not_set(find: Any, heroku: Heroku) -> None:
    heroku.config["RAILS_ENV"] = "staging"
    text = find()["hidden-defaults"]["text"]
    assert "RAILS_LOG_TO_STDOUT" in text
    assert "RAILS_ENV" not in text


@pytest.mark.parametrize(
    ("feature", "finding"),
    [
        ("preboot", "preboot"),
        ("http-session-affinity", "session-affinity"),
        ("runtime-dyno-metadata", "dyno-metadata"),
    ],
)
@pytest.mark.parametrize("enabled", [True, False])
def test_features(find: Any, heroku: Heroku, feature: str, finding: str, enabled: bool) -> None:
    heroku.features = [{"name": feature, "enabled": enabled}]
    assert (finding in find()) is enabled


def test_state_of_the_app(find: Any, heroku: Heroku) -> None:
    heroku.app.update({"maintenance": True, "generation": {"name": "fir"}, "space": {"name": "vault"}})
    heroku.release = {"version": 9, "status": "failed", "slug": None}
    heroku.formation = [{"type": "web", "quantity": 1, "size": "Eco", "command": "puma"}]
    heroku.addons[0]["state"] = "provisioning"
    heroku.log_drains = [{"url": "syslog+tls://logs.example.com:6514", "addon": {"name": "papertrail-1"}}]
    found = find()
    assert {name: found[name]["level"] for name in ("fir-generation", "addon-not-ready", "maintenance-on")} == {
        "fir-generation": "block",
        "addon-not-ready": "block",
        "maintenance-on": "warn",
    }
    assert {"private-space", "release-failed", "sleeping-dynos"} <= set(found)
    assert "log-drains" not in found


def test_embedded_credentials(find: Any, heroku: Heroku) -> None:
    heroku.config["JDBC_URL"] = "jdbc:postgresql://ec2-1.compute-1.amazonaws.com/d?password=pw-canary-1"
    assert "JDBC_URL" in find()["embedded-credentials"]["text"]


def test_gravest_first_and_acknowledged_last(http: Any, run_module: Any, heroku: Heroku) -> None:
    del heroku.config["SECRET_KEY_BASE"]
    heroku.config["PORT"] = "1"
    heroku.attached_elsewhere = {"pg-1": ["reports"]}
    heroku.expect(http)
    result = run_module(heroku_app_info, {**ARGS, "acknowledged": ["shared-database"]})
    levels = [(finding["level"], finding["id"]) for finding in result["findings"]]
    assert levels[0] == ("block", "secret-key-base-missing")
    assert ("info", "shared-database") in levels
    assert [level for level, _id in levels] == sorted((level for level, _id in levels), key="block warn info".index)


def test_acknowledging_what_does_not_exist(http: Any, run_module: Any, heroku: Heroku) -> None:
    result = run_module(heroku_app_info, {**ARGS, "acknowledged": ["secret-key-bse-missing"]})
    assert result["failed"]
    assert "there is no finding secret-key-bse-missing. Did you mean secret-key-base-missing?" in result["msg"]


def test_app_that_is_not_there(http: Any, run_module: Any) -> None:
    answer = {"id": "not_found", "message": "Couldn't find that app."}
    http.expect("GET", PATH, answer, status=404, headers={"Request-Id": "r-4"})
    result = run_module(heroku_app_info, ARGS)
    assert result["failed"]
    for part in ("Heroku app paper-crane", "HTTP 404", "r-4"):
        assert part in result["msg"]


def test_a_value_that_names_a_variable_which_stays_behind(find: Any, heroku: Heroku) -> None:
    heroku.config.update(REDIS_TLS_URL="rediss://:pw-canary-2@ec2-2.compute-1.amazonaws.com:6390")
    heroku.config.update(REDIS_PROVIDER="REDIS_TLS_URL", OTHER_PROVIDER="REDIS_URL")
    heroku.addons[1]["config_vars"].append("REDIS_TLS_URL")
    heroku.attachments[1]["config_vars"] = ["REDIS_URL", "REDIS_TLS_URL"]
    finding = find()["names-a-variable"]
    assert finding["text"].endswith(
        "the value of REDIS_PROVIDER is the name REDIS_TLS_URL, which stays behind; it becomes REDIS_URL."
    )


def test_more_connections_than_the_new_server_takes(http: Any, find: Any, heroku: Heroku) -> None:
    heroku.config.update(WEB_CONCURRENCY="4", RAILS_MAX_THREADS="5")
    heroku.formation = [
        {"type": "web", "quantity": 3, "size": "Standard-2X", "command": "bundle exec puma"},
        {"type": "worker", "quantity": 4, "size": "Standard-2X", "command": "bundle exec sidekiq -c 25"},
    ]
    heroku.process_types = {"web": "bundle exec puma", "worker": "bundle exec sidekiq -c 25"}
    finding = find(postgres_plan="basic")["connections"]
    assert (
        "160 connections (web 3 x 20, worker 4 x 25), but the new database's server accepts only 50" in finding["text"]
    )
    heroku.formation = heroku.formation[:1]
    heroku.config.update(WEB_CONCURRENCY="2")
    assert "connections" not in find(postgres_plan="basic")


@pytest.mark.parametrize(
    ("command", "config", "each"),
    [
        ("bundle exec sidekiq", {"RAILS_MAX_THREADS": "7"}, 7),
        ("bundle exec sidekiqswarm", {"SIDEKIQ_COUNT": "4"}, 20),
        ("bundle exec good_job start --max-threads=8", {}, 9),
        ("bundle exec good_job start", {"GOOD_JOB_MAX_THREADS": "2"}, 3),
        ("bin/jobs", {"JOB_CONCURRENCY": "3"}, 11),
        ("bundle exec que -w 4 ./config/environment.rb", {}, 5),
        ("bin/delayed_job -n 6 run", {}, 6),
        ("bundle exec rake jobs:work", {}, 1),
        ("bundle exec rake resque:workers QUEUE=*", {"COUNT": "5"}, 5),
        ("celery -A crane worker --concurrency 12", {}, 12),
        ("bundle exec puma -t 1:16 -w 2", {"RAILS_MAX_THREADS": "5"}, 32),
        ("gunicorn crane.wsgi --workers 3 --threads 4", {}, 12),
        ("bundle exec unicorn -c config/unicorn.rb", {"WEB_CONCURRENCY": "8"}, 8),
    ],
)
def test_connections_of_servers_and_job_systems(
    find: Any, heroku: Heroku, command: str, config: dict[str, str], each: int
) -> None:
    heroku.config.update(config)
    heroku.formation = [{"type": "app", "quantity": 60, "size": "Standard-1X", "command": command}]
    heroku.process_types = {"app": command}
    found = find(postgres_plan="basic")["connections"]
    assert f"{60 * each} connections (app 60 x {each})" in found["text"]


def test_variables_of_the_build_and_buildpacks_beside_a_dockerfile(find: Any, heroku: Heroku, tmp_path: Path) -> None:
    heroku.config.update(BUNDLE_GEMS__CONTRIBSYS__COM="canary", NPM_TOKEN="canary", NPM_TOKENS="canary")
    url = "https://github.com/heroku/heroku-buildpack-activestorage-preview"
    heroku.buildpacks.insert(0, {"ordinal": 1, "buildpack": {"name": url, "url": url}})
    (tmp_path / "Dockerfile").write_text("FROM ruby:3.4\n")
    found = find(source_dir=str(tmp_path))
    assert "BUNDLE_GEMS__CONTRIBSYS__COM, NPM_TOKEN are for the build" in found["build-variables"]["text"]
    assert "activestorage-preview too, which the Dockerfile does not run" in found["classic-buildpacks"]["text"]


def test_tls_demanded_of_a_postgres_on_the_private_network(find: Any, heroku: Heroku) -> None:
    heroku.config.update(PGSSLMODE="require")
    assert "PGSSLMODE=require" in find(private_postgres=True)["pgsslmode"]["text"]
    assert "pgsslmode" not in find()
