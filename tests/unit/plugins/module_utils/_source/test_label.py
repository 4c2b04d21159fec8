# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A source's label counts what the build sees, and does not look where the build sees nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source import label

FILES = (
    "Gemfile",
    "README.md",
    ".git/config",
    "app/.git/config",
    "node_modules/a/index.js",
    "node_modules/a/README.md",
    "node_modules/keep/me.js",
    "log/development.log",
    "log/.keep",
    "vendor/node_modules/b.js",
)
IGNORED: dict[str, tuple[list[str], set[str]]] = {
    # patterns; folders that need not be read
    "nothing": ([], {".git"}),
    "a folder": (["node_modules"], {".git", "node_modules"}),
    "a folder with slashes": (["/node_modules/"], {".git", "node_modules"}),
    "a folder at any depth": (["**/node_modules"], {".git", "node_modules", "vendor/node_modules"}),
    "all in a folder": (["log/*", "!log/.keep"], {".git"}),
    "with an exception inside": (["node_modules", "!node_modules/keep/me.js"], {".git", "node_modules/a"}),
    "with an exception elsewhere": (["node_modules", "*.md", "!README*.md"], {".git", "node_modules"}),
    "with an exception anywhere": (["node_modules", "!**/*.md"], set()),
    "with the folder again": (["node_modules", "!node_modules"], {".git"}),
    "everything but": (["*", "!app", "!Gemfile"], {".git", "log", "node_modules", "vendor"}),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("case", IGNORED)
def test_folders_of_which_nothing_counts_are_not_walked(
    source: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, skipped = IGNORED[case]
    ignored = label.Ignore([*lines, *label.ALWAYS_LEFT_OUT])
    looked: list[str] = []
    scandir = os.scandir

    def spy(folder: Any) -> Any:
        looked.append(os.path.relpath(folder, source))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", spy)
    found = {path.relative_to(source).as_posix() for path in label._files(source, ignored)}
    assert found == {name for name in FILES if not ignored.leaves_out(name)}
    assert skipped.isdisjoint(looked)
    if skipped:
        assert not [folder for folder in looked if folder.startswith(tuple(f"{name}/" for name in skipped))]


def test_what_is_ignored_does_not_change_the_label(source: Path) -> None:
    (source / ".dockerignore").write_text("node_modules\n")
    config = source / "fly.toml"
    config.write_text('app = "x"\n')
    before = label.image_label(source, config)
    (source / "node_modules" / "more.js").write_text("x")
    assert label.image_label(source, config) == before
    (source / "Gemfile").write_text("x")
    assert label.image_label(source, config) != before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["Gemfile", "vendor", ".dockerignore"])
def test_what_cannot_be_read_is_named(source: Path, name: str) -> None:
    (source / ".dockerignore").write_text("")
    (source / name).chmod(0)
    with pytest.raises(InputError, match=rf"{name}: it cannot be read \(Permission denied\)"):
        label.image_label(source, source / "README.md")
    (source / name).chmod(0o700)


@pytest.mark.parametrize("name", ["Gemfile", "vendor"])
def test_refusal_to_read_is_no_defect(source: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for root, whom nothing is refused."""

    def refuse(real: Any) -> Any:
        def act(path: Any, *rest: Any) -> Any:
            if str(path) == str(source / name):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *rest)

        return act

    monkeypatch.setattr(os, "scandir", refuse(os.scandir))
    monkeypatch.setattr(Path, "open", refuse(Path.open))
    with pytest.raises(InputError, match=rf"{name}: it cannot be read \(Permission denied\)"):
        label.image_label(source, source / "README.md")


def test_what_is_removed_meanwhile_does_not_count(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = label._files

    def remove(*arguments: Any) -> list[Path]:
        found = listed(*arguments)
        (source / "Gemfile").unlink()
        return found

    monkeypatch.setattr(label, "_files", remove)
    assert label.image_label(source, source / "README.md").startswith("flyover-")
