# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make fleet: audits of many apps of one account, with few forks and many; seconds, requests, and who was refused."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, CHECKOUT, Sandbox

# What names the one app of the sandbox's environment: here each host has its own.
_OF_ONE_APP = ("HEROKU_APP", "FLY_APP", "MIGRATE_FLY_URL")


def scenario(folder: Path, apps: int, left: int) -> Path:
    """Write a scenario of O(apps) apps without add-ons, whose account has O(left) requests left."""
    source = folder / "app"
    source.mkdir()
    (source / "Procfile").write_text("web: python3 -m http.server $PORT\n")
    (source / "fly.toml").write_text("[http_service]\ninternal_port = 8080\n")
    path = folder / "scenario.yml"
    facts = {
        "heroku_app": APP,
        "copies": apps - 1,
        "requests_left": left,
        "config": {"SECRET_KEY_BASE": "one of the sandbox"},
        "formation": {"web": {"quantity": 1, "size": "Basic"}},
        "source": "app",
    }
    path.write_text(json.dumps(facts))
    return path


def inventory(folder: Path, apps: int) -> Path:
    """Write an inventory, as docs/fleet.md has it."""
    names = [APP, *(f"{APP}-{number}" for number in range(2, apps + 1))]
    hosts = {name: {"migrate_heroku_app": name, "migrate_fly_app": name} for name in names}
    path = folder / "inventory.json"
    path.write_text(json.dumps({"heroku_apps": {"hosts": hosts}}))
    return path


def audit(sandbox: Sandbox, hosts: Path, forks: int, apps: int) -> dict[str, Any]:
    """Run the audit playbook for all hosts; return what it took."""
    environment = {**os.environ, **sandbox.environment, "ANSIBLE_NOCOLOR": "1"}
    for name in _OF_ONE_APP:
        environment.pop(name, None)
    before, used, began = len(sandbox.requests()), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("playbooks/audit.yml", "-i", str(hosts), "-e", "migrate_hosts=heroku_apps", "-f", str(forks)),
        ],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    sent = sandbox.requests()[before:]
    services = Counter(request["service"] for request in sent)
    return {
        "apps": apps,
        "forks": forks,
        "seconds": f"{seconds:.0f}",
        "seconds an app": f"{seconds / apps:.1f}",
        "CPU an app": f"{(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime) / apps:.1f}",
        "Heroku's requests an app": f"{services['heroku'] / apps:.0f}",
        "Fly's": f"{services['fly'] / apps:.0f}",
        "refused (429)": sum(request["status"] == 429 for request in sent if request["service"] == "heroku"),
        "written": sum(request["mutating"] for request in sent),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make fleet", description=__doc__)
    parser.add_argument("--apps", type=int, nargs="+", default=[3], help="how many apps, a run for each (default: 3)")
    parser.add_argument("--forks", type=int, nargs="+", default=[1, 10], help="a run for each (default: 1 10)")
    parser.add_argument("--left", type=int, default=4500, help="requests that the account has left at the beginning")
    options = parser.parse_args()
    head = ""
    for apps in options.apps:
        for forks in options.forks:
            # A new sandbox each time, so that every run starts with the same number of requests left.
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                sandbox = Sandbox(folder / "box").up("--scenario", str(scenario(folder, apps, options.left)))
                try:
                    row = audit(sandbox, inventory(folder, apps), forks, apps)
                finally:
                    sandbox.down()
            if not head:
                head = f"| {' | '.join(row)} |"
                print(f"{head}\n|{' ---: |' * len(row)}", flush=True)
            print(f"| {' | '.join(map(str, row.values()))} |", flush=True)


if __name__ == "__main__":
    main()
