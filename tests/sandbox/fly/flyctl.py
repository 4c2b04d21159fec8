# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""flyctl's stand-in: the commands that a migration runs, by the same API calls in the same order. No part of Fly's own.

Standard library only, as it runs with whatever environment its caller leaves it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO
from urllib.parse import urlencode, urlsplit

import tomllib

RELEASE_GROUP = "fly_app_release_command"
PRIVATE = (".flycast", ".internal", ".upstash.io")  # hosts that the organization's network alone has
NONCE = "fly-machine-lease-nonce"
DEPLOY_LEASE, SCALE_LEASE = 13, 120  # seconds
CPU_KINDS = {"shared": 256, "performance": 2048}  # MB for each CPU


class Failed(Exception):
    """What ends a command with 'Error: ...'."""

    code = 1


class TimedOut(Failed):
    """What ran out of its time."""

    code = 126


# The three APIs.


def call(
    base: str,
    method: str,
    path: str,
    body: Any = None,
    quiet: bool = False,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Any:
    """Return the answer's JSON; raises Failed. With O(quiet) 404 gives None."""
    token = (os.environ.get("FLY_ACCESS_TOKEN") or os.environ.get("FLY_API_TOKEN") or "").strip()
    if not token:
        raise Failed("no access token available. Please login with 'flyctl auth login'")
    url = os.environ.get(base, "").rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
    headers = {
        "Authorization": authorization(base, token),
        "User-Agent": "flyctl/sandbox",
        "Content-Type": "application/json",
        **(headers or {}),
    }
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(40):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=90
            ) as answer:
                content = answer.read()
                return json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            if error.code in (429, 502, 503) and attempt < 39:
                time.sleep(0.3)
                continue
            if error.code == 404 and quiet:
                return None
            raise Failed(f"{method} {path}: {error.code} {error.read(300).decode(errors='replace')}") from None
        except OSError as error:
            if attempt < 3:
                time.sleep(0.3)
                continue
            raise Failed(f"{method} {path}: {error}") from None
    return None


def authorization(base: str, token: str) -> str:
    """Return the header: only GraphQL and the REST take both kinds of tokens at once."""
    parts = token.split(",")
    macaroons = [part for part in parts if part.startswith(("fm1r_", "fm1a_", "fm2_"))]
    if base == "FLY_UIEX_BASE_URL" or not macaroons:
        return f"Bearer {token}"
    return f"FlyV1 {','.join(macaroons if base == 'FLY_FLAPS_BASE_URL' else parts)}"


def flaps(method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Call the Machines API."""
    return call("FLY_FLAPS_BASE_URL", method, f"/v1{path}", body, **options)


def uiex(method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Call the REST of releases and Managed Postgres."""
    return call("FLY_UIEX_BASE_URL", method, f"/api/v1{path}", body, **options)


def graphql(query: str, **variables: Any) -> Any:
    """Call GraphQL."""
    answer = call("FLY_API_BASE_URL", "POST", "/graphql", {"query": query, "variables": variables})
    if answer.get("errors"):
        raise Failed(answer["errors"][0]["message"])
    return answer["data"]


# fly.toml


def configuration(arguments: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Return fly.toml's path and content, checked."""
    path = Path(arguments.config or "fly.toml").resolve()
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"failed to load {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise Failed(f"failed to parse {path}: {error}") from None
    for text in problems(config):
        raise Failed(f"App configuration is not valid: {text}")
    return path, config


def processes(config: dict[str, Any]) -> dict[str, str]:
    """Return [processes] in its modern form, with the default group where there is none."""
    given = config.get("processes") or {}
    if isinstance(given, list):
        given = {entry.get("name"): entry.get("command", "") for entry in given}
    return given or {"app": ""}


def services(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every service, http_service among them."""
    http = config.get("http_service")
    return [*([{**http, "http": True}] if http else []), *(s for s in config.get("services") or [] if s)]


def problems(config: dict[str, Any]) -> list[str]:
    """Return what flyctl's own validation refuses (internal/appconfig/validation.go)."""
    found = []
    groups = processes(config)
    defined = bool(config.get("processes"))
    for service in services(config):
        named = service.get("processes") or []
        if defined and not named:
            found.append(
                f"Service has no processes set but app has {len(groups)} processes defined; update fly.toml to set "
                "processes for each service"
            )
        found += [f"Service specifies '{g}' as one of its processes, but no processes are defined with that name"
                  for g in named if g not in groups]  # fmt: skip
    for key in ("vm", "mounts", "restart", "statics", "files", "metrics"):
        sections = config.get(key)
        for section in sections if isinstance(sections, list) else []:
            found += [
                f"[[{key}]] names the unknown process group '{g}'"
                for g in section.get("processes") or []
                if g not in groups
            ]
    commands = dict(groups)
    if (config.get("deploy") or {}).get("release_command"):
        commands["release_command"] = config["deploy"]["release_command"]
    for name, command in commands.items():
        try:
            shlex.split(command)
        except ValueError as error:
            found.append(f"can't shell split command of {name}: {error}")
    strategy = (config.get("deploy") or {}).get("strategy", "rolling")
    if strategy not in ("rolling", "canary", "immediate", "bluegreen"):
        found.append(f"unsupported deployment strategy '{strategy}'")
    return found


def guest(config: dict[str, Any], group: str) -> dict[str, Any]:
    """Return a group's guest from [[vm]]."""
    sections = config.get("vm") or config.get("compute") or []
    sections = sections if isinstance(sections, list) else [sections]
    own = [s for s in sections if group in (s.get("processes") or [])] or [
        s for s in sections if not s.get("processes")
    ]
    section = own[0] if own else {}
    size = section.get("size", "shared-cpu-1x")
    kind = "performance" if size.startswith("performance") else "shared"
    cpus = int(section.get("cpus") or size.rstrip("x").rpartition("-")[2])
    memory = section.get("memory_mb") or section.get("memory") or CPU_KINDS[kind] * cpus
    if isinstance(memory, str):
        number = memory.lower().removesuffix("b")
        memory = int(float(number.rstrip("mg")) * (1024 if number.endswith("g") else 1))
    return {"cpu_kind": section.get("cpu_kind", kind), "cpus": cpus, "memory_mb": memory}


def machine_config(config: dict[str, Any], group: str, image: str, release: dict[str, Any]) -> dict[str, Any]:
    """Return a Machine's configuration for one group."""
    default = "app" if "app" in processes(config) else min(processes(config))
    found: dict[str, Any] = {
        "image": image,
        "env": {
            **{name: str(value) for name, value in (config.get("env") or {}).items()},
            "FLY_PROCESS_GROUP": group,
            "PRIMARY_REGION": config.get("primary_region", "iad"),
        },
        "guest": guest(config, group),
        "init": {},
        "metadata": {
            "fly_platform_version": "v2",
            "fly_process_group": group,
            "fly_release_id": str(release["id"]),
            "fly_release_version": str(release["version"]),
            "fly_flyctl_version": "sandbox",
        },
        "restart": {"policy": "on-failure", "max_retries": 10},
        "services": [
            {
                "protocol": service.get("protocol", "tcp"),
                "internal_port": int(service.get("internal_port") or 8080),
                "ports": service.get("ports") or [{"port": 80}, {"port": 443}],
                "checks": checks(service),
            }
            for service in services(config)
            if group in (service.get("processes") or [default])
        ],
    }
    command = processes(config)[group]
    if command:
        found["init"]["cmd"] = shlex.split(command)
    entrypoint = (config.get("experimental") or {}).get("entrypoint")
    if entrypoint:
        found["init"]["entrypoint"] = [entrypoint] if isinstance(entrypoint, str) else entrypoint
    if config.get("kill_signal"):
        found["stop_config"] = {"signal": config["kill_signal"], "timeout": str(config.get("kill_timeout", "5s"))}
    return found


def checks(service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a service's health checks."""
    http = [*(service.get("checks") or []), *(service.get("http_checks") or [])]
    return [
        {
            "type": "http",
            "method": check.get("method", "get"),
            "path": check.get("path", "/"),
            "headers": [{"name": n, "values": [v]} for n, v in (check.get("headers") or {}).items()],
        }
        for check in http
    ] + [{"type": "tcp"} for _check in service.get("tcp_checks") or []]


# Commands


def deploy(arguments: argparse.Namespace) -> None:
    """Build, release, roll the Machines."""
    say("==> Verifying app config")
    path, config = configuration(arguments)
    say("--> Verified app config")
    app = app_name(arguments, config)
    found = flaps("GET", f"/apps/{app}")
    say("==> Building image")
    uiex("GET", f"/organizations/{found['organization']['slug']}")
    image = find_image(app, arguments.image) if arguments.image else build(app, path, config, arguments)
    print(f"image: {image}")
    if arguments.build_only:
        return
    machines = own_machines(app)
    first = not machines and found["status"] == "pending"
    if first and services(config) and not flaps("GET", f"/apps/{app}/ip_assignments")["ips"]:
        for kind in ("v6", "shared_v4"):
            flaps("POST", f"/apps/{app}/ip_assignments", {"type": kind})
    definition = {**config, "app": app}
    body = {
        "app_name": app,
        "definition": definition,
        "image": image,
        "strategy": (arguments.strategy or "rolling").upper(),
    }
    release = uiex("POST", "/releases", body)["release"]
    uiex("PATCH", f"/releases/{release['id']}", {"status": "running"})
    try:
        run_release_command(app, config, image, release, arguments)
        roll(app, config, image, release, machines, arguments)
    except BaseException:
        with contextlib.suppress(Failed):
            uiex("PATCH", f"/releases/{release['id']}", {"status": "failed"})
        raise
    uiex("PATCH", f"/releases/{release['id']}", {"status": "complete"})
    print(f"Visit your newly deployed app at https://{app}.fly.dev/")
    if os.environ.get("FLY_EMIT_RELEASE_JSON"):
        print(json.dumps({"id": release["id"], "version": release["version"], "image_ref": image}))


def build(app: str, path: Path, config: dict[str, Any], arguments: argparse.Namespace) -> str:
    """Push the source folder as an image, made by a builder or from a Dockerfile."""
    wanted = config.get("build") or {}
    if wanted.get("image"):
        return str(wanted["image"])
    source = Path(arguments.source).resolve() if arguments.source else path.parent
    dockerfile = path.parent / wanted["dockerfile"] if wanted.get("dockerfile") else None
    if dockerfile and not wanted.get("builder") and not dockerfile.is_file():
        raise Failed(f"failed to fetch an image or build from source: dockerfile '{dockerfile}' not found")
    found = [name for name in ("Dockerfile", "dockerfile") if (source / name).is_file()]
    if not wanted.get("builder") and not dockerfile and not found:
        raise Failed(
            "failed to fetch an image or build from source: app does not have a Dockerfile or buildpacks configured. "
            "See https://fly.io/docs/reference/configuration/#the-build-section"
        )
    label = arguments.image_label or f"deployment-{int(time.time())}"
    body = {"source": str(source), "buildpacks": bool(wanted.get("builder"))}
    say("==> Pushing image to fly")
    with recorded_build(app):
        pushed = call("FLY_FLAPS_BASE_URL", "PUT", f"/registry/{app}/{label}", body)
    say("--> Pushing image done")
    return str(pushed["image"])


def find_image(app: str, image: str) -> str:
    """Return an image's full reference, as Fly resolves it."""
    query = "query($app: String!, $ref: String!) { app(name: $app) { image(ref: $ref) { ref } } }"
    with recorded_build(app):
        found = graphql(query, app=app, ref=image)["app"]["image"]
        if not found:
            raise Failed(f"failed to fetch an image or build from source: could not find image {image!r}")
    return str(found["ref"])


@contextlib.contextmanager
def recorded_build(app: str) -> Iterator[None]:
    """Tell Fly of a build, also where an image is only looked for."""
    number = uiex("POST", "/builds", {"app_name": app})["id"]
    status = "failed"
    try:
        yield
        status = "completed"
    finally:
        uiex("POST", "/builds/finish", {"build_id": number, "app_name": app, "status": status})


def run_release_command(
    app: str, config: dict[str, Any], image: str, release: dict[str, Any], arguments: argparse.Namespace
) -> None:
    """Run [deploy] release_command in a Machine of its own; it must end with 0."""
    command = (config.get("deploy") or {}).get("release_command")
    if not command or arguments.skip_release_command:
        return
    say(f"Running {app} release_command: {command}")
    wanted = machine_config(config, next(iter(processes(config))), image, release)
    wanted["init"]["cmd"] = shlex.split(command)
    wanted["metadata"]["fly_process_group"] = RELEASE_GROUP
    wanted["env"] |= {"FLY_PROCESS_GROUP": RELEASE_GROUP, "RELEASE_COMMAND": "1"}
    wanted |= {"services": [], "restart": {"policy": "no"}, "auto_destroy": True}
    machine = flaps("POST", f"/apps/{app}/machines", {"config": wanted, "skip_launch": True})["id"]
    path = f"/apps/{app}/machines/{machine}"
    say(f"> Created release_command machine {machine}", sys.stdout)
    flaps("GET", f"{path}/wait", state="stopped", timeout=60)
    say("Starting machine")
    flaps("POST", f"{path}/start")
    flaps("GET", f"{path}/wait", quiet=True, state="started", timeout=60)  # it may have ended already
    flaps("GET", f"{path}/wait", state="destroyed", timeout=60)
    events = flaps("GET", path)["events"]
    code = next(event for event in events if event["type"] == "exit")["request"]["exit_event"].get("exit_code", 0)
    if code:
        said = "\n".join(log_of(app, machine))
        say("✖ release_command failed", sys.stdout)
        say(f"Error release_command failed running on machine {machine} with exit code {code}.")
        say(f"Checking logs: fetching the last 100 lines below:\n{said.strip()}")
        raise Failed(f"machine {machine} exited with non-zero status of {code}")
    say(f"✔ release_command {machine} completed successfully", sys.stdout)


def log_of(app: str, machine: str = "") -> list[str]:
    """Return what a Machine, or all of them, printed."""
    # Next to GraphQL, but with the tokens of the Machines API.
    entries = call("FLY_FLAPS_BASE_URL", "GET", f"/api/v1/apps/{app}/logs", instance=machine, next_token="")["data"]
    return [entry["attributes"]["message"] for entry in entries]


def roll(
    app: str,
    config: dict[str, Any],
    image: str,
    release: dict[str, Any],
    machines: list[dict[str, Any]],
    arguments: argparse.Namespace,
) -> None:
    """Update, create and destroy Machines, and wait until they are healthy."""
    groups = list(processes(config))
    only = [group for group in (arguments.process_groups or "").split(",") if group]
    for group in only:
        if group not in groups:
            raise Failed(f"unknown process group '{group}'")
    for machine in machines:
        # Machines of other groups are left alone where groups are named.
        if not only and group_of(machine) not in groups:
            flaps("DELETE", f"/apps/{app}/machines/{machine['id']}", kill="true")
    if machines:
        say(f"Updating existing machines in '{app}' with {arguments.strategy or 'rolling'} strategy", sys.stdout)
    for group in only or groups:
        wanted = machine_config(config, group, image, release)
        present = [machine["id"] for machine in machines if group_of(machine) == group]
        for machine in present:
            with leased(app, machine, DEPLOY_LEASE) as nonce:
                flaps("POST", f"/apps/{app}/machines/{machine}", {"config": wanted}, headers=nonce)
                healthy(app, machine, arguments.timeout)
        if not present and not arguments.update_only:
            say(f"No machines in group {group}, launching a new machine", sys.stdout)
        missing = 0 if present or arguments.update_only else 2 if arguments.ha and wanted["services"] else 1
        # Nobody else may touch a new Machine until it is healthy, also when this process is killed.
        body = {"config": wanted, "region": region(config), "lease_ttl": int(arguments.timeout)}
        for _number in range(missing):
            made = flaps("POST", f"/apps/{app}/machines", body)
            with leased(app, made["id"], nonce=made["nonce"]):
                healthy(app, made["id"], arguments.timeout)


@contextlib.contextmanager
def leased(app: str, machine: str, seconds: int = 0, nonce: str = "") -> Iterator[dict[str, str]]:
    """Lease a Machine, unless O(nonce) is of a lease; give the header that it is changed with, and the lease back."""
    headers = {NONCE: nonce or flaps("POST", f"/apps/{app}/machines/{machine}/lease", ttl=seconds)["data"]["nonce"]}
    try:
        yield headers
    finally:
        # It may have ended by itself.
        call("FLY_FLAPS_BASE_URL", "DELETE", f"/v1/apps/{app}/machines/{machine}/lease", quiet=True, headers=headers)


def healthy(app: str, machine: str, timeout: float) -> None:
    """Wait until a Machine is started and its checks pass; only of one that ends the log is shown."""
    say(f"> Checking health of machine {machine}", sys.stdout)
    deadline = time.monotonic() + timeout
    with contextlib.suppress(Failed):  # it may have ended already
        flaps("GET", f"/apps/{app}/machines/{machine}/wait", state="started", timeout=min(60, int(timeout)))
    while True:
        found = flaps("GET", f"/apps/{app}/machines/{machine}")
        if found["state"] == "started" and all(check["status"] == "passing" for check in found["checks"]):
            say(f"✔ Machine {machine} is now in a good state", sys.stdout)
            return
        if found["state"] in ("stopped", "destroyed"):
            said = "\n".join(log_of(app, machine))
            raise Failed(
                f"smoke checks for {machine} failed: the app appears to be crashing\n"
                f"Check its logs: here's the last lines below, or run 'fly logs -i {machine}':\n{said}"
            )
        if time.monotonic() > deadline:
            raise TimedOut(f"timeout reached waiting for health checks to pass for machine {machine}")
        time.sleep(0.25)


def scale_count(arguments: argparse.Namespace) -> None:
    """Create and destroy Machines until each group has its number, without waiting for those that start."""
    app = app_name(arguments, {})
    current = graphql(
        "query($name: String!) { app(name: $name)"
        " { currentReleaseUnprocessed { id version imageRef configDefinition } } }",
        name=app,
    )["app"]["currentReleaseUnprocessed"]
    if not current:
        raise Failed("this app has no complete releases. Run `fly deploy` to create one and rerun this command")
    config = current["configDefinition"]
    machines = own_machines(app)
    release = {"id": current["id"], "version": current["version"]}
    with contextlib.ExitStack() as leases:
        # Of all Machines, also those of other groups.
        nonces = {m["id"]: leases.enter_context(leased(app, m["id"], SCALE_LEASE)) for m in machines}
        for pair in arguments.counts:
            group, _equals, number = pair.rpartition("=")
            group = group or "app"
            if group not in processes(config):
                raise Failed(f"unknown process group '{group}'")
            present = [machine["id"] for machine in machines if group_of(machine) == group]
            for machine in present[int(number) :]:
                flaps("DELETE", f"/apps/{app}/machines/{machine}", headers=nonces[machine], kill="true")
            wanted = machine_config(config, group, current["imageRef"], release)
            for _number in range(len(present), int(number)):
                flaps("POST", f"/apps/{app}/machines", {"config": wanted, "region": region(config)})


def secrets_sync(arguments: argparse.Namespace) -> None:
    """Learn the version of the app's secrets, as flyctl does: by unsetting a secret that does not exist."""
    app = app_name(arguments, {})
    version = flaps("POST", f"/apps/{app}/secrets", {"values": {"BogusDummySecret_0123456789abcdef": None}})["version"]
    print(f"secrets of {app} are at version {version}")


def config_validate(arguments: argparse.Namespace) -> None:
    """Check fly.toml."""
    path, _config = configuration(arguments)
    print(f"Validating {path}\nConfiguration is valid")


# fly launch, with all that it does unless it is told not to (internal/command/launch, scanner/rails.go).


def launch(arguments: argparse.Namespace) -> None:
    """Create an app for the source in the working directory, with secrets and databases, and write its files."""
    here = Path.cwd()
    org = organization(arguments.org)
    rails = is_rails(here)
    ruby = not rails and (here / "Gemfile").is_file() and (here / "config.ru").is_file()
    nothing = "Could not find a Dockerfile, nor detect a runtime or framework from source code."
    print(
        f"Detected a {'Rails' if rails else 'Ruby'} app" if rails or ruby else f"{nothing} Continuing with a blank app."
    )
    tools = {name: tool(name) for name in ("bundle", "ruby")} if rails else {}
    name = arguments.name or re.sub(r"[^a-z0-9]+", "-", here.name.lower()).strip("-")
    if call("FLY_FLAPS_BASE_URL", "GET", f"/v1/apps/{name}", quiet=True):
        name = f"{name}-{secrets.token_hex(3)}"  # taken, so it makes up another one
    if not arguments.no_create:
        flaps("POST", "/apps", {"name": name, "org_slug": org})
        print(f"Created app '{name}' in organization '{org}'")
    if (here / ".github").is_dir() and not arguments.no_github_workflow:
        write(here / ".github" / "workflows" / "fly-deploy.yml", "on: push\n", 0o600)
    if rails:
        launch_secrets(name, here)
    elif ruby:
        write(here / "Dockerfile", "FROM ruby:3.4\nWORKDIR /app\nCOPY . .\nRUN bundle install\nEXPOSE 8080\n", 0o600)
    if not arguments.no_create:
        launch_databases(name, org, here, arguments)
    if rails:
        generate(here, tools)
    ignored = here / ".gitignore"
    if arguments.dockerignore_from_gitignore and ignored.is_file() and not (here / ".dockerignore").exists():
        write(here / ".dockerignore", f"# flyctl launch added from .gitignore\n{ignored.read_text()}fly.toml\n")
    service = "force_https = true\nauto_stop_machines = 'stop'\nmin_machines_running = 0\nprocesses = ['app']\n"
    write(here / "fly.toml", f"app = '{name}'\n\n[http_service]\ninternal_port = 3000\n{service}")
    if not arguments.no_deploy and not arguments.no_create:
        raise Failed("this stand-in's launch does not deploy: use --no-deploy")
    print("Your app is ready! Deploy with `flyctl deploy`")


def organization(wanted: str) -> str:
    """Return the slug of an organization of the token's."""
    found = graphql("{ organizations { nodes { slug rawSlug name } } }")["organizations"]["nodes"]
    if not any(wanted in (o["slug"], o["rawSlug"], o["name"]) for o in found):
        raise Failed(f"organization '{wanted}' not found")
    return wanted


def is_rails(here: Path) -> bool:
    """Return whether the scanner takes the folder for a Rails app."""
    texts = {name: (here / name).read_text() for name in ("config.ru", "Gemfile.lock") if (here / name).is_file()}
    return (
        (here / "bin" / "rails").is_file()
        or "Rails" in texts.get("config.ru", "")
        or " rails " in texts.get("Gemfile.lock", "")
    )


def tool(name: str) -> str:
    """Return the path of a program."""
    found = shutil.which(name)
    if not found:
        raise Failed(f'failure finding {name} executable: exec: "{name}": executable file not found in $PATH')
    return found


def launch_secrets(name: str, here: Path) -> None:
    """Set the key of Rails' credentials, or a random SECRET_KEY_BASE, also where no app was created.

    A key without a value would be asked for; nobody answers, so that it is left out.
    """
    keys = [here / "config" / path for path in ("credentials/production.key", "master.key")]
    found = next((path.read_text() for path in keys if path.is_file()), None)
    values = {"SECRET_KEY_BASE": secrets.token_hex(64)} if found is None else {"RAILS_MASTER_KEY": found}
    values = {secret: value for secret, value in values.items() if value}
    if values:
        flaps("POST", f"/apps/{name}/secrets", {"values": values})
        print(f"Set secrets on {name}: {', '.join(values)}")


def launch_databases(name: str, org: str, here: Path, arguments: argparse.Namespace) -> None:
    """Create what the source seems to want: an unmanaged Postgres, which is an app of its own, and a Redis."""
    database = here / "config" / "database.yml"
    if not arguments.no_db and database.is_file() and re.search("adapter.*postgres", database.read_text()):
        flaps("POST", "/apps", {"name": f"{name}-db", "org_slug": org})
        flaps("POST", f"/apps/{name}/secrets", {"values": {"DATABASE_URL": f"postgres://{name}-db.flycast:5432"}})
    production = here / "config" / "environments" / "production.rb"
    if not arguments.no_redis and production.is_file() and "redis" in production.read_text():
        wanted = {"organizationId": org, "name": f"{name}-redis", "type": "upstash_redis", "primaryRegion": "iad",
                  "planId": "ekQ85Yjkw155ohQ5ALYq0M", "options": {"eviction": True}}  # fmt: skip
        graphql("mutation($i: CreateAddOnInput!) { createAddOn(input: $i) { addOn { name } } }", i=wanted)


def generate(here: Path, tools: dict[str, str]) -> None:
    """Add the gem dockerfile-rails and run its generator."""
    if "dockerfile-rails" not in (here / "Gemfile").read_text():
        added = [tools["bundle"], "add", "dockerfile-rails", "--optimistic", "--group", "development", "--skip-install"]
        subprocess.run(added, stdin=subprocess.DEVNULL, check=False)
    if subprocess.run([tools["bundle"], "install", "--quiet"], stdin=subprocess.DEVNULL, check=False).returncode:
        raise Failed("Failed to install bundle, exiting: exit status 1")
    (here / "fly.toml").touch()
    words = ["bin/rails", "generate", "dockerfile", "--label=fly_launch_runtime:rails"]
    print(f"Running: {' '.join(words)}", flush=True)
    code = subprocess.run([tools["ruby"], *words], check=False).returncode
    if not (here / "Dockerfile").is_file():
        why = f"Failed to generate Dockerfile: exit status {code}" if code else "Failed to read Dockerfile"
        raise Failed(why)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file, over one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def logs(arguments: argparse.Namespace) -> None:
    """Print what the Machines, or one of them, wrote."""
    while not (lines := log_of(app_name(arguments, {}), arguments.machine or "")):
        time.sleep(1)  # flyctl waits for the first line, also with --no-tail
    print("\n".join(lines))


def status(arguments: argparse.Namespace) -> None:
    """Print the app's Machines."""
    for machine in own_machines(app_name(arguments, {})):
        print(machine["id"], group_of(machine), machine["state"])


def proxy(arguments: argparse.Namespace) -> None:
    """Forward a local port to a host of the private network."""
    local, _colon, remote = arguments.ports.partition(":")
    host, port = arguments.host or "127.0.0.1", int(remote or local)
    if host.endswith(PRIVATE):
        found = call("FLY_FLAPS_BASE_URL", "GET", f"/_sandbox/private/{host}")
        host, port = found["host"], found["port"]
    try:
        socket.getaddrinfo(host, port)
    except OSError:
        raise Failed(f"host was not found in DNS: {host}") from None
    relay(arguments.bind_addr, int(local), host, port)


def mpg_proxy(arguments: argparse.Namespace) -> None:
    """Forward a local port to a Managed Postgres cluster."""
    found = uiex("GET", f"/postgresv2/{arguments.cluster}")
    address = urlsplit(found["credentials"]["pgbouncer_uri"] or "")
    if not address.hostname:
        raise Failed(f"cluster {arguments.cluster} is not ready")
    relay(arguments.bind_addr, arguments.local_port, address.hostname, address.port or 5432)


def relay(bind: str, port: int, host: str, remote: int) -> NoReturn:
    """Forward connections until the process is ended."""
    listener = socket.create_server((bind, port))
    print(f"Proxying localhost:{port} to remote [{host}]:{remote}", flush=True)
    while True:
        here, _address = listener.accept()
        try:
            there = socket.create_connection((host, remote))
        except OSError:
            here.close()
            continue
        for source, sink in ((here, there), (there, here)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy one direction of a connection."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 17):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


# Common parts


def say(text: str, stream: TextIO = sys.stderr) -> None:
    """Print a line at once, as flyctl does where nobody watches a terminal."""
    print(text, file=stream, flush=True)


def app_name(arguments: argparse.Namespace, config: dict[str, Any]) -> str:
    """Return the app that a command is for."""
    name = arguments.app or os.environ.get("FLY_APP") or config.get("app")
    if not name:
        raise Failed("the config for your app is missing an app name; add an app field to the fly.toml file")
    return str(name)


def own_machines(app: str) -> list[dict[str, Any]]:
    """Return the app's Machines without those of release commands."""
    return [m for m in flaps("GET", f"/apps/{app}/machines") if group_of(m) != RELEASE_GROUP]


def group_of(machine: dict[str, Any]) -> str:
    """Return a Machine's process group."""
    return str((machine["config"].get("metadata") or {}).get("fly_process_group", "app"))


def region(config: dict[str, Any]) -> str:
    """Return the app's primary region."""
    return str(config.get("primary_region") or "iad")


def seconds(text: str) -> float:
    """Return a duration such as 5m, 90s or 300 in seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    return float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    top = argparse.ArgumentParser(prog="flyctl", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(under: Any, name: str, run: Any) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = under.add_parser(name)
        found.set_defaults(run=run)
        found.add_argument("-a", "--app")
        found.add_argument("-c", "--config")
        return found

    def group(name: str) -> Any:
        return commands.add_parser(name).add_subparsers(required=True)

    found = command(commands, "deploy", deploy)
    found.add_argument("source", nargs="?")
    for flag in (
        "--remote-only",
        "--local-only",
        "--build-only",
        "--push",
        "--detach",
        "--skip-release-command",
        "--update-only",
    ):
        found.add_argument(flag, action="store_true")
    found.add_argument("-y", "--yes", action="store_true")
    found.add_argument("--ha", nargs="?", const="true", default="true", type=lambda text: text != "false")
    found.add_argument("--dns-checks", default="true")
    found.add_argument("-i", "--image")
    for flag in ("--image-label", "--process-groups", "--strategy"):
        found.add_argument(flag)
    found.add_argument("--wait-timeout", dest="timeout", default=300.0, type=seconds)
    launched = command(commands, "launch", launch)
    launched.add_argument("--name")
    launched.add_argument("-o", "--org", default="personal")
    for flag in ("create", "deploy", "db", "redis", "object-storage", "github-workflow"):
        launched.add_argument(f"--no-{flag}", action="store_true")
    launched.add_argument("--dockerignore-from-gitignore", action="store_true")
    launched.add_argument("-y", "--yes", action="store_true")
    launched.add_argument("--ha", nargs="?", const="true", default="true")
    scale = command(group("scale"), "count", scale_count)
    scale.add_argument("counts", nargs="+")
    scale.add_argument("-y", "--yes", action="store_true")
    command(group("secrets"), "sync", secrets_sync)
    validate = command(group("config"), "validate", config_validate)
    validate.add_argument("--strict", action="store_true")
    log = command(commands, "logs", logs)
    log.add_argument("-n", "--no-tail", action="store_true")
    log.add_argument("-m", "--machine")
    command(commands, "status", status)
    tunnel = command(commands, "proxy", proxy)
    tunnel.add_argument("ports")
    tunnel.add_argument("host", nargs="?")
    tunnel.add_argument("-b", "--bind-addr", default="127.0.0.1")
    tunnel.add_argument("-q", "--quiet", action="store_true")
    cluster = command(group("mpg"), "proxy", mpg_proxy)
    cluster.add_argument("cluster")
    cluster.add_argument("-p", "--local-port", type=int, default=16380)
    cluster.add_argument("-b", "--bind-addr", default="127.0.0.1")
    version = commands.add_parser("version")
    version.set_defaults(run=lambda _arguments: print("flyctl v0.0.0-sandbox: a stand-in, no part of Fly.io's client"))
    return top


def main() -> None:
    """Run one command, with flyctl's exit codes."""
    arguments = parser().parse_args()
    print("This is the sandbox's stand-in for flyctl.", file=sys.stderr)
    try:
        arguments.run(arguments)
    except Failed as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(127)


if __name__ == "__main__":
    main()
