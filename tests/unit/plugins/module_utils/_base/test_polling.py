# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop looks at least once, looks again at the end, and never sleeps beyond the deadline."""

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import polling


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(polling.time, "sleep", found.append)
    monkeypatch.setattr(polling.time, "monotonic", lambda: sum(found))
    monkeypatch.setattr(polling.random, "uniform", lambda least, _most: least)
    return found


def test_what_is_so_already_takes_no_time(slept: list[float]) -> None:
    assert polling.poll(lambda: 7, bool, 10, 1) == (7, True)
    assert slept == []


def test_it_waits_as_long_as_it_may_and_looks_once_more(slept: list[float]) -> None:
    told: list[int] = []
    looks = iter(range(100))
    seen = polling.poll(lambda: next(looks), lambda _seen: False, 5, 2, waiting=told.append)
    assert (seen, slept, told) == ((3, False), [2, 2, 1], [0, 1, 2])


def test_no_time_is_one_look(slept: list[float]) -> None:
    assert polling.poll(lambda: 0, bool, 0, 2) == (0, False)
    assert slept == []


def test_waits_grow_from_the_first(slept: list[float]) -> None:
    polling.poll(lambda: 0, bool, 20, 5, first=0.5)
    assert slept == [0.5, 1, 2, 4, 5, 5, 2.5]


def test_what_a_listener_raises_ends_it(slept: list[float]) -> None:
    def stop(_seen: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        polling.poll(lambda: 0, bool, 20, 5, waiting=stop)
    assert slept == []
