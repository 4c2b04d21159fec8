# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make bench-secrets: what arrives of each hostile value, through the guide's two pipes and through this collection."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.guides_pipe import current_docs, old_guide
from ansible_collections.flyover.heroku_to_fly.tests.benchmarks.hostile_values import VALUES
from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, Sandbox

LONGEST = 32


def migrated(config: dict[str, str]) -> dict[str, str]:
    """Return the secrets on Fly after the role moved O(config) in a sandbox."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app").mkdir()
        (folder / "app" / "Procfile").write_text("web: true\n")
        (folder / "app" / "fly.toml").write_text(f'app = "{APP}"\n')
        scenario = {
            "heroku_app": APP,
            "config": {**config, "SECRET_KEY_BASE": "example"},
            "formation": {"web": {"quantity": 1, "size": "Basic"}},
            "source": "app",
        }
        (folder / "scenario.json").write_text(json.dumps(scenario))
        sandbox = Sandbox(folder / "box").up("--scenario", str(folder / "scenario.json"))
        try:
            sandbox.play("migrate", "-e", '{"migrate_steps": ["provision", "secrets"]}').succeeded()
            found: dict[str, str] = sandbox.fly["secrets"]
            return found
        finally:
            sandbox.down()


def shown(arrived: str | None, wanted: str) -> str:
    """Return a cell of the table."""
    if arrived is None:
        return "lost"
    if arrived == wanted:
        return "equal"
    text = ascii(arrived)
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return f"`{text.replace('|', chr(92) + '|').replace('`', chr(39))}`"


def main() -> None:
    """Print the table and the counts."""
    config = {f"VALUE_{number}": value for number, value in enumerate(VALUES.values())}
    # Each value by itself, because an unclosed quote would swallow the values after it.
    pipes = [
        {name: arrive({name: value}).get(name) for name, value in config.items()}
        for arrive in (old_guide, current_docs)
    ]
    columns = [*pipes, migrated(config)]
    print("| value | guide's pipe | current docs | this collection |\n| --- | --- | --- | --- |")
    for number, (what, value) in enumerate(VALUES.items()):
        cells = [shown(column.get(f"VALUE_{number}"), value) for column in columns]
        print(f"| {what} | {' | '.join(cells)} |")
    equal = [sum(column.get(name) == value for name, value in config.items()) for column in columns]
    print(f"| **equal, of {len(config)}** | {' | '.join(f'**{number}**' for number in equal)} |")


if __name__ == "__main__":
    main()
