# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors on their way between the processes of a copy."""

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    ConnectionFailed,
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import (
    AuthenticationFailed,
    transient,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.frames import pack_error, unpack_error


@pytest.mark.parametrize("kind", [AuthenticationFailed, ConnectionFailed, InputError, StateError])
def test_an_error_keeps_its_class_and_parts(kind: type[FlyoverError]) -> None:
    error = unpack_error(pack_error(kind("the target", "it refused", "Run again.", sqlstate="42883")))

    assert error.__class__ is kind
    assert (error.thing, error.cause, error.remedy, error.facts) == (
        "the target",
        "it refused",
        "Run again.",
        {"sqlstate": "42883"},
    )


def test_an_unexpected_error_shows_no_value() -> None:
    error = unpack_error(pack_error(KeyError("s3cret")))

    assert error.__class__ is FlyoverError
    assert "unexpected KeyError" in error.cause
    assert "s3cret" not in f"{error} {error.facts}"


@pytest.mark.parametrize(
    ("sqlstate", "again"),
    [("55P03", True), ("40P01", True), ("53300", True), ("57P01", True), ("55000", False), ("23514", False)],
)
def test_which_errors_pass(sqlstate: str, again: bool) -> None:
    assert transient(StateError("t", "c", "r", sqlstate=sqlstate)) is again
    assert transient(ConnectionFailed("t", "c", "r"))
    assert not transient(FlyoverError("t", "c", "r"))
