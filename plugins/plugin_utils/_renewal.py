# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Renew a run's lease during its long tasks. Imports nothing of ansible-core, because it works in a thread.

Tasks find the lease through a note in a O(folder) that belongs to the run and is removed with it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.ledger import renew
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._run import this_run

_INTERVAL = 60.0  # seconds


def keep_renewing(folder: str, inventory_host: str, interval: float = _INTERVAL) -> None:
    """Renew this run's lease for O(inventory_host) until this process, a worker with one task, ends."""

    def renewing() -> None:
        while True:
            time.sleep(interval)
            renew_lease(folder, inventory_host)

    threading.Thread(target=renewing, daemon=True).start()


def remember_lease(folder: str, inventory_host: str, ledger: str, held: bool) -> None:
    """Tell the run's other tasks whether it holds (O(held)) the lease of O(ledger) for O(inventory_host)."""
    note = _note(folder, inventory_host)
    if held:
        note.write_text(ledger, encoding="utf-8")
    else:
        note.unlink(missing_ok=True)


def renew_lease(folder: str, inventory_host: str) -> None:
    """Renew the lease that this run holds for O(inventory_host), if any."""
    with suppress(OSError, FlyoverError):
        renew(_note(folder, inventory_host).read_text(encoding="utf-8"), this_run(inventory_host))


def _note(folder: str, inventory_host: str) -> Path:
    digest = hashlib.sha256(inventory_host.encode()).hexdigest()[:16]
    return Path(folder) / f"flyover-lease-{digest}"
