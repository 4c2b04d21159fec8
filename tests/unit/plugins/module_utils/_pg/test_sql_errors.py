# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a failed statement is reported: always with names, and with the server's message if it has no row's values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import sql_error


def _error(state: str, **diag: Any) -> Any:
    names = ("context", "message_primary", "schema_name", "table_name", "column_name", "constraint_name")
    return SimpleNamespace(pgcode=state, diag=SimpleNamespace(**{**dict.fromkeys(names), **diag}))


def test_a_value_is_never_shown() -> None:
    error = _error(
        "22P02", message_primary='invalid input syntax: "s3cret"', context='COPY t, line 3, column a: "s3cret"'
    )
    assert "s3cret" not in str(sql_error(error, "target", "writing public.t"))
    assert "at t, line 3, column a" in str(sql_error(error, "target", "writing public.t"))


def test_where_no_rows_are_at_hand_the_server_speaks() -> None:
    error = _error("22023", message_primary='could not create locale "en_US.UTF-8"')
    assert 'could not create locale "en_US.UTF-8"' in str(sql_error(error, "target", "making collation x", rows=False))
    assert "en_US" not in str(sql_error(error, "target", "writing public.t"))


@pytest.mark.parametrize(
    ("state", "diag", "said"),
    [
        ("23502", {"schema_name": "public", "table_name": "t", "column_name": "a"}, "in table public.t, column a"),
        (
            "P0001",
            {"context": "PL/pgSQL function public.f(integer) line 3 at RAISE"},
            "function public.f(integer) line 3",
        ),
        ("42883", {"context": 'SQL function "norm" during inlining'}, "in function norm"),
        ("22001", {"message_primary": "value too long for type character varying(3)"}, "character varying(3)"),
    ],
)
def test_names_are_told(state: str, diag: dict[str, Any], said: str) -> None:
    assert said in str(sql_error(_error(state, **diag), "target", "writing public.t"))
