# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source's own role in policies, whatever these are called."""

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.amend import for_own_role


@pytest.mark.parametrize(
    ("policy", "own", "amended"),
    [
        (
            "CREATE POLICY p ON public.t TO helper, app USING ((app = 1));",
            "app",
            "CREATE POLICY p ON public.t TO helper, current_user USING ((app = 1));",
        ),
        (
            'CREATE POLICY " TO app" ON "S".t AS RESTRICTIVE FOR SELECT TO "my, ""app" WITH CHECK (true);',
            '"my, ""app"',
            'CREATE POLICY " TO app" ON "S".t AS RESTRICTIVE FOR SELECT TO current_user WITH CHECK (true);',
        ),
        ("CREATE POLICY p ON public.t TO application;", "app", None),
        ("CREATE POLICY p ON public.t USING ((a = ' TO app'::text));", "app", None),
        ("CREATE POLICY p ON public.t FOR SELECT USING ((a = 'p ON t TO app'::text));", "app", None),
    ],
)
def test_the_role_that_makes_it_stands_for_the_source_s_own(policy: str, own: str, amended: str | None) -> None:
    assert for_own_role(policy, own) == (amended or policy)
