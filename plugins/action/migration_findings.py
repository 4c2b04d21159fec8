# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gather what the steps found. Runs only on the controller: it just sorts, and a module would cost a process."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.findings import (
    gather,
    too_small,
    with_connected,
)

_WARNING = {"id": {"type": "str", "required": True}, "texts": {"type": "list", "elements": "str", "required": True}}
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "findings": {"type": "list", "elements": "dict", "default": []},
    "results": {"type": "dict", "default": {}},
    "database": {"type": "dict", "default": {}},
    "cluster": {"type": "dict", "default": {}},
    "warnings": {"type": "list", "elements": "dict", "default": [], "options": _WARNING},
    "accepted": {"type": "list", "elements": "str", "default": []},
    "dropped": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Return one list of findings."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the findings; raises AnsibleActionFail if an accepted id is not that of any finding."""
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        try:
            gathered = gather(
                [
                    *with_connected(options["findings"], options["database"]),
                    *too_small(options["database"], options["cluster"]),
                ],
                options["results"],
                options["warnings"],
                options["accepted"],
                options["dropped"],
            )
        except FlyoverError as error:
            raise AnsibleActionFail(str(error), result={"remedy": error.remedy}) from None
        return {"changed": False, **gathered}
