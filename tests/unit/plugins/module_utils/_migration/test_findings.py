# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.findings import gather, too_small

WORDS = {"text": "t", "remedy": "r"}
DYNO = {"id": "env-dyno", "level": "warn", "urgency": "before", "path": "config/puma.rb", "line": 3, **WORDS}
OTHER = {**DYNO, "path": "lib/a.rb"}
KAFKA = {"id": "kafka", "level": "block", **WORDS}


def test_all_sources_in_one_list_the_gravest_first() -> None:
    result = gather(
        [DYNO, KAFKA, DYNO],
        results={
            "postgres-copy": {"msg": "db: it can't be copied. Do that.", "remedy": "Do that."},
            "redis-copy": {"verdict": "unknown"},
            "fly-toml": {"skipped": True, "msg": "left out"},
        },
        warnings=[{"id": "copy-warning", "texts": ["The collation differs."]}],
        not_moved=[
            {"kind": "event trigger", "name": "validate_extension", "reason": "needs a superuser"},
            {"kind": "setting", "name": "role: statement_timeout", "reason": "not in a dump"},
        ],
        accepted=[],
    )
    assert [(row["id"], row["level"]) for row in result["findings"]] == [
        ("kafka", "block"),
        ("postgres-copy", "block"),
        ("copy-warning", "warn"),
        ("env-dyno", "warn"),
        ("not-moved", "warn"),
        ("not-moved", "info"),
    ]
    assert [row["id"] for row in result["blocking"]] == ["kafka", "postgres-copy"]
    assert (result["blocking"][1]["text"], result["blocking"][1]["remedy"]) == ("db: it can't be copied.", "Do that.")
    assert result["counts"] == {"block": 2, "warn": 3, "info": 1}
    assert all(row["urgency"] in ("before", "day", "after") for row in result["findings"])


def test_accepted_by_id_or_by_id_and_path() -> None:
    accepted = ["kafka", "env-dyno:lib/a.rb", "env-heroku"]
    result = gather([DYNO, OTHER, KAFKA], {}, [], [], accepted)
    assert {(row["id"], row.get("path"), row["level"]) for row in result["findings"]} == {
        ("env-dyno", "config/puma.rb", "warn"),
        ("env-dyno", "lib/a.rb", "info"),
        ("kafka", None, "info"),
    }
    assert result["blocking"] == []
    assert result["unmatched"] == ["env-heroku"]


def test_a_slip_of_the_pen_accepts_nothing() -> None:
    with pytest.raises(InputError, match=r"there is no finding env-dino:lib/a\.rb, kafkaa\."):
        gather([], {}, [], [], ["kafkaa", "env-dino:lib/a.rb", "redis-databases"])


def test_a_database_that_does_not_fit() -> None:
    database = {"version": "17.2", "size_bytes": 12_000_000_000}
    found = too_small(database, {"name": "crane-db", "major": "16", "disk_gb": "10"})
    assert [(row["id"], row["level"]) for row in found] == [("postgres-version", "block"), ("postgres-size", "block")]
    assert "12.0 GB, and the new cluster crane-db would have 10 GB" in str(found[1]["text"])
    assert too_small(database, {}) == []


def test_what_is_to_be_left_out() -> None:
    assert gather([KAFKA], {}, [], [], [], dropped=["kafka"])["findings"] == []
