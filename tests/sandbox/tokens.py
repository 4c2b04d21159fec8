# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tokens that both stand-ins accept."""

from __future__ import annotations

HEROKU_TOKEN = "HRKU-sandbox-0123456789abcdef"
# Managed Postgres requires a macaroon, but flyctl drops one that it cannot decode and uses the other token.
FLY_TOKENS = ("fm2_sandbox", "fo1_sandbox-0123456789abcdef")
