# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The only place that ends a module: results go to exit_json, typed errors to fail_json, nothing else escapes."""

from __future__ import annotations

from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.leash import tie_to_run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import safe_traceback


def run(module: AnsibleModule, work: Callable[[AnsibleModule], dict[str, Any]]) -> NoReturn:
    """Call O(work) and end the module with its result, which holds at least RV(changed).

    The catch-all is deliberate: on ansible-core 2.19 to 2.21 the text of an uncaught exception is printed even if
    the task sets C(no_log).
    """
    tie_to_run()
    try:
        result = work(module)
    except FlyoverError as error:
        module.fail_json(msg=str(error), remedy=error.remedy, **error.facts)
    except Exception as error:
        module.fail_json(
            msg=f"{module._name}: unexpected {type(error).__name__}. "
            "This is a bug in the collection: please report it with the traceback, which contains no values.",
            exception=safe_traceback(error),
        )
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)
