# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: data_services
short_description: An app's Postgres and Redis, where they are and where they go
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Brings together what the modules returned about the databases on both sides.
  - The result holds URLs with passwords; show none of C(source), C(target), C(app_url) and C(replacements).
options:
  _input:
    description:
      - The C(services) that M(flyover.heroku_to_fly.heroku_app_info) returned.
    type: list
    elements: dict
    required: true
  config_vars:
    description:
      - Values of Heroku's config vars by name, as far as they have been read.
    type: dict
    default: {}
  tunnels:
    description:
      - The result of a loop of M(flyover.heroku_to_fly.fly_proxy) over RV(_value.tunnels).
    type: dict
    default: {}
  postgres:
    description:
      - C(url) of a database that the user brings along, an empty string for none, and C(read), the result of
        M(flyover.heroku_to_fly.fly_postgres) with its URL; C(pooled), whether the app gets the pooled URL of a cluster,
        V(auto) to go by C(pooled_is_enough).
    type: dict
    default: {}
  redis:
    description:
      - C(url) and C(read) likewise, of M(flyover.heroku_to_fly.fly_redis); C(data), which is V(skip) if nothing is
        copied; C(name) of the database on Fly, C(created), the result of the task that creates it, and C(recorded),
        the name of the one that an earlier run created.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Which config vars hold the URLs of the data
  ansible.builtin.debug:
    msg: "{{ (inventory.services | flyover.heroku_to_fly.data_services).config_vars }}"
    # => [DATABASE_URL, REDIS_URL]
"""

RETURN = r"""
_value:
  description: What is known of the databases; URLs that are not known yet are empty strings.
  type: dict
  contains:
    postgres:
      description:
        - Whether the app has one (C(exists)), and whether a cluster will be created for it (C(is_created)).
        - C(source), C(target) and C(app_url) are its URLs on Heroku, on Fly as the controller reaches it, and on Fly as
          the app sees it.
      type: dict
    redis:
      description:
        - The same, whether its keys are copied (C(is_copied)), and whether this migration created the one on Fly
          (C(is_own)).
      type: dict
    config_vars:
      description: Names of the config vars that hold the URLs of what is copied.
      type: list
      elements: str
    tunnels:
      description: The tunnels that are needed, each with C(service) and C(target).
      type: list
      elements: dict
    replacements:
      description: The new URL by the add-on's name.
      type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.flyover.heroku_to_fly.plugins.filter.addon_replacements import addon_replacements
from ansible_collections.flyover.heroku_to_fly.plugins.filter.postgres_url import postgres_url
from ansible_collections.flyover.heroku_to_fly.plugins.filter.private_address import address, private_address
from ansible_collections.flyover.heroku_to_fly.plugins.filter.through_tunnel import through_tunnel

_POSTGRES_PORT = 5432
_REDIS_PORT = 6379
Some = Mapping[str, Any]


def data_services(
    services: Iterable[Some],
    config_vars: Some | None = None,
    tunnels: Some | None = None,
    postgres: Some | None = None,
    redis: Some | None = None,
) -> dict[str, Any]:
    """Return what is known of the databases on both sides."""
    rows = list(services)
    results = (tunnels or {}).get("results") or []
    open_tunnels = {result[result.get("ansible_loop_var", "item")]["service"]: result for result in results}
    found = {
        "postgres": _postgres(_first(rows, "postgres"), postgres or {}, open_tunnels.get("postgres", {})),
        "redis": _redis(_first(rows, "redis"), redis or {}, open_tunnels.get("redis", {})),
    }
    copied = {kind: service for kind, service in found.items() if service["is_copied"]}
    for service in found.values():
        service["source"] = (config_vars or {}).get(service["config_var"], "")
    return {
        **found,
        "config_vars": [service["config_var"] for service in copied.values()],
        "tunnels": [
            {"service": kind, "target": service["tunnel"]} for kind, service in copied.items() if service["tunnel"]
        ],
        "replacements": addon_replacements(rows, {kind: service["app_url"] for kind, service in found.items()}),
    }


def _first(services: Iterable[Some], kind: str) -> Some:
    return next((service for service in services if service["kind"] == kind), {})


def _postgres(service: Some, wanted: Some, tunnel: Some) -> dict[str, Any]:
    given, read = str(wanted.get("url") or ""), wanted.get("read") or {}
    created = bool(service) and not given
    # A cluster, once it exists, is reached through a tunnel; flyctl takes its id.
    tunnelled = str(read.get("id") or "") if created else private_address(given, _POSTGRES_PORT)
    return {
        "exists": bool(service),
        "is_created": created,
        "is_copied": bool(service),
        "config_var": service.get("primary", ""),
        "app_url": given or str(read.get("url" if _is_pooled(wanted) else "direct_url") or ""),
        "tunnel": tunnelled,
        "target": through_tunnel(given or postgres_url(read.get("direct") or {}), tunnel) if tunnelled else given,
    }


def _is_pooled(wanted: Some) -> bool:
    chosen = str(wanted.get("pooled", "auto")).lower()
    return bool(wanted.get("pooled_is_enough", True)) if chosen == "auto" else boolean(chosen, strict=False)


def _redis(service: Some, wanted: Some, tunnel: Some) -> dict[str, Any]:
    given, read = str(wanted.get("url") or ""), wanted.get("read") or {}
    created = bool(service) and not given
    url = given or str(read.get("url") or "")
    # One of Fly's own has only a private address.
    tunnelled = address(url, _REDIS_PORT) if created else private_address(given, _REDIS_PORT)
    made_now = bool((wanted.get("created") or {}).get("created"))
    made_before = wanted.get("recorded") is not None and wanted["recorded"] == wanted.get("name")
    return {
        "exists": bool(service),
        "is_created": created,
        "is_copied": bool(service) and wanted.get("data") != "skip",
        "is_own": created and (made_now or made_before),
        "config_var": service.get("primary", ""),
        "app_url": url,
        "tunnel": tunnelled,
        "target": through_tunnel(url, tunnel) if tunnelled else given,
    }


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"data_services": data_services}
