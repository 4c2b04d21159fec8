# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A SECRET_KEY_BASE that only a dyno knows is read once, until one of the two sides changes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.filter.secret_key_base import secret_key_base

MISSING = {"release_version": 7, "findings": [{"id": "kafka"}, {"id": "secret-key-base-missing"}]}
SECRETS = {"SECRET_KEY_BASE": {"digest": "d1", "updated_at": "2026-11-01T00:00:00Z"}}
RECORD = {"release_version": 7, "digest": "d1", "updated_at": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("heroku", "secrets", "recorded", "wanted", "fetch"),
    [
        (MISSING, {}, {}, True, True),
        (MISSING, {}, {}, False, False),
        ({**MISSING, "findings": []}, {}, {}, True, False),
        (MISSING, SECRETS, RECORD, True, False),
        ({**MISSING, "release_version": 8}, SECRETS, RECORD, True, True),
        (MISSING, {"SECRET_KEY_BASE": {"digest": "d2"}}, RECORD, True, True),
        (MISSING, {}, RECORD, True, True),
    ],
)
def test_when_it_is_read(heroku: Any, secrets: Any, recorded: Any, wanted: bool, fetch: bool) -> None:
    assert secret_key_base(heroku, secrets, recorded, wanted)["fetch"] is fetch


def test_it_stays_while_nothing_changed() -> None:
    found = secret_key_base(MISSING, SECRETS, RECORD, True, {"skipped": True})
    assert (found["kept"], found["secrets"], found["undetermined"]) == (["SECRET_KEY_BASE"], {}, [])


def test_what_was_read_is_written_and_recorded_as_fly_has_it_now() -> None:
    found = secret_key_base(MISSING, SECRETS, {}, True, {"stdout": "k3y", "rc": 0})
    assert (found["secrets"], found["undetermined"]) == ({"SECRET_KEY_BASE": "k3y"}, [])
    assert found["record"] == RECORD


def test_check_mode_reads_nothing() -> None:
    found = secret_key_base(MISSING, SECRETS, {}, True, {"changed": True})
    assert (found["secrets"], found["undetermined"]) == ({}, ["SECRET_KEY_BASE"])
