# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a scenario's sandbox shows from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def _sandbox(word: str, *options: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.sandbox", word, os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/box", *options],
        cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.fixture(scope="session")
def box() -> Path:
    """The sandbox's folder."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "box"


@pytest.fixture(scope="session")
def state() -> dict[str, Any]:
    """Both platforms' state."""
    answer: dict[str, Any] = json.loads(_sandbox("state"))
    return answer


@pytest.fixture(scope="session")
def writes() -> list[dict[str, Any]]:
    """All requests that changed something."""
    return [json.loads(line) for line in _sandbox("requests", "--mutating").splitlines()]
