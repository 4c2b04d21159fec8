# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.ownership import Ownership, decide

DB = "postgres://u1:pw-canary-1@ec2-1.compute-1.amazonaws.com:5432/d1"
OTHER_DB = "postgres://u2:pw-canary-2@ec2-2.compute-1.amazonaws.com:5432/d2"
POOL = "postgres://u1:pw-canary-1@ec2-1.compute-1.amazonaws.com:5433/d1"
KV = "rediss://:pw-canary-3@ec2-3.compute-1.amazonaws.com:6380"
NEW_DB = "postgres://fly:new@pgbouncer.abc.flympg.net/fly-db"
NEW_KV = "redis://default:new@fly-x.upstash.io:6379"


def attachment(
    name: str,
    plan: str,
    config_vars: list[str] | None,
    addon: str = "",
    owner: str = "app",
    namespace: str | None = None,
) -> dict[str, Any]:
    """An attachment as the official client gets it, or as documented if O(config_vars) is None."""
    entry: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "app": {"name": "app"},
        "addon": {"name": addon or f"{plan.split(':')[0]}-1", "app": {"name": owner}},
    }
    if config_vars is not None:
        entry["config_vars"] = config_vars
        entry["addon"]["plan"] = {"name": plan}
    return entry


DATABASE = attachment("DATABASE", "heroku-postgresql:standard-0", ["DATABASE_URL"], "pg-1")
REDIS = attachment("REDIS", "heroku-redis:premium-0", ["REDIS_URL", "REDIS_TLS_URL"], "kv-1")


def classes(decided: Ownership) -> dict[str, str]:
    return {name: entry.kind for name, entry in decided.names.items()}


def test_names_say_nothing() -> None:
    config = {
        "DATABASE_URL": DB,
        "ANALYTICS_DATABASE_URL": "postgres://x:y@warehouse.example.com/z",
        "DATABASE_URL_RO": "postgres://x:y@replica.example.com/z",
        "DATABASE_POOL": "5",
        "REDIS_URL_CACHE": "redis://cache.example.com",
        "HEROKU_API_KEY": "mine",
        "HEROKU_POSTGRESQL_GHOST_URL": "postgres://gone.example.com/x",
        "PAPER": "x",
    }
    decided = decide(config, [DATABASE])
    assert classes(decided) == {name: "service" if name == "DATABASE_URL" else "transfer" for name in config}


def test_colours_tls_pools_and_bastions_stay_behind() -> None:
    blue = attachment("HEROKU_POSTGRESQL_BLUE", "heroku-postgresql:standard-0", ["HEROKU_POSTGRESQL_BLUE_URL"], "pg-1")
    pool = attachment(
        "ANY", "heroku-postgresql:standard-0", ["ANY_URL"], "pg-1", namespace="connection-pooling:default"
    )
    bastion = {**DATABASE, "config_vars": ["DATABASE_URL", "DATABASE_BASTIONS", "DATABASE_BASTION_KEY"]}
    config = {"HEROKU_POSTGRESQL_BLUE_URL": DB, "ANY_URL": POOL, "DATABASE_URL": DB, "REDIS_URL": KV}
    config.update({"REDIS_TLS_URL": KV, "DATABASE_BASTIONS": "1.2.3.4", "DATABASE_BASTION_KEY": "key"})
    decided = decide(config, [blue, pool, bastion, REDIS])
    assert set(classes(decided).values()) == {"service"}
    assert {name for name, entry in decided.names.items() if entry.replaced_by} == {"DATABASE_URL", "REDIS_URL"}
    assert "connection-pooling default" in decided.names["ANY_URL"].reason
    assert [(service.kind, service.primary) for service in decided.services] == [
        ("postgres", "DATABASE_URL"),
        ("redis", "REDIS_URL"),
    ]


def test_attachment_with_another_name_is_the_primary() -> None:
    primary = attachment("PRIMARY", "heroku-postgresql:standard-0", ["PRIMARY_URL"], "pg-1")
    colour = attachment("HEROKU_POSTGRESQL_RED", "heroku-postgresql:standard-0", ["HEROKU_POSTGRESQL_RED_URL"], "pg-1")
    config = {"PRIMARY_URL": DB, "HEROKU_POSTGRESQL_RED_URL": DB, "DATABASE_URL": DB}
    decided = decide(config, [colour, primary])
    assert decided.services[0].primary == "PRIMARY_URL"
    assert classes(decided)["DATABASE_URL"] == "alias"
    assert decided.replacement("PRIMARY_URL", DB, {"pg-1": NEW_DB}) == NEW_DB
    assert decided.replacement("DATABASE_URL", DB, {"pg-1": NEW_DB}) == NEW_DB
    assert decided.replacement("HEROKU_POSTGRESQL_RED_URL", DB, {"pg-1": NEW_DB}) is None


def test_every_name_that_the_user_gave_the_database_gets_the_new_url() -> None:
    second = attachment("PRIMARY", "heroku-postgresql:standard-0", ["PRIMARY_URL"], "pg-1")
    decided = decide({"DATABASE_URL": DB, "PRIMARY_URL": DB}, [second, DATABASE])
    assert decided.services[0].primary == "DATABASE_URL"
    assert {name: entry.replaced_by for name, entry in decided.names.items()} == {
        "DATABASE_URL": "pg-1",
        "PRIMARY_URL": "pg-1",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (DB, "alias"),
        ("postgresql://other:secret@EC2-1.compute-1.amazonaws.com/d1?pool=5&sslmode=require", "alias"),
        ("postgres://ec2-1.compute-1.amazonaws.com:5432/d1", "alias"),
        ("postgis://u1:pw-canary-1@ec2-1.compute-1.amazonaws.com:5432/d1", "alias"),
        (KV, "alias"),
        (KV + "/0", "alias"),
        # Another port, database or index on the same server is another place.
        ("postgres://u1:pw-canary-1@ec2-1.compute-1.amazonaws.com:5434/d1", "transfer"),
        ("postgres://u1:pw-canary-1@ec2-1.compute-1.amazonaws.com:5432/d9", "transfer"),
        (KV + "/1", "transfer"),
        ("https://ec2-1.compute-1.amazonaws.com:5432/d1", "transfer"),
        ("", "transfer"),
        ("postgres://[broken", "transfer"),
        ("postgres://host:port/d1", "transfer"),
        ("postgres://", "transfer"),
    ],
)
def test_alias_by_value(value: str, expected: str) -> None:
    decided = decide({"DATABASE_URL": DB, "REDIS_URL": KV, "MINE": value}, [DATABASE, REDIS])
    assert decided.names["MINE"].kind == expected
    assert "canary" not in decided.names["MINE"].reason


def test_alias_keeps_the_scheme_of_its_adapter() -> None:
    value = DB.replace("postgres://", "postgis://")
    decided = decide({"DATABASE_URL": DB, "GEO_URL": value}, [DATABASE])
    assert decided.replacement("GEO_URL", value, {"pg-1": NEW_DB}) == NEW_DB.replace("postgres://", "postgis://")
    assert decided.replacement("DATABASE_URL", DB, {"pg-1": NEW_DB}) == NEW_DB


def test_replacement_keeps_the_scheme_that_code_may_ask_for() -> None:
    decided = decide({"DATABASE_URL": DB}, [DATABASE])
    new = NEW_DB.replace("postgres://", "postgresql://")
    assert decided.replacement("DATABASE_URL", DB, {"pg-1": new}) == new.replace("postgresql://", "postgres://")
    longer = DB.replace("postgres://", "postgresql://")
    assert decided.replacement("DATABASE_URL", longer, {"pg-1": NEW_DB}) == new


def test_the_name_of_a_variable_that_stays_behind_becomes_the_primary_name() -> None:
    redis = {**REDIS, "config_vars": ["REDIS_URL", "REDIS_TLS_URL"]}
    config = {"REDIS_URL": KV, "REDIS_TLS_URL": KV, "REDIS_PROVIDER": "REDIS_TLS_URL", "OTHER": "REDIS_URL"}
    names = decide(config, [redis]).names
    assert (names["REDIS_PROVIDER"].kind, names["REDIS_PROVIDER"].becomes) == ("alias", "REDIS_URL")
    assert (names["OTHER"].kind, names["OTHER"].becomes) == ("transfer", "")


def test_alias_of_a_pool_or_of_a_colour_leads_to_the_same_service() -> None:
    pool = attachment(
        "POOL", "heroku-postgresql:standard-0", ["POOL_URL"], "pg-1", namespace="connection-pooling:default"
    )
    decided = decide({"DATABASE_URL": DB, "POOL_URL": POOL, "PGHERO_DATABASE_URL": POOL}, [DATABASE, pool])
    assert decided.names["PGHERO_DATABASE_URL"].kind == "alias"
    assert decided.names["PGHERO_DATABASE_URL"].replaced_by == "pg-1"


@pytest.mark.parametrize(
    "value",
    [
        "jdbc:postgresql://ec2-1.compute-1.amazonaws.com:5432/d1?user=u1&password=pw-canary-1",
        "pw-canary-1",
        "ec2-1.compute-1.amazonaws.com",
        '{"url": "' + DB + '"}',
        KV + "/1",
    ],
)
def test_credentials_inside_a_value_are_told(value: str) -> None:
    entry = decide({"DATABASE_URL": DB, "REDIS_URL": KV, "MINE": value}, [DATABASE, REDIS]).names["MINE"]
    assert (entry.kind, bool(entry.embeds)) == ("transfer", True)
    assert "pw-canary" not in entry.reason


def test_addons_of_other_services_are_copied() -> None:
    mail = attachment("SENDGRID", "sendgrid:starter", ["SENDGRID_USERNAME", "SENDGRID_PASSWORD"], "sendgrid-1")
    third = attachment("DATABASE", "crunchy-bridge:standard", ["DATABASE_URL"], "crunchy-1")
    cloud = attachment("REDISCLOUD", "rediscloud:30", ["REDISCLOUD_URL"], "cloud-1")
    config = {"SENDGRID_USERNAME": "u", "SENDGRID_PASSWORD": "p", "DATABASE_URL": DB, "REDISCLOUD_URL": KV}
    decided = decide(config, [mail, third, cloud])
    assert classes(decided) == {
        "SENDGRID_USERNAME": "addon",
        "SENDGRID_PASSWORD": "addon",
        "DATABASE_URL": "addon",
        "REDISCLOUD_URL": "service",
    }
    assert decided.names["SENDGRID_PASSWORD"].addon == "sendgrid-1"
    assert [service.primary for service in decided.services] == ["REDISCLOUD_URL"]


def test_shared_from_another_app() -> None:
    shared = attachment("DATABASE", "heroku-postgresql:standard-0", ["DATABASE_URL"], "pg-9", owner="billing")
    assert decide({"DATABASE_URL": DB}, [shared]).services[0].shared_from == "billing"


def test_several_databases_the_conventional_one_first() -> None:
    analytics = attachment("ANALYTICS", "heroku-postgresql:premium-2", ["ANALYTICS_URL"], "pg-0")
    decided = decide({"DATABASE_URL": DB, "ANALYTICS_URL": OTHER_DB}, [analytics, DATABASE])
    assert [service.addon for service in decided.services] == ["pg-1", "pg-0"]
    assert decided.names["ANALYTICS_URL"].replaced_by == "pg-0"


def test_follower_is_found_by_its_credentials_and_read_from_the_new_primary() -> None:
    url = DB.replace("ec2-1.", "ec2-8.")
    plan = "heroku-postgresql:standard-0"
    colour = attachment("HEROKU_POSTGRESQL_GRAY", plan, ["HEROKU_POSTGRESQL_GRAY_URL"], "pg-0")
    replica = attachment("REPLICA", plan, ["REPLICA_URL"], "pg-0")
    config = {"DATABASE_URL": DB, "HEROKU_POSTGRESQL_GRAY_URL": url, "REPLICA_URL": url}
    decided = decide(config, [colour, replica, DATABASE])
    assert [(service.addon, service.follows) for service in decided.services] == [("pg-1", ""), ("pg-0", "pg-1")]
    assert decided.replacement("REPLICA_URL", url, {"pg-1": NEW_DB}) == NEW_DB
    assert decided.replacement("HEROKU_POSTGRESQL_GRAY_URL", url, {"pg-1": NEW_DB}) is None


def test_documented_form_falls_back_to_addons_and_names() -> None:
    plain = [
        attachment("DATABASE", "heroku-postgresql:standard-0", None, "pg-1"),
        attachment("REDIS", "heroku-redis:premium-0", None, "kv-1"),
        attachment("REDIS_CACHE", "heroku-redis:premium-0", None, "kv-2"),
        attachment("PAPERTRAIL", "papertrail:choklad", None, "papertrail-1"),
        attachment("FOREIGN", "heroku-postgresql:standard-0", None, "pg-7", owner="billing"),
    ]
    addons = [
        {"name": "pg-1", "plan": {"name": "heroku-postgresql:standard-0"}, "config_vars": ["DATABASE_URL"]},
        {"name": "kv-1", "plan": {"name": "heroku-redis:premium-0"}, "config_vars": ["REDIS_URL", "REDIS_TLS_URL"]},
        {"name": "kv-2", "plan": {"name": "heroku-redis:premium-0"}, "config_vars": ["REDIS_CACHE_URL"]},
        {"name": "papertrail-1", "plan": {"name": "papertrail:choklad"}, "config_vars": ["PAPERTRAIL_API_TOKEN", "PT"]},
    ]
    config = {"DATABASE_URL": DB, "DATABASE_POOL": "5", "REDIS_URL": KV, "REDIS_TLS_URL": KV, "REDIS_DB": "3"}
    config.update({"REDIS_CACHE_URL": "rediss://:x@other:1", "PAPERTRAIL_API_TOKEN": "t", "PT": "t"})
    config.update({"FOREIGN_URL": OTHER_DB, "FOREIGN_KEY": "mine"})
    decided = decide(config, plain, addons)
    assert {name: entry.addon for name, entry in decided.names.items() if entry.addon} == {
        "DATABASE_URL": "pg-1",
        "REDIS_URL": "kv-1",
        "REDIS_TLS_URL": "kv-1",
        "REDIS_CACHE_URL": "kv-2",
        "PAPERTRAIL_API_TOKEN": "papertrail-1",
        "PT": "papertrail-1",
        "FOREIGN_URL": "pg-7",
    }
    assert classes(decided)["FOREIGN_URL"] == "service"


def test_documented_form_tells_a_pool_from_its_database() -> None:
    plan = "heroku-postgresql:standard-0"
    pool = attachment("DATABASE_POOL", plan, None, "pg-1", namespace="connection-pooling:default")
    listed = {"name": "pg-1", "plan": {"name": plan}, "config_vars": ["DATABASE_POOL_URL", "DATABASE_URL"]}
    config = {"DATABASE_URL": DB, "DATABASE_POOL_URL": POOL}
    decided = decide(config, [attachment("DATABASE", plan, None, "pg-1"), pool], [listed])
    owners = {entry.name: entry.config_vars for entry in decided.attachments}
    assert owners == {"DATABASE": ("DATABASE_URL",), "DATABASE_POOL": ("DATABASE_POOL_URL",)}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "3000", "platform"),
        ("HEROKU_APP_NAME", "app", "platform"),
        ("HEROKU_BUILD_COMMIT", "c", "platform"),
        ("NPM_CONFIG_PRODUCTION", "false", "platform"),
        ("GEM_PATH", "vendor", "platform"),
        ("LD_PRELOAD", "/app/vendor/jemalloc/lib/libjemalloc.so", "platform"),
        ("LD_PRELOAD", "libjemalloc.so.2", "transfer"),
        ("SUPPORT", "x", "transfer"),
        ("RAILS_MASTER_KEY", "k", "transfer"),
    ],
)
def test_platform(name: str, value: str, expected: str) -> None:
    assert decide({name: value}, []).names[name].kind == expected


def test_patterns_of_the_user_win() -> None:
    config = {"PORT": "3000", "DATABASE_URL": DB, "A_1": "x", "A_2": "y", "a_3": "z"}
    decided = decide(config, [DATABASE], include=["PORT", "DATABASE_*", "A_1"], exclude=["A_*", "NOPE_*"])
    assert classes(decided) == {
        "PORT": "transfer",
        "DATABASE_URL": "transfer",
        "A_1": "transfer",
        "A_2": "excluded",
        "a_3": "transfer",
    }
    assert decided.unmatched_patterns == ("NOPE_*",)
    assert decided.names["DATABASE_URL"].replaced_by == ""
    assert decided.owned() == {"DATABASE_URL": "pg-1"}


def test_replacement_of_redis_changes_the_scheme() -> None:
    decided = decide({"REDIS_URL": KV, "REDIS_TLS_URL": KV}, [REDIS])
    assert decided.replacement("REDIS_URL", KV, {"kv-1": NEW_KV}) == NEW_KV


@pytest.mark.parametrize(
    ("value", "kind", "new"),
    [
        ("REDIS_TLS_URL", "alias", "REDIS_URL"),
        ("HEROKU_REDIS_AMBER_URL", "alias", "REDIS_URL"),
        ("HEROKU_POSTGRESQL_BLUE_URL", "alias", "DATABASE_URL"),
        ("REDIS_URL", "transfer", None),
        ("redis_tls_url", "transfer", None),
        ("REDIS_TLS_URL ", "transfer", None),
        ("REDISTOGO_URL", "transfer", None),
    ],
)
def test_value_that_names_a_variable_which_stays_behind_names_the_primary(
    value: str, kind: str, new: str | None
) -> None:
    amber = attachment("HEROKU_REDIS_AMBER", "heroku-redis:premium-0", ["HEROKU_REDIS_AMBER_URL"], "kv-1")
    blue = attachment("HEROKU_POSTGRESQL_BLUE", "heroku-postgresql:standard-0", ["HEROKU_POSTGRESQL_BLUE_URL"], "pg-1")
    config = {"DATABASE_URL": DB, "HEROKU_POSTGRESQL_BLUE_URL": DB, "REDIS_URL": KV, "REDIS_TLS_URL": KV}
    config.update({"HEROKU_REDIS_AMBER_URL": KV, "REDIS_PROVIDER": value})
    decided = decide(config, [DATABASE, REDIS, amber, blue])
    provider = decided.names["REDIS_PROVIDER"]
    assert provider.kind == kind
    assert decided.replacement("REDIS_PROVIDER", value, {}) == new
    if new:
        assert value in provider.reason
        assert new in provider.reason
