# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README and docs name exists: playbooks, variables, modules and files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [_ROOT / "README.md", _ROOT / "roles" / "migrate" / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_OPTIONS = yaml.safe_load((_ROOT / "roles" / "migrate" / "meta" / "argument_specs.yml").read_text())["argument_specs"]
# Besides the role's own: those of the playbooks, and those that hooks get.
_HOOKS = re.findall(
    r"^ +(migrate_\w+):", (_ROOT / "roles" / "migrate" / "tasks" / "hooks.yml").read_text(), re.MULTILINE
)
_NAMES = {"migrate_hosts", "migrate_overview", *_HOOKS, *_OPTIONS["main"]["options"]}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    for playbook in re.findall(r"ansible-playbook flyover\.heroku_to_fly\.(\w+)", text):
        assert (_ROOT / "playbooks" / f"{playbook}.yml").exists(), playbook
    assert set(re.findall(r"\bmigrate_[a-z_]+[a-z]\b", text)) <= _NAMES
    for link, heading in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", text):
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not heading or heading in _headings(target), f"{link}#{heading}"


def _headings(page: Path) -> set[str]:
    """Return the names by which links reach the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
