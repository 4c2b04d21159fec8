# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What Heroku runs: the formation, the slug and the Procfile against what will run on Fly, and Heroku's own hooks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    AFTER,
    BLOCK,
    DAY,
    INFO,
    WARN,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import (
    Hit,
    Rule,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table.data import package_place

_HELPERS = frozenset(
    [
        *("bin/start-pgbouncer", "bin/start-pgbouncer-stunnel", "bin/start-stunnel", "bin/start-nginx", "jemalloc.sh"),
        *("bin/start-nginx-solo", "bin/start-nginx-debug", "bin/qgtunnel", "bin/qgsocks", "bin/fixie-wrench"),
        *("bin/fixie-socks", "bin/proximo", "bin/statica", "bin/with_jemalloc", "bin/start-dd-agent", "bin/forego"),
        *("bin/ssh-forward", "bin/runsvdir-dyno", "bin/start-tailscale", "bin/start-cloudflared"),
    ]
)
_CLOCKS = r"\b(?:clockwork|clock\.rb|celery\b[^\n]*\bbeat|apscheduler|resque:scheduler|rufus)\b"
_SETTINGS = r"config/(?:application|environments/production|initializers/good_job)\.rb"
_IN_WEB = {
    r"config/puma\.rb": (r"^\s*plugin\s+:solid_queue\b[^\n]*", "Solid Queue's plugin of Puma"),
    _SETTINGS: (
        r"^\s*(?:config\.)?good_job\.execution_mode\s*=\s*:async\w*|^\s*config\.execution_mode\s*=\s*:async\w*"
        r"|^\s*config\.active_job\.queue_adapter\s*=\s*:(?:async|sucker_punch|inline_async)\b",
        "Active Job's adapter runs them in threads",
    ),
}
_NOT_IN_PRODUCTION = re.compile(r"\bunless\b.*\bproduction\b|\bif\b.*\bdevelopment\b")
_HEROKU_CLI = (
    r"(?:^|[\"'`(\[=;&|]|\b(?:sh|system|exec) )[ \t]*(?P<at>heroku[ \t]+(?:run|config|pg|ps|maintenance|releases|logs|"
    r"apps|addons|restart|domains|local|login|create|info|scale|dyno|container|git|auth|buildpacks|redis)\b(?::[\w:-]+)?)"
)
_ONE_WORD = re.compile(r"\s*(?:[A-Z_][A-Z0-9_]*=\S*\s+)*(?P<words>[^;&|]+)")


def _normal(command: str) -> str:
    return " ".join(command.split())


def _nowhere(app: App) -> Iterator[Hit]:
    """Yield process types with dynos that no process group of Fly has."""
    if app.heroku.fly_processes is None:
        return
    groups = {name.lower() for name in app.heroku.fly_processes}
    for kind, quantity in app.heroku.formation.items():
        if quantity > 0 and kind.lower() not in groups and kind != "release":
            where = "Procfile" if "Procfile" in app.folder else ""
            command = app.heroku.process_types.get(kind, "")
            yield Hit(where, 0, {"type": kind, "quantity": str(quantity), "command": command})


def _other_command(app: App) -> Iterator[Hit]:
    """Yield lines of the Procfile that differ from the slug's."""
    for kind, (line, command) in app.procfile.items():
        slug = app.heroku.process_types.get(kind)
        if slug and _normal(slug) != _normal(command):
            yield Hit("Procfile", line, {"type": kind, "command": _normal(slug)})


def _procfile_var(app: App) -> Iterator[Hit]:
    if "PROCFILE" in app.heroku.config_names:
        yield Hit("Procfile" if "Procfile" in app.folder else "")


def _commit(app: App) -> Iterator[Hit]:
    slug, folder = app.heroku.commit, app.folder.commit() if app.heroku.commit else ""
    if slug and folder and not folder.startswith(slug[:40]):
        yield Hit("", 0, {"folder": folder[:12], "slug": slug[:12]})


def _unseen(app: App) -> Iterator[Hit]:
    changed = app.folder.changed()
    changed = [path for path in changed if path not in ("fly.toml", "Dockerfile", ".dockerignore")]
    if changed:
        names = ", ".join(changed[:5]) + (" and others" if len(changed) > 5 else "")
        yield Hit(changed[0], 0, {"names": names, "count": str(len(changed))})


def _commands(app: App) -> Iterator[tuple[str, int, str]]:
    for line, command in app.procfile.values():
        yield "Procfile", line, command
    if not app.procfile:
        for command in app.heroku.process_types.values():
            yield "", 0, command


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _helper(app: App) -> Iterator[Hit]:
    for path, line, command in _commands(app):
        for word in _words(command):
            name = word[2:] if word.startswith("./") else word
            if name in _HELPERS and name not in app.folder:
                yield Hit(path, line, {"word": word})


def _missing_script(app: App) -> Iterator[Hit]:
    for path, line, command in _commands(app):
        for part in re.split(r"&&|\|\||;", command):
            found = _ONE_WORD.match(part)
            word = (_words(found["words"]) or [""])[0] if found else ""
            name = word[2:] if word.startswith("./") else word
            local = "/" in word and not name.startswith(
                ("/", "$", "~", "node_modules/", "vendor/", "_build/", "target/")
            )
            if local and name not in _HELPERS and not (app.folder.root / name).exists():
                yield Hit(path, line, {"word": word})


def _heroku_yml(app: App) -> Iterator[Hit]:
    if (
        "heroku.yml" in app.folder
        and "Procfile" not in app.folder
        and re.search(r"^run:", app.folder.code("heroku.yml"), re.MULTILINE)
    ):
        yield Hit("heroku.yml", app.line("heroku.yml", "run:"))


def _hooks(app: App) -> Iterator[Hit]:
    for path in ("bin/pre_compile", "bin/post_compile", "bin/pre_build", "bin/post_build"):
        if path in app.folder:
            yield Hit(path, 1, {"what": path})
    scripts = app.folder.data("package.json").get("scripts")
    for name in ("heroku-prebuild", "heroku-postbuild", "heroku-cleanup"):
        said = str(scripts.get(name) or "") if isinstance(scripts, dict) else ""
        if said and not re.fullmatch(r"(?:echo\b[^&|;]*|true|exit 0|:)", said):
            yield Hit("package.json", app.line("package.json", f'"{name}"'), {"what": f"the script {name}"})


def _profile(app: App) -> Iterator[Hit]:
    for path in [".profile", *app.folder.matching(".profile.d/*")]:
        if path in app.folder:
            yield Hit(path, 1)


def _app_json(app: App) -> Iterator[Hit]:
    manifest = app.folder.data("app.json")
    scripts = manifest.get("scripts")
    if isinstance(scripts, dict) and scripts.get("postdeploy"):
        yield Hit("app.json", app.line("app.json", '"postdeploy"'))


def _buildpack(app: App) -> Iterator[Hit]:
    if "bin/compile" in app.folder and "bin/detect" in app.folder:
        yield Hit("bin/compile", 1)
    if ".buildpacks" in app.folder:
        yield Hit(".buildpacks", 1)


def _in_web(app: App) -> Iterator[Hit]:
    """Yield jobs that run inside the web process: a warning if fly.toml lets its Machines stop."""
    service = app.fly_toml.get("http_service")
    stops = isinstance(service, dict) and service.get("auto_stop_machines") in (True, "stop", "suspend")
    for path, (pattern, what) in _IN_WEB.items():
        for file in [file for file in app.code_files if re.fullmatch(path, file)]:
            found = re.search(pattern, app.folder.code(file), re.MULTILINE)
            if not found or _NOT_IN_PRODUCTION.search(found[0]):
                continue
            switch = re.search(r"\bif\s+ENV.*?[\"'](\w+)[\"']", found[0])
            if not switch or switch[1] in app.heroku.config_names or switch[1] in app.set_for_image:
                line = app.folder.code(file).count("\n", 0, found.end() - len(found[0].lstrip())) + 1
                yield Hit(file, line, {"what": what}, WARN if stops else INFO)


def _cron(app: App) -> Iterator[Hit]:
    if app.package("gem:whenever") and "config/schedule.rb" in app.folder:
        yield Hit("config/schedule.rb", 1)


RULES = (
    Rule(
        id="process-nowhere",
        level=BLOCK,
        text="Heroku runs {quantity} of {type} ({command}). Neither the Procfile nor fly.toml has it.",
        remedy="Add it to the Procfile, or use Heroku's commands with migrate_processes_from: heroku.",
        source="https://github.com/heroku/heroku-buildpack-multi-procfile/issues/3",
        find=_nowhere,
    ),
    Rule(
        id="process-command",
        level=WARN,
        text="The command of {type} differs from what Heroku runs: {command}.",
        remedy="Deploy this source on Heroku first, or use Heroku's commands with migrate_processes_from: heroku.",
        source="https://devcenter.heroku.com/articles/platform-api-reference#slug",
        find=_other_command,
    ),
    Rule(
        id="procfile-variable",
        level=WARN,
        text="The config var PROCFILE names another Procfile. Heroku uses that one; Fly would use this one.",
        remedy="Set migrate_source_dir to that app's folder, or migrate_processes_from to heroku.",
        source="https://github.com/heroku/heroku-buildpack-multi-procfile",
        find=_procfile_var,
    ),
    Rule(
        id="other-commit",
        level=WARN,
        text="The folder is at commit {folder}; Heroku runs {slug}.",
        remedy="Check out what Heroku runs, or deploy this commit on Heroku first.",
        source="https://devcenter.heroku.com/articles/platform-api-reference#slug",
        find=_commit,
    ),
    Rule(
        id="uncommitted",
        level=WARN,
        text="{count} tracked files differ from the commit ({names}). Heroku never ran them, and Fly would.",
        remedy="Commit or undo the changes.",
        source="https://fly.io/docs/flyctl/deploy/",
        find=_unseen,
    ),
    Rule(
        id="buildpack-helper",
        level=WARN,
        text="The command uses {word}, which a buildpack installs. An image on Fly does not have it.",
        remedy="Remove it from the command, or install the same in the Dockerfile.",
        source="https://github.com/heroku/heroku-buildpack-pgbouncer/issues/177",
        find=_helper,
    ),
    Rule(
        id="missing-script",
        level=WARN,
        text="The command runs {word}, which is not in the source.",
        remedy="Find out what installs it on Heroku, and do the same in the Dockerfile.",
        source="https://github.com/heroku/heroku-buildpack-pgbouncer/issues/177",
        find=_missing_script,
    ),
    Rule(
        id="heroku-yml",
        level=WARN,
        text="heroku.yml defines the processes, and there is no Procfile.",
        remedy="Use Heroku's commands with migrate_processes_from: heroku.",
        source="https://github.com/errbit/errbit/issues/2320",
        find=_heroku_yml,
    ),
    Rule(
        id="build-hook",
        level=WARN,
        text="Only Heroku's build runs {what}.",
        remedy="Do the same in the Dockerfile.",
        source="https://devcenter.heroku.com/articles/nodejs-support#heroku-specific-build-steps",
        find=_hooks,
    ),
    Rule(
        id="profile",
        level=WARN,
        text="Heroku reads this file before it starts a command. Nothing does so on Fly.",
        remedy="Do the same in the image's ENTRYPOINT.",
        source="https://devcenter.heroku.com/articles/dynos#the-profile-file",
        find=_profile,
    ),
    Rule(
        id="app-json",
        level=INFO,
        urgency=AFTER,
        text="app.json has a postdeploy script for new apps on Heroku. Fly does not run it.",
        remedy="For review apps see fly.io/docs/blueprints/review-apps-guide.",
        source="https://devcenter.heroku.com/articles/app-json-schema",
        find=_app_json,
    ),
    Rule(
        id="own-buildpack",
        level=WARN,
        text="Only Heroku's classic builds read this file.",
        remedy="Do the same in the Dockerfile.",
        source="https://devcenter.heroku.com/articles/buildpack-api",
        find=_buildpack,
    ),
    Rule(
        id="cron",
        level=INFO,
        text="These jobs are for cron (gem whenever). Neither a dyno nor a Machine runs it.",
        remedy="If something else runs them today, set that up for Fly.",
        source="https://devcenter.heroku.com/articles/scheduled-jobs-custom-clock-processes",
        find=_cron,
    ),
    Rule(
        id="clock",
        level=INFO,
        urgency=DAY,
        text="This process schedules jobs. Two of them would run every job twice.",
        remedy="Keep one Machine in its group, and none on Fly before Heroku is frozen.",
        source="https://devcenter.heroku.com/articles/scheduled-jobs-custom-clock-processes",
        files=r"Procfile",
        pattern=rf"^[\w-]+:[^\n]*{_CLOCKS}|^(?:clock|scheduler|beat|cron)\w*:",
    ),
    Rule(
        id="scheduler-in-process",
        level=WARN,
        text="Rufus runs jobs inside this process: in every Machine, and not in one that is stopped.",
        remedy="Run it in a process group of its own with one Machine.",
        source="https://github.com/jmettraux/rufus-scheduler",
        files=r"config/initializers/.*\.rb",
        pattern=r"\bRufus::Scheduler\.(?:new|singleton|s)\b",
        hints=("Rufus::",),
    ),
)


LATER_RULES = (
    Rule(
        id="jobs-in-web",
        level=WARN,
        text="Jobs run inside the web process ({what}). A Machine that auto_stop_machines stops runs none.",
        remedy="Set auto_stop_machines to off in fly.toml, or run the jobs in a process group of their own.",
        source="https://fly.io/docs/launch/autostop-autostart/",
        find=_in_web,
    ),
    Rule(
        id="heroku-cli",
        level=INFO,
        urgency=AFTER,
        text="This calls Heroku's command line ({at}).",
        remedy="Use flyctl, or remove the call.",
        source="https://fly.io/docs/flyctl/",
        files=r"(?:bin|script|scripts|lib/tasks)/.*|Makefile|Rakefile|package\.json",
        pattern=_HEROKU_CLI,
        hints=("heroku ",),
        once=True,
    ),
)

_GEMS = {
    "gem:rails_12factor": "is for Heroku with Rails 4, and obsolete since Rails 5",
    "gem:heroku-deflater": "compresses what Heroku's router does not; Fly's proxy compresses by itself",
    "gem:barnes": "sends metrics to Heroku's agent, which exists nowhere else",
    "gem:judoscale-rails": "scales dynos through the add-on; it has an adapter for Fly",
    "gem:rails-autoscale-web": "scales dynos through the add-on; its successor Judoscale has an adapter for Fly",
    "gem:rails_autoscale_agent": "scales dynos through the add-on; its successor Judoscale has an adapter for Fly",
    "gem:hirefire-resource": "scales dynos; Fly scales by itself, or with its metrics autoscaler",
    "gem:puma_worker_killer": "restarts workers by the memory of a dyno; set it to the Machine's",
    "gem:resque-heroku-signals": "treats the signals of a dyno that stops; Fly sends what kill_signal in fly.toml says",
    "gem:heroku-log-parser": "reads the log of Heroku's router",
    "gem:platform-api": "calls Heroku's API about an app that will be gone",
    "npm:heroku-client": "calls Heroku's API about an app that will be gone",
}


def _gems(app: App) -> Iterator[Hit]:
    for package, what in _GEMS.items():
        if package in app.packages:
            yield Hit(*package_place(app, package), {"name": package.partition(":")[2], "what": what})


PACKAGE_RULES = (
    Rule(
        id="heroku-package",
        level=INFO,
        urgency=AFTER,
        text="{name} {what}.",
        remedy="Remove it, or configure it for Fly.",
        source="https://devcenter.heroku.com/articles/ruby-support-reference",
        find=_gems,
    ),
)
