# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each index and key of a large table is made: its index in parallel, its lock last."""

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Entry
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.indexes import steps
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import BuildIndex, RunEntry

KEY = "ALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);"
DEFERRABLE = "ALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_rank UNIQUE (rank) DEFERRABLE;"
INDEX = "CREATE INDEX by_name ON public.users USING btree (name);"
UNIQUE = "CREATE UNIQUE INDEX IF NOT EXISTS users_pkey ON public.users USING btree (id)"
CLUSTERED = f"{INDEX}\n\nALTER TABLE public.users CLUSTER ON by_name;"
QUOTED = "CREATE INDEX odd ON public.users USING btree (name) WHERE (name = 'a;\n\nALTER TABLE b');"

USING = "ALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey;"
LATER = "CREATE INDEX IF NOT EXISTS by_name ON public.users USING btree (name);"


@pytest.mark.parametrize(
    ("kind", "sql", "key_index", "build", "lock"),
    [
        ("INDEX", INDEX, None, INDEX, None),
        ("CONSTRAINT", KEY, UNIQUE, UNIQUE, USING),
        ("CONSTRAINT", KEY, None, None, KEY),
        ("CONSTRAINT", DEFERRABLE, UNIQUE, None, DEFERRABLE),
        ("INDEX", CLUSTERED, None, LATER, "ALTER TABLE public.users CLUSTER ON by_name;"),
        ("INDEX", QUOTED, None, QUOTED, None),
    ],
    ids=["index", "key", "key without an index", "deferrable", "clustered", "a quoted statement"],
)
def test_steps(kind: str, sql: str, key_index: str | None, build: str | None, lock: str | None) -> None:
    made, locking = steps(Entry(1, kind, 2, "it", frozenset(), sql), key_index)
    statement = made.sql if isinstance(made, BuildIndex) else made.entry.sql if isinstance(made, RunEntry) else None
    assert (statement, locking and locking.sql) == (build, lock)
