# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def tool() -> Any:
    loader = SourceFileLoader("findings_table", str(ROOT / "tests" / "tools" / "findings-table"))
    module = module_from_spec(spec_from_loader("findings_table", loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    return module


def test_documentation_has_every_finding_as_the_code_has_it() -> None:
    text = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert text == tool().documentation(text), "run tests/tools/findings-table --write"


def test_every_rule_tells_what_its_examples_gave() -> None:
    for name, _level, said in tool().results():
        assert said.startswith("git:") or (": nothing; good" not in said and said.endswith("good: nothing")), name
