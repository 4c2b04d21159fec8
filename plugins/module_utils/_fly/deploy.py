# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Build and deploy through flyctl, only if the current release differs from what is wanted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.polling import poll
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import Flyctl
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.machines import (
    DEPLOYED,
    RELEASE_COMMAND,
    UNKNOWN,
    by_group,
    current_release,
    is_healthy,
    process_group,
    secret_statuses,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.label import image_label

# flyctl has its own timeout; we wait this much longer before we end it (seconds).
GRACE = 120
# For what neither wait_timeout nor flyctl limits: the build, and a release command, limited by fly.toml (seconds).
BUILD = 1800
LOG = 30  # seconds, for an empty log: flyctl always waits for its first line
POLL = 2.0  # seconds
DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "docker-hub-mirror.fly.io")


@dataclass(frozen=True)
class Wanted:
    """What a deploy should achieve."""

    app: str
    source: Path
    config: Path
    image: str | None
    groups: Mapping[str, int]
    strategy: str | None
    wait_timeout: int

    def image_ref(self, check_mode: bool) -> str:
        """Return the image: the one given, or the one built from the source in the app's own repository.

        If fly.toml is missing it is unknown in check mode; otherwise this raises InputError.
        """
        if not self.config.is_file():
            if not check_mode:
                raise InputError(str(self.config), "it does not exist", "Give the path of the app's fly.toml.")
            return self.image or "unknown"
        return self.image or f"registry.fly.io/{self.app}:{image_label(self.source, self.config)}"


@dataclass
class Present:
    """What Fly has for the app now."""

    release: dict[str, Any] | None
    machines: dict[str, list[dict[str, Any]]]
    not_deployed: list[str]
    left: list[str] = field(default_factory=list)
    """Ids of Machines in which a deploy that was killed was going to run its release command."""

    @property
    def image_ref(self) -> str:
        """The current release's image, "" before the first release."""
        return str((self.release or {}).get("image_ref") or "")

    def count(self, group: str) -> int:
        """Return the number of Machines of a process group."""
        return len(self.machines.get(group, []))


def counts(groups: Mapping[str, Any]) -> dict[str, int]:
    """Return O(groups) with counts as integers; raises InputError for anything else."""
    for group, count in groups.items():
        if isinstance(count, bool) or not str(count).isdigit():
            raise InputError(f"groups.{group}", "its number of Machines is not a whole number", "Give 0 or more.")
    return {group: int(count) for group, count in groups.items()}


def read(fly: FlyAPI, app: str) -> Present:
    """Return what Fly has for the app; everything is empty for an app that does not exist."""
    if fly.app(app) is None:
        return Present(None, {}, [])
    machines, releases = fly.machines(app), fly.releases(app, limit=50)
    statuses = secret_statuses(fly.secrets(app), machines, releases)
    waiting = sorted(name for name, status in statuses.items() if status not in (DEPLOYED, UNKNOWN))
    left = [m["id"] for m in machines if process_group(m) == RELEASE_COMMAND and m["state"] in ("created", "stopped")]
    return Present(current_release(releases), by_group(machines), waiting, left)


def build(fly: FlyAPI, flyctl: Flyctl, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Build and push the image without deploying it; return the module's result.

    Nothing is built if the current release already has the image, or if one is given.
    """
    image_ref = wanted.image_ref(check_mode)
    needed = wanted.image is None and not _same_image(read(fly, wanted.app).image_ref, image_ref)
    if needed and not check_mode:
        arguments = [
            "deploy",
            *_target(wanted),
            "--build-only",
            "--push",
            "--image-label",
            image_ref.rpartition(":")[2],
        ]
        flyctl.run(arguments, BUILD + GRACE, f"image of Fly app {wanted.app}", cwd=str(wanted.source))
    reasons = ["the current release was built from another source"] if needed else []
    return {"changed": needed, "image_ref": image_ref, "reasons": reasons}


def deploy(fly: FlyAPI, flyctl: Flyctl, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Deploy and scale if something differs; return the module's result."""
    image_ref = wanted.image_ref(check_mode)
    before = read(fly, wanted.app)
    reasons = _reasons(before, wanted, image_ref)
    counts_differ = {group: count for group, count in wanted.groups.items() if before.count(group) != count}
    after = before
    if not check_mode:
        if (reasons or counts_differ) and _await_leases(fly, wanted, before, flyctl.report):
            return deploy(fly, flyctl, wanted, check_mode)
        if reasons:
            _deploy(fly, flyctl, wanted, before, image_ref)
            after = read(fly, wanted.app)
        if _scale(fly, flyctl, wanted, after):
            after = _settled(fly, wanted, before, after, flyctl.report)
        if reasons or counts_differ:
            _require_healthy(flyctl, wanted, before, after)
    groups = sorted({*before.machines, *after.machines, *wanted.groups})
    return {
        "changed": bool(reasons or counts_differ),
        "reasons": reasons + [f"group {g}: {before.count(g)} Machines, wanted {n}" for g, n in counts_differ.items()],
        "image_ref": image_ref,
        "release": {key: (after.release or {}).get(key) for key in ("version", "status", "image_ref")},
        "groups": {
            g: {
                "before": before.count(g),
                "after": wanted.groups.get(g, after.count(g)) if check_mode else after.count(g),
            }
            for g in groups
        },
        "diff": {"before": _text(before.image_ref, before.machines), "after": _wanted_text(image_ref, before, wanted)},
        "warned": _warnings(wanted, before, after),
    }


def _warnings(wanted: Wanted, before: Present, after: Present) -> list[str]:
    """Name Machines that a killed deploy left: one that someone else has just begun looks the same, so they stay."""
    return [
        f"Machine {machine} was made for the release command of a deploy and never ran, as after one that was killed. "
        f"If no other deploy is running: fly machine destroy {machine} -a {wanted.app}"
        for machine in after.left
        if machine in before.left
    ]


def scale(fly: FlyAPI, flyctl: Flyctl, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Set the number of Machines in each group without deploying; return the module's result."""
    before = read(fly, wanted.app)
    differ = {group: count for group, count in wanted.groups.items() if before.count(group) != count}
    if not check_mode and differ:
        if _await_leases(fly, wanted, before, flyctl.report):
            return scale(fly, flyctl, wanted, check_mode)
        _scale(fly, flyctl, wanted, before)
    return {
        "changed": bool(differ),
        "reasons": [f"group {g}: {before.count(g)} Machines, wanted {n}" for g, n in differ.items()],
        "groups": {g: {"before": before.count(g), "after": n} for g, n in wanted.groups.items()},
    }


def _reasons(before: Present, wanted: Wanted, image_ref: str) -> list[str]:
    reasons = []
    if before.release is None:
        reasons.append("the app has never been released")
    elif not _same_image(before.image_ref, image_ref):
        what = "another image" if wanted.image else "another source or configuration"
        reasons.append(f"the current release has {what}")
    if before.release is not None and before.not_deployed and before.machines:
        reasons.append(f"secrets not deployed yet: {', '.join(before.not_deployed)}")
    reasons += [
        f"group {group} has no Machines"
        for group, count in wanted.groups.items()
        if before.release is not None and count > 0 and before.count(group) == 0
    ]
    return reasons


def _same_image(current: str, wanted: str) -> bool:
    """Compare what both references contain: Fly adds the digest, and names its own mirror of Docker Hub."""
    (name, digest), (wanted_name, wanted_digest) = _named(current), _named(wanted)
    if digest and wanted_digest:
        return digest == wanted_digest
    return bool(current) and name == wanted_name


def _named(image: str) -> tuple[str, str]:
    """Return an image's full name and its digest."""
    name, _at, digest = image.partition("@")
    registry, slash, path = name.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, path = DOCKER_HUB[0], name
    if registry in DOCKER_HUB:
        registry, path = DOCKER_HUB[0], path if "/" in path else f"library/{path}"
    tag = "" if digest or ":" in path else ":latest"
    return f"{registry}/{path}{tag}", digest


def _await_leases(fly: FlyAPI, wanted: Wanted, present: Present, report: Callable[[str], None]) -> bool:
    """Wait until no Machine is leased; flyctl would fail instead of waiting.

    The lease may belong to someone else's deploy, or to a killed one, whose lease on a new Machine lasts as long as
    the deploy would have waited. Return whether there was any lease, because the app may have changed since.
    """
    waited: list[str] = []
    for machine in (machine["id"] for own in present.machines.values() for machine in own):
        clear = f"fly machine leases clear {machine} -a {wanted.app}"

        def tell(lease: dict[str, Any] | None, machine: str = machine, clear: str = clear) -> None:
            waited.append(machine)
            until = _until(lease or {})
            report(f"waiting for a deploy that holds Machine {machine} until {until} (if there is none: {clear})")

        def look(machine: str = machine) -> dict[str, Any] | None:
            return fly.lease(wanted.app, machine)

        lease, free = poll(look, lambda seen: not seen, wanted.wait_timeout + GRACE, POLL, waiting=tell)
        if not free:
            held = lease or {}
            raise StateError(
                f"Machine {machine} of Fly app {wanted.app}",
                f"{held.get('owner') or 'somebody'} holds a lease on it until {_until(held)}, as a deploy does",
                f"Wait for that deploy. If there is none, end the lease with '{clear}' and run again.",
            )
    return bool(waited)


def _until(lease: Mapping[str, Any]) -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime(lease["expires_at"]))


def _deploy(fly: FlyAPI, flyctl: Flyctl, wanted: Wanted, before: Present, image_ref: str) -> None:
    thing = f"deploy of Fly app {wanted.app}"
    # flyctl remembers the version of the secrets that it wrote itself; it has to learn of ours.
    flyctl.run(["secrets", "sync", "-a", wanted.app], GRACE, thing)
    # A public DNS check can take a minute and never fails the deploy.
    arguments = ["deploy", *_target(wanted), "--ha=false", "--dns-checks=false"]
    arguments += ["--wait-timeout", f"{wanted.wait_timeout}s"]
    if wanted.image or _same_image(before.image_ref, image_ref):
        arguments += ["--image", image_ref]
    else:
        arguments += ["--image-label", image_ref.rpartition(":")[2]]
    started = [group for group, count in wanted.groups.items() if count > 0]
    if wanted.groups and not started:
        # An empty list of groups means all of them.
        arguments += ["--update-only"]
    elif len(started) < len(wanted.groups):
        arguments += ["--process-groups", ",".join(started)]
    if wanted.strategy:
        arguments += ["--strategy", wanted.strategy]
    try:
        flyctl.run(arguments, wanted.wait_timeout * 2 + BUILD + GRACE, thing, cwd=str(wanted.source))
    except StateError as failed:
        raise _with_sick_machines(fly, flyctl, wanted, failed) from None


def _target(wanted: Wanted) -> list[str]:
    return ["-a", wanted.app, "-c", str(wanted.config), "--remote-only", "--yes"]


def _scale(fly: FlyAPI, flyctl: Flyctl, wanted: Wanted, present: Present) -> bool:
    differ = {group: count for group, count in wanted.groups.items() if present.count(group) != count}
    # flyctl also does that, but not before the first release, which is just when a failed first deploy must be undone.
    for group in (group for group, count in differ.items() if count == 0):
        for machine in present.machines[group]:
            fly.destroy_machine(wanted.app, machine["id"])
    more = [f"{group}={count}" for group, count in differ.items() if count > 0]
    if more:
        arguments = ["scale", "count", *more, "-a", wanted.app, "--yes"]
        flyctl.run(arguments, wanted.wait_timeout + GRACE, f"scale of Fly app {wanted.app}")
    return bool(differ)


def _settled(fly: FlyAPI, wanted: Wanted, before: Present, present: Present, report: Callable[[str], None]) -> Present:
    """Wait for scaled Machines, at most as long as for those of a deploy; flyctl does not wait."""

    def settled(seen: Present) -> bool:
        return not _sick(wanted, before, seen) and all(
            seen.count(group) == count for group, count in wanted.groups.items()
        )

    return poll(
        lambda: replace(present, machines=by_group(fly.machines(wanted.app))),
        settled,
        wanted.wait_timeout,
        POLL,
        waiting=lambda seen: report(f"waiting for {_names(_sick(wanted, before, seen)) or 'Machines'} to be healthy"),
        first=0.5,
    )[0]


def _sick(wanted: Wanted, before: Present, present: Present) -> list[dict[str, Any]]:
    """Return the Machines that should be healthy and are not; a deploy leaves stopped ones stopped."""
    resting = {m["id"] for machines in before.machines.values() for m in machines if m["state"] == "stopped"}
    return [
        machine
        for group, machines in present.machines.items()
        for machine in machines
        if wanted.groups.get(group, 1) > 0
        and not is_healthy(machine)
        and not (machine["id"] in resting and machine["state"] == "stopped")
    ]


def _names(machines: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{machine['id']} ({process_group(machine)}, {machine['state']})" for machine in machines)


def _require_healthy(flyctl: Flyctl, wanted: Wanted, before: Present, present: Present) -> None:
    sick = _sick(wanted, before, present)
    if sick:
        raise StateError(
            f"Fly app {wanted.app}",
            f"these Machines are not healthy after the deploy: {_names(sick)}. {_end_of_log(flyctl, wanted, sick[0])}",
            f"Check 'fly status -a {wanted.app}', fix the cause and run again.",
            machines=[machine["id"] for machine in sick],
        )


def _with_sick_machines(fly: FlyAPI, flyctl: Flyctl, wanted: Wanted, failed: StateError) -> StateError:
    """Return the deploy's error O(failed), adding the log of an unhealthy Machine.

    flyctl does not show the log of a Machine that runs but whose checks never pass.
    """
    try:
        present = Present(None, by_group(fly.machines(wanted.app)), [])
        sick = _sick(wanted, replace(present, machines={}), present)
    except FlyoverError:
        return failed
    if not sick:
        return failed
    cause = f"{failed.cause}. These Machines are not healthy: {_names(sick)}. {_end_of_log(flyctl, wanted, sick[0])}"
    return StateError(failed.thing, cause, failed.remedy, **failed.facts, machines=[machine["id"] for machine in sick])


def _end_of_log(flyctl: Flyctl, wanted: Wanted, machine: dict[str, Any]) -> str:
    try:
        said = flyctl.run(["logs", "-n", "-a", wanted.app, "--machine", machine["id"]], LOG, "log")
        return f"The end of the log of {machine['id']}: {flyctl.tail(said.encode())}"
    except StateError as error:
        return f"The log of {machine['id']}: {error.cause}"


def _text(image_ref: str, machines: Mapping[str, list[Any]]) -> str:
    lines = [f"image: {image_ref or 'none'}", *(f"{group}: {len(found)}" for group, found in sorted(machines.items()))]
    return "\n".join(lines) + "\n"


def _wanted_text(image_ref: str, before: Present, wanted: Wanted) -> str:
    counts = {**{g: before.count(g) for g in before.machines}, **wanted.groups}
    return _text(image_ref, {group: [None] * count for group, count in counts.items() if count})
