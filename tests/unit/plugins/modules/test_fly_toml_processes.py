# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml import file as _fly_toml_file
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source import app as _app_source
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._toml import text as _toml_text
from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_toml_processes
from ansible_collections.flyover.heroku_to_fly.tests.unit.fly_validation import validate

# As fly launch writes it for a Rails app, with comments by hand.
LAUNCHED = """\
# fly.toml app configuration file generated for paper-crane on 2026-11-20T10:11:12Z
#
# See https://fly.io/docs/reference/configuration/ for information about how to use this file.
#

app = 'paper-crane'
primary_region = 'iad'
console_command = '/rails/bin/rails console'

[build]

[env]
  RAILS_LOG_LEVEL = 'info'   # aligned   by hand

[http_service]
  internal_port = 3000   # thruster's
  force_https = true
  auto_stop_machines = 'off'
  processes = ['app']

  # Rails' own
  [[http_service.checks]]
    interval = '10s'
    timeout = '2s'
    path = '/up'

[[statics]]
  guest_path = '/rails/public'
  url_prefix = '/'
"""
PROCFILE = """\
web: bundle exec puma -C config/puma.rb
worker: bundle exec sidekiq -c ${SIDEKIQ_CONCURRENCY:-5}
release: bin/rails db:migrate
"""
EDITED = """\
# fly.toml app configuration file generated for paper-crane on 2026-11-20T10:11:12Z
#
# See https://fly.io/docs/reference/configuration/ for information about how to use this file.
#

app = 'paper-crane'
primary_region = 'iad'
kill_signal = 'SIGTERM'
kill_timeout = '30s'
console_command = '/rails/bin/rails console'

[build]

[deploy]
  release_command = 'bin/rails db:migrate'

[env]
  RAILS_LOG_LEVEL = 'info'   # aligned   by hand
  PORT = '3000'

[processes]
  web = 'bundle exec puma -C config/puma.rb'
  worker = "sh -c 'exec bundle exec sidekiq -c ${SIDEKIQ_CONCURRENCY:-5}'"

[http_service]
  internal_port = 3000   # thruster's
  force_https = true
  auto_stop_machines = 'off'
  processes = ['web']

  # Rails' own
  [[http_service.checks]]
    interval = '10s'
    timeout = '2s'
    path = '/up'

[[statics]]
  guest_path = '/rails/public'
  url_prefix = '/'
"""


class Source:
    """The folder of an app's source."""

    def __init__(self, folder: Path, run_module: Any) -> None:
        self.folder = folder
        self.toml = folder / "fly.toml"
        self._run_module = run_module

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def run(self, toml: str | None = None, procfile: str | None = None, **options: Any) -> dict[str, Any]:
        """Run the module; internals like C(check_mode) begin with an underscore."""
        if toml is not None:
            self.write("fly.toml", toml)
        if procfile is not None:
            self.write("Procfile", procfile)
        internals = {name[1:]: value for name, value in options.items() if name.startswith("_")}
        given = {name: value for name, value in options.items() if not name.startswith("_")}
        if "processes" not in given:
            given.setdefault("procfile", str(self.folder / "Procfile"))
        arguments = {"path": str(self.toml), **given}
        result: dict[str, Any] = self._run_module(fly_toml_processes, arguments, **internals)
        # ansible-core keeps the warnings of all runs in one process.
        result["warnings"] = [told for told in result.get("warnings", []) if str(self.folder) in str(told)]
        return result

    def edited(self, toml: str | None = None, procfile: str | None = PROCFILE, **options: Any) -> dict[str, Any]:
        """Run the module twice; the second run must change nothing, and flyctl accept the file. Return its meaning."""
        first = self.run(toml, procfile, **options)
        assert not first.get("failed"), first.get("msg")
        text = self.toml.read_bytes()
        second = self.run(**options)
        assert (second["changed"], self.toml.read_bytes()) == (False, text)
        validate(self.toml)
        meaning: dict[str, Any] = tomlkit.parse(text.decode()).unwrap()
        return meaning


@pytest.fixture
def source(tmp_path: Path, run_module: Any) -> Source:
    return Source(tmp_path, run_module)


def warnings_of(result: dict[str, Any]) -> str:
    return str(result.get("warnings", ""))


# The guide's case.


def test_launched_file_is_edited_byte_for_byte(source: Source) -> None:
    result = source.run(LAUNCHED, PROCFILE)
    assert result["changed"] is True
    assert source.toml.read_text() == EDITED
    assert result["processes"] == {
        "web": "bundle exec puma -C config/puma.rb",
        "worker": "sh -c 'exec bundle exec sidekiq -c ${SIDEKIQ_CONCURRENCY:-5}'",
    }
    assert result["release_command"] == "bin/rails db:migrate"
    assert (result["internal_port"], result["removed_groups"], result["kept_groups"]) == (3000, ["app"], [])
    validate(source.toml)


def test_second_run_writes_nothing(source: Source) -> None:
    source.run(LAUNCHED, PROCFILE)
    os.utime(source.toml, (1, 1))
    assert source.run(backup=True)["changed"] is False
    assert (source.toml.stat().st_mtime, sorted(os.listdir(source.folder))) == (1, ["Procfile", "fly.toml"])


def test_check_mode_writes_nothing_and_shows_the_exact_diff(source: Source) -> None:
    result = source.run(LAUNCHED, PROCFILE, backup=True, _check_mode=True, _diff=True)
    assert result["changed"] is True
    assert result["diff"] == {
        "before": LAUNCHED,
        "after": EDITED,
        "before_header": str(source.toml),
        "after_header": str(source.toml),
    }
    assert source.toml.read_text() == LAUNCHED
    assert sorted(os.listdir(source.folder)) == ["Procfile", "fly.toml"]
    assert "diff" not in source.run(_check_mode=True)


def test_crlf_and_a_byte_order_mark_stay(source: Source) -> None:
    source.run("\ufeff" + LAUNCHED.replace("\n", "\r\n"), PROCFILE)
    assert source.toml.read_bytes() == ("\ufeff" + EDITED.replace("\n", "\r\n")).encode()


# Services.


def test_services_of_the_old_guide(source: Source) -> None:
    toml = source.edited(
        """\
app = "paper-crane"

[processes]
  web = "bin/rails fly:server"

[[services]]
  processes = ["web"]
  http_checks = []
  internal_port = 8080
  protocol = "tcp"
  script_checks = []

  [[services.ports]]
    handlers = ["http"]
    port = 80
"""
    )
    assert toml["services"] == [
        {
            "processes": ["web"],
            "http_checks": [],
            "internal_port": 8080,
            "protocol": "tcp",
            "script_checks": [],
            "ports": [{"handlers": ["http"], "port": 80}],
            "auto_stop_machines": "off",
        }
    ]
    assert toml["env"] == {"PORT": "8080"}


@pytest.mark.parametrize(
    ("service", "groups"),
    [
        ("[http_service]\ninternal_port = 8080\n", ["web"]),
        ('[http_service]\ninternal_port = "8080"\n', ["web"]),
        ("[http_service]\ninternal_port = 8080\nprocesses = ['app', 'worker']\n", ["web", "worker"]),
        ("[http_service]\ninternal_port = 8080\nprocesses = [\n  'app', # web\n]\n", ["web"]),
        ("[http_service.concurrency]\nsoft_limit = 20\n[http_service]\ninternal_port = 8080\n", ["web"]),
    ],
)
def test_http_service_gets_its_processes(source: Source, service: str, groups: list[str]) -> None:
    toml = source.edited(f"app = 'paper-crane'\n\n{service}")
    assert (toml["http_service"]["processes"], toml["http_service"]["internal_port"]) == (groups, 8080)


def test_service_of_another_group_stays(source: Source) -> None:
    admin = "[[services]]\ninternal_port = 9000\nprocesses = ['worker']\n[[services.ports]]\nport = 9000\n"
    toml = source.edited(LAUNCHED + "\n" + admin)
    assert toml["services"] == [{"internal_port": 9000, "processes": ["worker"], "ports": [{"port": 9000}]}]
    assert toml["http_service"]["processes"] == ["web"]


def test_services_on_the_web_port_all_serve_it(source: Source) -> None:
    services = "".join(
        f"[[services]]\n  internal_port = 8080\n  [[services.ports]]\n    port = {port}\n\n" for port in (80, 443)
    )
    toml = source.edited(f"app = 'paper-crane'\n\n{services}")
    assert [service["processes"] for service in toml["services"]] == [["web"], ["web"]]


def test_without_a_service_one_is_written(source: Source) -> None:
    source.write("config/routes.rb", 'get "up" => "rails/health#show", as: :rails_health_check\n')
    source.write("Dockerfile", "FROM ruby\nWORKDIR /rails\nEXPOSE 80\n")
    toml = source.edited("app = 'paper-crane'\n\n[[vm]]\n  memory = '1gb'\n")
    service = toml["http_service"]
    assert (service["internal_port"], service["processes"], toml["env"]) == (8080, ["web"], {"PORT": "8080"})
    assert service["checks"][0]["path"] == "/up"
    assert list(toml) == ["app", "kill_signal", "kill_timeout", "deploy", "env", "processes", "http_service", "vm"]


def test_two_services_that_could_be_the_web_are_refused(source: Source) -> None:
    services = "[[services]]\ninternal_port = 8080\n\n[[services]]\ninternal_port = 9090\n"
    result = source.run(services, PROCFILE)
    assert result["failed"]
    assert "8080 and 9090" in result["msg"]
    assert source.toml.read_text() == services
    toml = source.edited(internal_port=9090)
    assert toml["env"] == {"PORT": "9090"}


# Commands.


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("bundle exec puma -C config/puma.rb", "bundle exec puma -C config/puma.rb"),
        ("bin/rails server -p $PORT", "sh -c 'exec bin/rails server -p $PORT'"),
        ("RAILS_ENV=production bin/rails s", "sh -c 'RAILS_ENV=production exec bin/rails s'"),
        ("cd engine && bin/rails s", "sh -c 'cd engine && exec bin/rails s'"),
        ("bin/rails s 2>&1 | tee log", "sh -c 'bin/rails s 2>&1 | tee log'"),
        ("[[ -n $A ]] && bin/rails s", "bash -c '[[ -n $A ]] && bin/rails s'"),
        ("sh -c 'exec bin/rails s'", "sh -c 'exec bin/rails s'"),
        ("ruby -e 'puts \"$1\"'", "ruby -e 'puts \"$1\"'"),
    ],
)
def test_only_commands_that_need_a_shell_get_one(source: Source, command: str, expected: str) -> None:
    toml = source.edited(LAUNCHED, f"web: {command}\n")
    assert shlex.split(toml["processes"]["web"]) == shlex.split(expected)
    assert (toml["processes"]["web"] == command) == (expected == command)


def test_port_gets_a_value(source: Source) -> None:
    toml = source.edited(LAUNCHED, "web: bin/rails server -p $PORT\n", internal_port=4000)
    assert (toml["env"]["PORT"], toml["http_service"]["internal_port"]) == ("4000", 4000)


def test_port_of_the_file_follows_its_service(source: Source) -> None:
    result = source.run(LAUNCHED.replace("RAILS_LOG_LEVEL = 'info'", "PORT = '9292'"), PROCFILE)
    assert "PORT in [env] is changed to 3000" in warnings_of(result)
    assert "  PORT = '3000'   # aligned   by hand\n" in source.toml.read_text()


def test_port_that_the_command_contradicts_is_told(source: Source) -> None:
    result = source.run(LAUNCHED, "web: bin/rails server -p 5000\n")
    assert "listens on port 5000, but requests go to port 3000" in warnings_of(result)


# Signals, release command.


def test_signal_and_timeout_that_are_there_stay(source: Source) -> None:
    present = "app = 'paper-crane'\nkill_signal = 'SIGINT'\nkill_timeout = 5\n"
    result = source.run(present, PROCFILE)
    assert "kill_signal and kill_timeout were kept" in warnings_of(result)
    assert source.toml.read_text().startswith(present)


def test_other_release_command_is_a_conflict(source: Source) -> None:
    present = "app = 'paper-crane'\n[deploy]\nrelease_command = 'bin/rails db:prepare'\n"
    result = source.run(present, PROCFILE)
    assert (result["conflicts"], result["release_command"]) == (["release_command"], "bin/rails db:prepare")
    assert "release_command differs" in warnings_of(result)
    toml = source.edited(release_command="bin/rails db:migrate")
    assert toml["deploy"] == {"release_command": "bin/rails db:migrate"}


# Process groups that the Procfile does not have.

WITH_GROUPS = """\
app = 'paper-crane'

[processes]
  # the app
  app = 'bin/rails server'
  cron = 'supercronic crontab' # hourly

[mounts]
  source = 'data'
  destination = '/data'

[http_service]
  internal_port = 8080
  processes = ['app']

[[vm]]
  memory = '256mb'
  processes = ['cron']
"""


def test_app_is_renamed_and_its_machines_named(source: Source) -> None:
    result = source.run(WITH_GROUPS, PROCFILE, machines={"app": ["148e4", "d891f"], "cron": []})
    text = source.toml.read_text()
    assert (
        "  # the app\n  web = 'bundle exec puma -C config/puma.rb'\n  cron = 'supercronic crontab' # hourly\n" in text
    )
    assert (result["removed_groups"], result["kept_groups"]) == (["app"], ["cron"])
    assert "destroys the Machines of process group 'app' (148e4, d891f)" in warnings_of(result)
    toml = source.edited()
    # The volume was the default group's, app's; without app that would be cron's.
    assert (toml["mounts"]["processes"], toml["http_service"]["processes"]) == (["web"], ["web"])


def test_app_is_kept_where_asked(source: Source) -> None:
    toml = source.edited(WITH_GROUPS, unlisted="keep")
    assert list(toml["processes"]) == ["app", "cron", "web", "worker"]
    assert toml["http_service"]["processes"] == ["app", "web"]


def test_all_are_removed_where_asked(source: Source) -> None:
    result = source.run(WITH_GROUPS, PROCFILE, unlisted="remove")
    assert (sorted(result["removed_groups"]), result["kept_groups"]) == (["app", "cron"], [])
    assert "[[vm]] 1 is removed together with its process group cron" in warnings_of(result)
    toml = source.edited(unlisted="remove")
    assert list(toml["processes"]) == ["web", "worker"]
    assert "vm" not in toml


def test_list_of_processes_stays_one(source: Source) -> None:
    legacy = "app = 'paper-crane'\n\n[[processes]]\n  name = 'app'\n  command = 'bin/rails s'\n"
    toml = source.edited(legacy)
    assert [process["name"] for process in toml["processes"]] == ["web", "worker"]


# Sizes.

FORMATION = {
    "web": {"type": "web", "quantity": 2, "size": "Standard-2X", "command": "bundle exec puma"},
    "worker": {"type": "worker", "quantity": 1, "size": "Performance-M", "command": "bundle exec sidekiq"},
    "rake": {"type": "rake", "quantity": 0, "size": "Basic", "command": "bundle exec rake"},
}


def test_formation_becomes_sizes(source: Source) -> None:
    result = source.run(LAUNCHED, PROCFILE, formation=FORMATION)
    assert result["groups"] == {
        "web": {"count": 2, "dyno": "Standard-2X", "size": "shared-cpu-2x", "memory_mb": 1024},
        "worker": {"count": 1, "dyno": "Performance-M", "size": "performance-2x", "memory_mb": 4096},
    }
    assert source.edited(formation=FORMATION)["vm"] == [
        {"size": "shared-cpu-2x", "memory": "1gb", "processes": ["web"]},
        {"size": "performance-2x", "memory": "4gb", "processes": ["worker"]},
    ]


def test_size_that_is_enough_stays_and_one_that_is_not_is_told(source: Source) -> None:
    result = source.run(
        f"{LAUNCHED}\n[[vm]]\n  memory = '512mb'\n  processes = ['web']\n", PROCFILE, formation=FORMATION
    )
    assert "[[vm]] 1 has 512 MB, but the dyno of 'web' had 1024 MB" in warnings_of(result)
    toml = source.edited(f"{LAUNCHED}\n[vm]\n  memory = '1gb'\n", formation=FORMATION)
    assert toml["vm"] == [
        {"memory": "1gb"},
        {"size": "performance-2x", "memory": "4gb", "processes": ["worker"]},
    ]


def test_given_sizes_replace_others(source: Source) -> None:
    vm = {"web": "shared-cpu-4x", "worker": {"size": "performance-1x", "memory": "4gb"}}
    toml = source.edited(f"{LAUNCHED}\n[[vm]]\n  memory = '9gb'\n  processes = ['web']\n", formation=FORMATION, vm=vm)
    assert toml["vm"] == [
        {"size": "shared-cpu-4x", "processes": ["web"]},
        {"size": "performance-1x", "memory": "4gb", "processes": ["worker"]},
    ]


# Processes from elsewhere.


def test_processes_as_heroku_has_them(source: Source) -> None:
    commands = {name: dynos["command"] for name, dynos in FORMATION.items()}
    toml = source.edited(LAUNCHED, processes={**commands, "console": "bin/rails c", "release": "bin/migrate"})
    assert toml["processes"] == {"web": "bundle exec puma", "worker": "bundle exec sidekiq"}
    assert toml["deploy"] == {"release_command": "bin/migrate"}


def test_web_that_the_buildpack_adds_is_taken_from_the_formation(source: Source) -> None:
    result = source.run(LAUNCHED, "worker: bundle exec sidekiq\n", formation=FORMATION)
    assert result["processes"] == {"worker": "bundle exec sidekiq", "web": "bundle exec puma"}
    assert "it has no 'web'; the command that Heroku runs for it is used" in warnings_of(result)


def test_file_is_created(source: Source) -> None:
    source.write("Dockerfile", "FROM ruby\nWORKDIR /rails\nEXPOSE 3000\n")
    source.write("bin/rails", "")
    created = {"create": True, "app": "paper-crane", "primary_region": "iad"}
    foreseen = source.run(None, PROCFILE, **created, _check_mode=True, _diff=True)
    assert (foreseen["changed"], foreseen["diff"]["before"], source.toml.exists()) == (True, "", False)
    toml = source.edited(formation=FORMATION, **created)
    assert toml["app"] == "paper-crane"
    assert toml["console_command"] == "/rails/bin/rails console"
    assert toml["build"] == {"dockerfile": "Dockerfile"}
    assert toml["http_service"]["internal_port"] == 3000
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(source.toml.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ({}, False),
        ({"Procfile": "web: bin/rails s -p 4000\n"}, True),
        ({"fly.toml": "app = 'paper-crane'\n\n[http_service]\n  internal_port = 8080\n"}, True),
    ],
)
def test_check_mode_before_there_is_a_dockerfile(source: Source, files: dict[str, str], known: bool) -> None:
    for name, text in {"bin/rails": "", "Procfile": PROCFILE, **files}.items():
        source.write(name, text)
    wish = {"create": True, "app": "paper-crane", "primary_region": "iad", "awaits_dockerfile": True}
    foreseen = source.run(**wish, _check_mode=True, _diff=True)
    source.write("Dockerfile", "FROM ruby\nWORKDIR /rails\nEXPOSE 3000\n")
    done = source.run(**wish, _diff=True)
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["internal_port"] == (done["internal_port"] if known else None)
    written = done["diff"]["after"]
    if "fly.toml" not in files:
        written = written.replace("/rails/bin/rails console", "unknown")
        assert "console_command = 'unknown'" in foreseen["diff"]["after"].replace('"', "'")
    if not known:
        written = written.replace("internal_port = 3000", "internal_port = 'unknown'").replace("3000", "unknown")
    assert foreseen["diff"]["after"].replace('"', "'") == written.replace('"', "'")
    assert source.run(**wish, _check_mode=True)["changed"] is False


# The file on disk.


def test_mode_and_links_stay_and_a_backup_is_kept(source: Source) -> None:
    real = source.write("real.toml", LAUNCHED)
    real.chmod(0o640)
    source.toml.symlink_to(real)
    result = source.run(None, PROCFILE, backup=True)
    assert source.toml.is_symlink()
    assert real.read_text() == EDITED
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert Path(result["backup_file"]).read_text() == LAUNCHED
    assert not [name for name in os.listdir(source.folder) if name.startswith(".")]


def test_folder_that_can_not_be_written_is_named(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fly_toml_file.os, "access", lambda path, mode: mode != os.W_OK)  # root may write everywhere
    refused(source, source.run(LAUNCHED, PROCFILE), [str(source.folder), "not writable"])
    assert sorted(os.listdir(source.folder)) == ["Procfile", "fly.toml"]


def test_link_to_nowhere_is_followed_or_named(source: Source) -> None:
    target = source.folder / "deep" / "fly.toml"
    source.toml.symlink_to(target)
    new = {"create": True, "app": "paper-crane"}
    result = source.run(None, PROCFILE, **new)
    assert result["failed"]
    assert "which is not a folder" in result["msg"]
    target.parent.mkdir()
    source.edited(**new)
    assert source.toml.is_symlink()
    assert target.is_file()


@pytest.mark.parametrize("check_mode", [False, True])
def test_file_that_can_not_be_written_is_named(
    source: Source, monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    access = os.access
    monkeypatch.setattr(  # root may write everywhere
        _fly_toml_file.os, "access", lambda path, mode: path != str(source.toml) and access(path, mode)
    )
    refused(source, source.run(LAUNCHED, PROCFILE, _check_mode=check_mode), [str(source.toml), "not writable"])
    assert sorted(os.listdir(source.folder)) == ["Procfile", "fly.toml"]


# Bad input: a clear error, and no byte is written.


@pytest.mark.parametrize(
    ("procfile", "parts"),
    [
        ("web: bin/puma\nthis is no process\n", ["line 2", "'this is no process'"]),
        ("web: bin/puma\nworker:\n", ["line 2", "empty"]),
        ("", ["no process to run"]),
        ("# nothing yet\n", ["no process to run"]),
        ("release: bin/migrate\n", ["no process to run"]),
        ("web: echo 'open\n", ["line 1", "unclosed quotation mark"]),
        (f"{'x' * 64}: bin/puma\n", ["line 1", "64 characters"]),
        ("fly_app_console: bin/puma\n", ["line 1", "fly_app_console"]),
        ("worker: bin/jobs\n", ["no process 'web'", "web_process"]),
    ],
)
def test_bad_procfile(source: Source, procfile: str, parts: list[str]) -> None:
    refused(source, source.run(LAUNCHED, procfile), ["Procfile" if "web_process" not in parts else "fly.toml", *parts])


@pytest.mark.parametrize(
    ("toml", "parts"),
    [
        ('app = "x"\n[env\n', ["line 2, column 5", "'[env'"]),
        ('app = "x\n', ["line 1", "'app = \"x'"]),
        ("a = 1\na = 2\n", ["line 2", "'a = 2'"]),
        ("processes = 'web'\n", ["processes", "not a table"]),
        ("http_service = 5\n", ["http_service", "not a table"]),
        ("[http_service]\ninternal_port = 'many'\n", ["internal_port", "not a number"]),
        ("[http_service]\ninternal_port = 80\nprocesses = ['clock']\n", ["[http_service]", "'clock'"]),
    ],
)
def test_bad_fly_toml(source: Source, toml: str, parts: list[str]) -> None:
    source.write("fly.toml", toml)
    result = source.run(None, PROCFILE)
    refused(source, result, [str(source.toml), *parts], toml)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"internal_port": 70000}, ["internal_port", "70000"]),
        ({"vm": {"clock": "shared-cpu-1x"}}, ["vm.clock", "web, worker"]),
        ({"vm": {"web": {"ram": "1gb"}}}, ["vm.web", "'ram'"]),
        ({"formation": {"web": 2}}, ["formation.web", "not a dict"]),
        ({"machines": {"web": "148e4"}}, ["machines.web", "not a list"]),
        ({"web_process": "http"}, ["'http'", "web_process"]),
        ({"processes": {"web": 5}}, ["processes.web", "int"]),
        ({"processes": {"we b": "bin/puma"}}, ["processes.we b", "process group"]),
        ({"processes": {"Web": "a", "web": "b"}}, ["both called 'web'"]),
        ({"processes": {}}, ["no process to run"]),
    ],
)
def test_bad_options(source: Source, options: dict[str, Any], parts: list[str]) -> None:
    refused(source, source.run(LAUNCHED, PROCFILE, **options), parts)


def test_missing_and_unreadable_files(source: Source) -> None:
    result = source.run(LAUNCHED, procfile=None)
    refused(source, result, [str(source.folder / "Procfile"), "it does not exist"])
    (source.folder / "Procfile").write_bytes(b"web: \xff\n")
    refused(source, source.run(), ["Procfile", "byte 6 is not valid UTF-8"])
    (source.folder / "Procfile").unlink()
    (source.folder / "Procfile").mkdir()
    refused(source, source.run(), ["Procfile", "it is a folder"])
    (source.folder / "Procfile").rmdir()
    source.toml.unlink()
    source.write("Procfile", PROCFILE)
    missing = source.run()
    assert missing["failed"]
    for part in (str(source.toml), "it does not exist", "fly launch"):
        assert part in missing["msg"]
    assert "Give the option app" in source.run(create=True)["msg"]
    source.write("fly.json", "{}")
    assert "fly config show --local --toml" in source.run()["msg"]
    assert "only TOML can be edited" in source.run(path=str(source.folder / "fly.json"))["msg"]
    assert not source.toml.exists()


@pytest.mark.parametrize("other", ["fly.json", "fly.yaml", "fly.yml"])
@pytest.mark.parametrize("options", [{}, {"create": True, "app": "paper-crane"}])
def test_other_forms_of_the_configuration_are_named(source: Source, other: str, options: dict[str, Any]) -> None:
    written = source.write(other, "{}")
    for path in (source.toml, written):
        result = source.run(None, PROCFILE, path=str(path), **options)
        assert result["failed"]
        for part in (str(path), other, "only TOML can be edited", "fly config show --local --toml"):
            assert part in result["msg"]
    assert (source.toml.exists(), written.read_text()) == (False, "{}")
    # Beside a fly.toml, which flyctl prefers, they do not matter.
    source.edited(LAUNCHED)
    assert written.read_text() == "{}"


def test_fly_toml_that_is_no_text_file(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source.toml.mkdir()
    result = source.run(None, PROCFILE, create=True, app="paper-crane")
    assert result["failed"]
    assert f"{source.toml}: it is a folder" in result["msg"]
    source.toml.rmdir()
    latin = "app = 'paper-crane' # caf\u00e9\n".encode("latin-1")
    source.toml.write_bytes(latin)
    result = source.run()
    assert result["failed"]
    assert f"{source.toml}: byte 26 is not valid UTF-8" in result["msg"]
    assert source.toml.read_bytes() == latin

    def forbidden(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(_app_source.Path, "read_bytes", forbidden)  # root may read everything
    result = source.run(processes={"web": "bin/puma"})
    assert result["failed"]
    assert f"{source.toml}: it cannot be read (Permission denied)" in result["msg"]


def test_without_tomlkit(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_toml_text, "HAS_TOMLKIT", False)
    refused(source, source.run(LAUNCHED, PROCFILE), ["tomlkit", "pip install"])


def refused(source: Source, result: dict[str, Any], parts: list[str], toml: str = LAUNCHED) -> None:
    assert result["failed"]
    for part in [*parts, result["remedy"]]:
        assert part in result["msg"]
    assert source.toml.read_text() == toml
    assert "bug in the collection" not in result["msg"]


def test_the_example_of_the_guide(source: Source) -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "processes.md").read_text()
    (procfile,) = re.findall(r"```procfile\n(.*?)```", page, re.DOTALL)
    (parts,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    meaning = source.edited("app = 'paper-crane'\n[http_service]\n  internal_port = 3000\n", procfile)
    for name, shown in tomlkit.parse(parts).unwrap().items():
        written = meaning[name]
        assert (shown.items() <= written.items()) if isinstance(shown, dict) else shown == written, name
