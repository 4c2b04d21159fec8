# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.finding_ids import (
    OF_POSTGRES,
    OF_REDIS,
    OF_STEPS,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.findings import (
    gather,
    too_small,
    with_connected,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES

PLUGINS = Path(__file__).parents[5] / "plugins"

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
        warnings=[{"id": "fly-toml-warning", "texts": ["The port changes."]}],
        accepted=[],
    )
    assert [(row["id"], row["level"]) for row in result["findings"]] == [
        ("kafka", "block"),
        ("postgres-copy", "block"),
        ("env-dyno", "warn"),
        ("fly-toml-warning", "info"),
    ]
    assert [row["id"] for row in result["blocking"]] == ["kafka", "postgres-copy"]
    assert (result["blocking"][1]["text"], result["blocking"][1]["remedy"]) == ("db: it can't be copied.", "Do that.")
    assert result["counts"] == {"block": 2, "warn": 1, "info": 1}
    assert all(row["urgency"] in ("before", "day", "after") for row in result["findings"])


def test_accepted_by_id_or_by_id_and_path() -> None:
    accepted = ["kafka", "env-dyno:lib/a.rb", "env-heroku"]
    result = gather([DYNO, OTHER, KAFKA], {}, [], accepted)
    assert {(row["id"], row.get("path"), row["level"]) for row in result["findings"]} == {
        ("env-dyno", "config/puma.rb", "warn"),
        ("env-dyno", "lib/a.rb", "info"),
        ("kafka", None, "info"),
    }
    assert result["blocking"] == []
    assert result["unmatched"] == ["env-heroku"]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("kafkaa", "kafka"),
        ("env-dino:lib/a.rb", "env-dyno:lib/a.rb"),
        ("redis-database", "redis-databases"),
        ("database-extention", "database-extension"),
        ("not-moved-extention", "not-moved-extension"),
        ("tools-for-postgress", "tools-for-postgres"),
        ("one-off-dyno", "one-off-dynos"),
        ("fly-toml-warnings", "fly-toml-warning"),
        ("certificate-pending", "certificates-pending"),
    ],
)
def test_a_slip_of_the_pen_accepts_nothing(slip: str, meant: str) -> None:
    with pytest.raises(InputError) as raised:
        gather([], {}, [], [slip])
    assert f"there is no finding {slip}. Did you mean {meant}?" in str(raised.value)
    assert gather([], {}, [], [meant])["unmatched"] == [meant]


def test_what_is_like_no_finding_is_refused_too() -> None:
    with pytest.raises(InputError, match=r"there is no finding redis-quux, xyz\. docs/findings\.md"):
        gather([], {}, [], ["xyz", "redis-quux"])


def test_the_list_has_every_id_in_the_code_and_no_other() -> None:
    """Ids of findings about data are literals there; those about the Heroku app and the source are in tables."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (PLUGINS / "module_utils").rglob("*.py")
        if path.name != "finding_ids.py"
    )
    named = set(re.findall(r"\"((?:database|redis)-[a-z-]+|one-off-dynos|certificates-pending)\"", code))
    role = "".join(path.read_text(encoding="utf-8") for path in (PLUGINS.parent / "roles").rglob("tasks/*.yml"))
    named |= set(re.findall(r"- id: ((?:database|redis)-[a-z-]+)\n", role))
    rules = {rule.id for rule in RULES}
    assert named - {"database-url"} <= {*OF_POSTGRES, *OF_REDIS, *OF_STEPS, *rules}
    assert {*OF_POSTGRES, *OF_REDIS} <= named
    steps = (PLUGINS.parent / "roles" / "migrate" / "tasks" / "preflight.yml").read_text(encoding="utf-8")
    tools = {f"tools-for-{kind}" for kind in ("fly", "postgres", "redis")}
    assert [name for name in {*OF_STEPS} - tools if not re.search(rf"\b{name}\b", steps + code)] == []


def test_a_database_that_does_not_fit() -> None:
    database = {"version": "17.2", "size_bytes": 12_000_000_000}
    found = too_small(database, {"name": "crane-db", "major": "16", "disk_gb": "10"})
    assert [(row["id"], row["level"]) for row in found] == [("postgres-version", "block"), ("postgres-size", "block")]
    assert "12.0 GB, and the new cluster crane-db would have 10 GB" in str(found[1]["text"])
    assert too_small(database, {}) == []


def test_too_many_connections_beside_those_open_now() -> None:
    row = {"id": "connections", "level": "warn", "text": "160 connections, 50 taken.", "remedy": "r"}
    (told, other) = with_connected([row, DYNO], {"connected": 23})
    assert told["text"] == "160 connections, 50 taken. Heroku's database has 23 open now."
    assert other == DYNO
    assert with_connected([row], {}) == [row]


def test_what_is_to_be_left_out() -> None:
    assert gather([KAFKA], {}, [], [], dropped=["kafka"])["findings"] == []
