# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files before and after: tests/unit/corpus/fly_toml has a folder for each, with the source of an app.

C(before.toml) becomes C(after.toml), byte for byte; a folder without the former has no fly.toml yet. C(options.yml) has

- C(about): what the folder shows
- C(options): of the module, beside C(path), and C(procfile) where there is a C(Procfile)
- C(warnings): a part of each warning, in order, but for the one that a group's Machines may be destroyed
- C(crlf), C(bom): names of files that have line breaks of Windows or a byte order mark, which are put in here, since
  neither survives every editor and checkout
- C(legacy): whether keys are in it that C(flyctl config validate --strict) does not know, though flyctl takes them
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_toml_processes
from ansible_collections.flyover.heroku_to_fly.tests.unit.fly_validation import validate

CORPUS = Path(__file__).parents[2] / "corpus" / "fly_toml"
FOLDERS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())
BOM = b"\xef\xbb\xbf"
KEYS = {"about", "options", "warnings", "crlf", "bom", "legacy"}


class Case:
    """A folder of the corpus, copied to where the module may write."""

    def __init__(self, name: str, copy: Path) -> None:
        self.given: dict[str, Any] = yaml.safe_load((CORPUS / name / "options.yml").read_text(encoding="utf-8"))
        assert set(self.given) <= KEYS
        shutil.copytree(CORPUS / name, copy, ignore=shutil.ignore_patterns("*.toml", "options.yml"))
        self.folder = copy
        self.toml = copy / "fly.toml"
        self.before = self._bytes(CORPUS / name / "before.toml", "fly.toml")
        self.after = self._bytes(CORPUS / name / "after.toml", "fly.toml")
        if self.before is not None:
            self.toml.write_bytes(self.before)
        self.options: dict[str, Any] = {"path": str(self.toml), **self.given.get("options", {})}
        procfile = self._bytes(copy / "Procfile", "Procfile")
        if procfile is not None:
            (copy / "Procfile").write_bytes(procfile)
            self.options["procfile"] = str(copy / "Procfile")

    def _bytes(self, path: Path, name: str) -> bytes | None:
        if not path.exists():
            return None
        content = path.read_bytes()
        assert b"\r" not in content
        assert not content.startswith(BOM)
        if name in self.given.get("crlf", []):
            content = content.replace(b"\n", b"\r\n")
        return BOM + content if name in self.given.get("bom", []) else content

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }


@pytest.mark.parametrize("name", FOLDERS)
def test_before_becomes_after(name: str, tmp_path: Path, run_module: Any) -> None:
    case = Case(name, tmp_path / name)
    assert case.after is not None
    there = case.files()

    foreseen = run_module(fly_toml_processes, case.options, check_mode=True, diff=True)
    assert not foreseen.get("failed"), foreseen.get("msg")
    assert foreseen["diff"]["before"].encode() == (case.before or b"")
    assert foreseen["diff"]["after"].encode() == case.after
    assert case.files() == there

    result = run_module(fly_toml_processes, case.options)
    assert case.toml.read_bytes() == case.after
    assert result["changed"] is foreseen["changed"] is (case.before != case.after)
    assert case.files() == {**there, "fly.toml": case.after}
    warnings = told(result, case.folder)
    wanted = case.given.get("warnings", [])
    assert [part for part, warning in zip(wanted, warnings) if part in warning] == wanted, warnings
    assert len(warnings) == len(wanted), warnings

    again = run_module(fly_toml_processes, case.options)
    assert (again["changed"], case.toml.read_bytes()) == (False, case.after)

    if "fly.toml" not in case.given.get("bom", []):  # flyctl refuses those
        validate(case.toml, strict=not case.given.get("legacy"))


def test_there_are_folders_for_everything() -> None:
    assert len(FOLDERS) >= 40
    assert all((CORPUS / name / "after.toml").is_file() for name in FOLDERS)


def told(result: dict[str, Any], folder: Path) -> list[str]:
    """Return the warnings of a run in O(folder); ansible-core keeps those of other runs in the same process."""
    warnings = [warning if isinstance(warning, str) else str(warning) for warning in result.get("warnings", [])]
    own = list(dict.fromkeys(warning for warning in warnings if str(folder) in warning))
    return [warning for warning in own if ", if there are any, because fly.toml no longer has it" not in warning]
