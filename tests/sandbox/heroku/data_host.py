# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data host: databases, their credentials, and Redis."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from .request import Part
from .state import credential


class DataHost(Part):
    """The data host: databases, their credentials, and Redis."""

    async def database(self, request: Request) -> Any:
        _app, addon = self._addon(request)
        connection = self._world.source_postgres.superuser(credential(addon)["database"])
        with connection.cursor() as cursor:
            cursor.execute("select pg_database_size(current_database()), current_setting('server_version')")
            size, version = cursor.fetchone()
            cursor.execute("select count(*) from information_schema.tables where table_type = 'BASE TABLE'")
            tables = cursor.fetchone()[0]
        connection.close()
        return {
            "addon_id": addon.id,
            "name": addon.name,
            "plan": addon.addon.plan.partition(":")[2],
            "postgres_version": version,
            "num_bytes": size,
            "num_tables": tables,
            "following": None,
            "forked_from": None,
            "waiting?": False,
            "info": [
                {"name": "Plan", "values": [addon.addon.plan.partition(":")[2].title()]},
                {"name": "Status", "values": ["Available"]},
                {"name": "PG Version", "values": [version]},
                {"name": "Data Size", "values": [f"{size / 1e6:.1f} MB"]},
            ],
        }

    async def credential(self, request: Request) -> Any:
        return credential(self._addon(request)[1])

    async def credentials(self, request: Request) -> Any:
        return [credential(self._addon(request)[1])]

    async def redis(self, request: Request) -> Any:
        _app, addon = self._addon(request)
        return {
            "addon_id": addon.id,
            "name": addon.name,
            "plan": addon.addon.plan.partition(":")[2],
            "port": credential(addon)["port"],
            "resource_url": addon.url,
            "version": "7.2",
            "prefer_native_tls": True,
            "formation": {"primary": addon.name},
            "info": [{"name": "Version", "values": ["7.2"]}],
        }
