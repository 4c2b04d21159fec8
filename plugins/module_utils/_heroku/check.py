# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a check is: one thing about a Heroku app that affects a move, how to detect it, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import BEFORE
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.inventory import Inventory
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import BUILDPACKS, ImageSource

Words = Mapping[str, str]


@dataclass(frozen=True)
class Facts:
    """What checks look at."""

    inventory: Inventory
    scheduler_jobs: Sequence[object] | None = None
    """None means that the jobs were not given."""
    secret_key_base_given: bool = False
    source: ImageSource | None = None
    """None means that nothing will be built."""
    build: str = BUILDPACKS
    """How to build, if the source does not say."""
    postgres_plan: str = ""
    """The plan of the cluster that will be created."""
    private_postgres: bool = False
    """Whether the new database is the user's own, on Fly's private network."""


@dataclass(frozen=True)
class Check:
    """One row of the table. O(find) yields the words to fill in O(text) and O(remedy), once per finding."""

    id: str
    level: str
    means: str
    """For docs/findings.md, like O(todo)."""
    todo: str
    text: str
    """Follows the app's name."""
    remedy: str
    find: Callable[[Facts], Iterable[Words]]
    urgency: str = BEFORE
