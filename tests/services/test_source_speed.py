# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long reading an app with many files takes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Folder
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.scan import scan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import RULES


@pytest.mark.slow
def test_ten_thousand_files_take_less_than_five_seconds(tmp_path: Path) -> None:
    """Writing the files takes longer: about ten seconds on an idle machine."""
    body = "".join(f"  def call_{number}\n    service.run(:a, 'b', \"c #{{d}}\") # e\n  end\n" for number in range(40))
    for number in range(10_000):
        path = tmp_path / f"app/models/group_{number // 100}/model_{number}.rb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"class Model{number}\n{body}  HOST = ENV.fetch('DYNO')\nend\n")
    begin = time.process_time()
    found = scan(App(Folder(tmp_path)), RULES)
    assert time.process_time() - begin < 5
    assert len(found) == 10_000
