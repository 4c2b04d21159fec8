# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make count-requests: how many HTTP requests each run of the role sends on the built-in scenario, as a table."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import Sandbox

RUNS = {
    "audit": ("--check",),
    "rehearsal": (),
    "second rehearsal": (),
    "cut-over": ("-e", "migrate_cutover=true"),
    "second run after it": ("-e", "migrate_cutover=true"),
}
SERVICES = {"heroku": "Heroku", "fly": "Fly.io"}


def counted() -> dict[str, Counter[tuple[str, bool]]]:
    """Run the role as often as RUNS says; return for each run its requests by service and whether they change."""
    counts = {}
    with tempfile.TemporaryDirectory() as name:
        sandbox = Sandbox(Path(name) / "box").up()
        try:
            for run, options in RUNS.items():
                before = len(sandbox.requests())
                sandbox.play("migrate", *options).succeeded()
                sent = sandbox.requests()[before:]
                counts[run] = Counter((request["service"], request["mutating"]) for request in sent)
        finally:
            sandbox.down()
    return counts


def main() -> None:
    """Print the table."""
    heads = [f"{platform}{what}" for platform in SERVICES.values() for what in ("", ", changing")]
    print(f"| run | {' | '.join(heads)} |\n| --- |{' ---: |' * len(heads)}")
    for run, count in counted().items():
        cells = []
        for service in SERVICES:
            changing = count[service, True]
            cells += [count[service, False] + changing, changing]
        print(f"| {run} | {' | '.join(str(cell) for cell in cells)} |")


if __name__ == "__main__":
    main()
