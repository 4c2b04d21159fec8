# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that run flyctl."""

    DOCUMENTATION = r"""
options:
  flyctl:
    description:
      - Path of C(flyctl), Fly.io's own client. By default, C(flyctl) or C(fly) on E(PATH).
      - It gets the token in its environment, and only what it needs from the controller's environment.
    type: path
requirements:
  - flyctl on the host that runs the module
"""
