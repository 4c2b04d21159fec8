# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in for Heroku: the Platform API and the data host, on one port as the official client expects."""

from .api import routes
from .state import describe

__all__ = ["describe", "routes"]
