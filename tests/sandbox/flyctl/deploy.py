# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""flyctl deploy: build, release, and roll out to the Machines."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .api import Failed, call, flaps, graphql, uiex
from .config import configuration, machine_config, processes, region, services
from .machines import RELEASE_GROUP, app_name, group_of, healthy, leased, log_of, own_machines, say

DEPLOY_LEASE, SCALE_LEASE = 13, 120  # seconds


def deploy(arguments: argparse.Namespace) -> None:
    """Build, release, and roll out to the Machines."""
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
    """Push the source folder as an image, built by a builder or from a Dockerfile."""
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
    """Record a build at Fly, even if an image is only looked up."""
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
    """Run [deploy] release_command in its own Machine; it must exit with 0."""
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
    flaps("GET", f"{path}/wait", quiet=True, state="started", timeout=60)  # it may already have ended
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
        # If groups are named, Machines of other groups are left alone.
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
        # Nobody else may change a new Machine until it is healthy, even if this process is killed.
        body = {"config": wanted, "region": region(config), "lease_ttl": int(arguments.timeout)}
        for _number in range(missing):
            made = flaps("POST", f"/apps/{app}/machines", body)
            with leased(app, made["id"], nonce=made["nonce"]):
                healthy(app, made["id"], arguments.timeout)


def scale_count(arguments: argparse.Namespace) -> None:
    """Create and destroy Machines until each group has its number, without waiting for new ones to start."""
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
        # From all Machines, including those of other groups.
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
    """Find out the version of the app's secrets like flyctl: by unsetting a secret that does not exist."""
    app = app_name(arguments, {})
    version = flaps("POST", f"/apps/{app}/secrets", {"values": {"BogusDummySecret_0123456789abcdef": None}})["version"]
    print(f"secrets of {app} are at version {version}")


def config_validate(arguments: argparse.Namespace) -> None:
    """Check fly.toml."""
    path, _config = configuration(arguments)
    print(f"Validating {path}\nConfiguration is valid")
