# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role moved its app, and what the playbook had managed before is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_app_was_rehearsed(state: dict[str, Any]) -> None:
    fly = state["fly"]["apps"]["paper-crane"]
    assert sorted(machine["group"] for machine in fly["machines"] if machine["state"] == "started") == ["web", "web"]
    heroku = state["heroku"]["apps"]["paper-crane"]
    assert fly["secrets"]["SECRET_KEY_BASE"] == heroku["config"]["SECRET_KEY_BASE"]
    assert heroku["maintenance"] is False


def test_secrets_of_the_team_are_kept(state: dict[str, Any]) -> None:
    apps = state["fly"]["apps"]
    assert {name: app["secrets"]["TEAM_KEY"] for name, app in apps.items()} == {
        "paper-boat": "key of paper-boat",
        "paper-crane": "key of paper-crane",
    }


def test_the_other_app_got_nothing(state: dict[str, Any]) -> None:
    app = state["fly"]["apps"]["paper-boat"]
    assert list(app["secrets"]) == ["TEAM_KEY"]
    assert app["machines"] == []
    assert app["releases"] == []


def test_files_and_handlers_of_the_team_work(host: Any, box: Path) -> None:
    routes = host.file(str(box / "team" / "routes"))
    assert routes.content_string == "paper-crane herokuapp\n"
    assert routes.mode == 0o640
    # Notified before the role, run after it, once: the second run wrote no route.
    assert host.file(str(box / "team" / "reloads")).content_string == "reloaded\n"


def test_variables_of_the_team_are_what_they_were(host: Any, box: Path) -> None:
    known = host.file(str(box / "team" / "known")).content_string.splitlines()
    assert known == [
        "the team's source, the team's target, the team's findings, platform@example.com",
        f"folder: {box}/team",
        "apps: paper-boat paper-crane",
    ]
