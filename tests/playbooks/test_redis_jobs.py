# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs in Redis across a cut-over: what goes on beside the formation is stopped, what comes late is brought over."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from .conftest import APP, Sandbox


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path / "box").up()
    yield sandbox
    sandbox.down()


def run_one_off(sandbox: Sandbox, command: str) -> str:
    """Start a one-off dyno as 'heroku run:detached' does; return its name."""
    request = urllib.request.Request(
        f"{sandbox.environment['HEROKU_API_URL']}/apps/{APP}/dynos",
        json.dumps({"command": command, "attach": False}).encode(),
        {
            "Accept": "application/vnd.heroku+json; version=3",
            "Authorization": f"Bearer {sandbox.environment['HEROKU_API_KEY']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as answer:
        name: str = json.load(answer)["name"]
    return name


@pytest.mark.slow
def test_nothing_goes_on_beside_the_formation_and_nothing_late_is_lost(box: Sandbox, tmp_path: Path) -> None:
    name = run_one_off(box, "sleep 600")
    url = box.environment["SANDBOX_SOURCE_REDIS_URL"]
    code = f"import redis; redis.Redis.from_url({url!r}, ssl_cert_reqs=None).lpush('queue:late', 'a', 'b')"
    hook = tmp_path / "before_seal.yml"
    python = box.environment.get("ANSIBLE_PLAYBOOK_PYTHON", "{{ ansible_playbook_python }}")
    hook.write_text(json.dumps([{"name": "Write late", "ansible.builtin.command": {"argv": [python, "-c", code]}}]))
    given = {"migrate_cutover": True, "migrate_hooks": {"before_seal": [str(hook)]}}
    given |= {"migrate_redis_data": "drain_then_copy", "migrate_drain_timeout": 2}
    box.play("migrate", "-e", json.dumps(given)).succeeded()
    assert name not in box.heroku["dynos"]
    (ledger,) = (path for path in box.directory.parent.rglob("paper-crane--paper-crane.json"))
    kept = json.loads(ledger.read_text())
    assert [row["name"] for row in kept["one_off_dynos"]] == [name]
    assert kept["redis_late_keys"]["counts"] == {"late": 1, "brought": 1, "left": 0}
    target = redis.Redis.from_url(box.environment["SANDBOX_TARGET_REDIS_URL"])
    assert target.lrange("queue:late", 0, -1) == [b"b", b"a"]
