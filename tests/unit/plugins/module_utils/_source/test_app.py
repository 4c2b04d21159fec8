# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image's ENTRYPOINT does with a command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import look_at, read_text

HANDS_ON = '#!/bin/sh\nexec "$@"\n'
RAILS = '#!/bin/bash -e\nif [ "${1}" == "./bin/rails" ]; then ./bin/rails db:prepare; fi\nexec "${@}"\n'
STUBBORN = "#!/usr/bin/env bash\nexec bundle exec puma\n"


@pytest.mark.parametrize(
    ("entrypoint", "script", "deaf", "prepares"),
    [
        ("", STUBBORN, "", False),
        ("ENTRYPOINT bundle exec puma", HANDS_ON, "bundle exec puma", False),
        ("ENTRYPOINT exec bundle exec $0 $@", HANDS_ON, "", False),
        ('ENTRYPOINT ["/rails/bin/docker-entrypoint"]', HANDS_ON, "", False),
        ('ENTRYPOINT ["/rails/bin/docker-entrypoint"]', RAILS, "", True),
        ('entrypoint [ "bin/docker-entrypoint" ]', STUBBORN, '[ "bin/docker-entrypoint" ]', False),
        ('ENTRYPOINT ["/rails/bin/docker-entrypoint"]', "#!/usr/bin/ruby\nexec(*ARGV)\n", "", False),
        ('ENTRYPOINT ["/usr/bin/tini", "--", "/rails/bin/docker-entrypoint"]', STUBBORN, "", False),
        ('ENTRYPOINT ["/rails/../outside"]', STUBBORN, "", False),
        ('ENTRYPOINT ["/usr/bin/tini"]', STUBBORN, "", False),
        ("ENTRYPOINT []", STUBBORN, "", False),
        ("ENTRYPOINT bundle exec puma\nENTRYPOINT []", STUBBORN, "", False),
    ],
)
def test_entrypoint(tmp_path: Path, entrypoint: str, script: str, deaf: str, prepares: bool) -> None:
    folder = tmp_path / "app"
    (folder / "bin").mkdir(parents=True)
    for path in (folder / "bin" / "docker-entrypoint", tmp_path / "outside"):
        path.write_text(script)
    (folder / "Dockerfile").write_text(f"FROM ruby\nWORKDIR /rails\n{entrypoint}\n")
    found = look_at(folder)
    assert (found.deaf_entrypoint, found.prepares_database) == (deaf, prepares)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fly.toml")
    with pytest.raises(InputError, match="it is not a regular file"):
        read_text(tmp_path / "fly.toml", "")
    with pytest.raises(InputError, match="it is not a regular file"):
        read_text(Path("/dev/zero"), "")
    with pytest.raises(InputError, match="it is a folder"):
        read_text(tmp_path, "")
    with pytest.raises(InputError, match=r"it does not exist\. Give it"):
        read_text(tmp_path / "gone", "Give it.")
