# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything in the sandbox: both platforms' state, the real servers, and where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .fly.state import FlyState
from .heroku.one_off import Rendezvous
from .heroku.state import HerokuState
from .postgres import PostgresServer
from .redis_server import RedisServer
from .scenario import Scenario
from .wire import Journal


@dataclass
class World:
    """One sandbox."""

    directory: Path
    scenario: Scenario
    heroku_port: int
    fly_port: int
    source_postgres: PostgresServer
    target_postgres: PostgresServer
    target_redis: list[RedisServer] = field(default_factory=list)
    source_redis: list[RedisServer] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    heroku: HerokuState = field(init=False)
    rendezvous: Rendezvous = field(init=False)
    fly: FlyState = field(init=False)

    @property
    def source(self) -> Path:
        """The writable copy of the scenario's source folder."""
        return self.directory / "source"
