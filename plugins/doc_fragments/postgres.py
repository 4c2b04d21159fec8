# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module that changes one database needs."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - URL of the database, V(postgres://user:password@host:port/database), as the role that owns its tables. TLS is
        required unless the host is loopback. The certificate is verified only if the URL says so, because Heroku's
        cannot be verified.
    type: str
    required: true
requirements:
  - Python library psycopg2 2.9 or newer
"""
