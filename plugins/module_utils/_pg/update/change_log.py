# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The change log: a trigger on each large table notes the keys of rows that are written, so that no scan has to find
them. It needs only the owner's rights, and lives in its own schema.

A log proves something from the moment at which it is seen, for as long as it is the same log: C(Log.identity) changes
with everything that could let a write pass unnoted. Creating the trigger waits for open writers and keeps new ones out,
so a snapshot that sees the trigger also sees everything that was written before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import keys, plan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import LOG_SCHEMA, NAME
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import column_numbers, read_tables
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

TRIGGER = LOG_SCHEMA
"""The name of all the log's triggers."""
PATIENCE = 30.0
"""Seconds during which to try to lock a table."""
# Other writers have to wait behind us meanwhile, so try often, and never for long.
_LOCK_TIMEOUT = "1s"
_PAUSE = 0.5  # seconds
_BUSY = ("55P03", "40P01")

_GUARD = """
begin
  raise exception 'The change log is only added to. Remove it with flyover.heroku_to_fly.pg_change_log.';
end
"""
_CREATE = f"""
create schema if not exists {LOG_SCHEMA};
comment on schema {LOG_SCHEMA} is
  'Keys of rows that were written, noted by the triggers of flyover.heroku_to_fly.pg_change_log.';
create or replace function {LOG_SCHEMA}.guard() returns trigger language plpgsql as $flyover${_GUARD}$flyover$;
"""
_SETTINGS = "search_path=pg_catalog, pg_temp"

# Logs by the trigger on their table. 29 is AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW, 58 is BEFORE UPDATE OR DELETE
# OR TRUNCATE FOR EACH STATEMENT. Switching a trigger off and on, or replacing a function, makes a new version of its
# row in the catalog. What rewrites or truncates a table gives it a new file, without firing a row's trigger, and a
# column that is dropped and created again has a new number.
_LOGS = f"""
select g.tgrelid, {NAME}, l.relname::text, p.prosrc,
  array(select {quoted("attname")} from pg_attribute
        where attrelid = l.oid and attnum > 0 and not attisdropped order by attnum),
  g.tgtype = 29 and g.tgenabled = 'A' and g.tgqual is null and g.tgattr = ''::int2vector
    and p.prosecdef and p.proconfig = array[%(settings)s] and c.relpersistence = 'p'
    and has_schema_privilege(l.relnamespace, 'usage') and has_table_privilege(l.oid, 'select')
    and l.relkind = 'r' and l.relpersistence = 'p' and not l.relhasrules and not l.relrowsecurity
    and (select count(*) = 1 and bool_and(tgtype = 58 and tgenabled = 'A' and f.prosrc = %(guard)s)
         from pg_trigger join pg_proc f on f.oid = tgfoid where tgrelid = l.oid)
    and not exists (
      select from pg_attribute a left join pg_attribute b on b.attrelid = c.oid and b.attname = a.attname
        and (b.atttypid, b.atttypmod, b.attcollation) = (a.atttypid, a.atttypmod, a.attcollation)
      where a.attrelid = l.oid and a.attnum > 0 and not a.attisdropped and b.attrelid is null),
  pg_catalog.concat_ws(' ', g.oid, g.xmin, p.oid, p.xmin, c.oid, c.relfilenode, l.oid, l.relfilenode,
    (select string_agg(pg_catalog.concat_ws(' ', t.oid, t.xmin, f.oid, f.xmin), ' ' order by t.oid)
     from pg_trigger t join pg_proc f on f.oid = t.tgfoid where t.tgrelid = l.oid),
    {column_numbers("c.oid")})
from pg_trigger g join pg_proc p on p.oid = g.tgfoid
join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
left join pg_class l on l.relnamespace = p.pronamespace and l.relname = pg_catalog.concat('log_', c.oid)
where g.tgname = '{TRIGGER}' and p.pronamespace = to_regnamespace('{LOG_SCHEMA}')
"""


@dataclass(frozen=True)
class Log:
    """The log of one table, as it should be."""

    name: str
    columns: tuple[str, ...]
    """Quoted names of the key's columns."""
    identity: str


def logs(session: Session) -> dict[str, Log]:
    """Return the logs that note everything, by their table's name."""
    return {
        table: Log(f"{LOG_SCHEMA}.{log}", tuple(columns), identity)
        for oid, table, log, body, columns, sound, identity in _found(session)
        if sound and body == _body(oid, columns)
    }


Wanted = Mapping[str, tuple[int, Sequence[str]]]
"""Tables to log: their oid and key, by name."""


def settle(
    session: Session,
    wanted: Wanted,
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Create the logs O(wanted), and remove all others.

    Each is created in its own transaction. Raises StateError for a table that cannot be locked within O(patience)
    seconds.
    """
    existing = _existing(session)
    missing = _missing(session, wanted)
    if missing:
        with session.transaction(doing="making the change log"):
            session.run("select pg_advisory_xact_lock(hashtext(%s))", [LOG_SCHEMA], doing="making the change log")
            # If it were created again, all logs that it guards would lose their identity.
            guard = f"select from pg_proc where oid = to_regprocedure('{LOG_SCHEMA}.guard()') and prosrc = %s"
            if session.value(f"select not exists ({guard})", [_GUARD]):
                session.run(_CREATE, doing="making the change log")
    for table, oid in existing.items():
        if table not in wanted:
            _patiently(session, table, [f"drop trigger {TRIGGER} on {table}", *_removal(oid)], patience, sleep)
    for table in missing:
        oid, columns = wanted[table]
        drop = [f"drop trigger {TRIGGER} on {table}"] if table in existing else []
        _patiently(session, table, [*drop, *_removal(oid), *_making(oid, table, columns)], patience, sleep)
    if not wanted:
        session.run(f"drop schema if exists {LOG_SCHEMA} cascade", doing="removing the change log")


def present(url: Address, min_bytes: int, patience: float, check_mode: bool) -> dict[str, Any]:
    """Log every table of at least O(min_bytes) that can be logged; return the module's result."""
    with Session(url, "database", read_only=check_mode) as session:
        plan.refuse_pooler(session)
        if session.value("select pg_is_in_recovery()"):
            raise StateError(session.thing, "it is a follower, which accepts no writes", "Use the primary's URL.")
        existing = _existing(session)
        found = keys.keys(session)
        wanted, sizes, left = {}, {}, []
        for oid, table, size, reason in _candidates(session, found):
            small = size < min_bytes and table not in existing
            if reason or small:
                reason = reason or f"smaller than {min_bytes} bytes: a scan of it takes no time"
                left.append({"name": table, "bytes": size, "reason": reason})
            else:
                wanted[table] = (oid, found[oid].columns)
                sizes[table] = size
        missing = _missing(session, wanted)
        changed = bool(missing) or not existing.keys() <= wanted.keys()
        if changed and not check_mode:
            settle(session, wanted, patience)
    return {
        "changed": changed,
        "tables": [{"name": table, "bytes": size} for table, size in sizes.items()],
        "not_logged": left,
        "diff": _diff(existing.keys() - missing, wanted),
    }


def absent(url: Address, patience: float, check_mode: bool) -> dict[str, Any]:
    """Remove every log; return the module's result."""
    with Session(url, "database", read_only=check_mode) as session:
        plan.refuse_pooler(session)
        existing = _existing(session)
        changed = exists(session)
        if changed and not check_mode:
            settle(session, {}, patience)
    return {"changed": changed, "tables": [], "not_logged": [], "diff": _diff(existing, ())}


def exists(session: Session) -> bool:
    """Return whether anything of a log is there."""
    return bool(session.value(f"select to_regnamespace('{LOG_SCHEMA}') is not null"))


def _found(session: Session) -> list[tuple[Any, ...]]:
    """Return for each log: its table's oid and name, the log's name and columns, its function and identity."""
    return session.rows(_LOGS, {"settings": _SETTINGS, "guard": _GUARD})


def _existing(session: Session) -> dict[str, int]:
    """Return the oids, by name, of the tables that have such a trigger, whether or not the log is sound."""
    return {table: oid for oid, table, *_facts in _found(session)}


def _missing(session: Session, wanted: Wanted) -> list[str]:
    """Return the tables of O(wanted) that have no log, or one that is not as it should be."""
    sound = logs(session)
    return [
        table
        for table, (_oid, columns) in wanted.items()
        if table not in sound or sound[table].columns != tuple(columns)
    ]


def _candidates(session: Session, found: Mapping[int, keys.Key]) -> list[tuple[int, str, int, str]]:
    """Return for each of the user's tables: oid, name, bytes, and why it cannot be logged."""
    facts = {
        oid: (unlogged, owned, owner, set(own))
        for oid, unlogged, owned, owner, own in session.rows(
            f"""
            select c.oid, c.relpersistence = 'u', pg_has_role(c.relowner, 'usage'), pg_get_userbyid(c.relowner)::text,
                   array(select {quoted("a.attname")} from pg_attribute a join pg_type t on t.oid = a.atttypid
                         where a.attrelid = c.oid and t.typtype = 'b' and t.typnamespace = 'pg_catalog'::regnamespace)
            from pg_class c where c.relkind = 'r'
            """
        )
    }
    candidates = []
    for table in read_tables(session):
        if table.condition:  # an extension's
            continue
        unlogged, owned, owner, own = facts[table.oid]
        key = found.get(table.oid)
        reason = ""
        if key is None:
            reason = "has neither a primary key nor a unique key without nulls"
        elif not own.issuperset(key.columns):
            reason = "has a key of a type that is not PostgreSQL's own"
        elif unlogged:
            reason = "is unlogged: a crash empties it without a trace"
        elif not owned:
            reason = f"belongs to the role {owner}"
        candidates.append((table.oid, table.name, table.bytes, reason))
    return candidates


def _body(oid: int, columns: Sequence[str]) -> str:
    """Return the function of the trigger on the table O(oid)."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    log = f"{LOG_SCHEMA}.log_{oid}"
    return f"""
begin
  if tg_op <> 'DELETE' then
    insert into {log} values ({new});
  end if;
  if tg_op = 'DELETE' or tg_op = 'UPDATE' and row({old}) is distinct from row({new}) then
    insert into {log} values ({old});
  end if;
  return null;
end
"""


def _making(oid: int, table: str, columns: Sequence[str]) -> list[str]:
    """Return the statements that create a log; the table is locked last."""
    log = f"{LOG_SCHEMA}.log_{oid}"
    comment = table.replace("'", "''")
    return [
        f"create table {log} as select {', '.join(columns)} from only {table} with no data",
        f"comment on table {log} is 'of {comment}'",
        f"create trigger guard before update or delete or truncate on {log} execute function {LOG_SCHEMA}.guard()",
        f"alter table {log} enable always trigger guard",
        f"create function {log}() returns trigger language plpgsql security definer "
        f"set search_path = pg_catalog, pg_temp as $flyover${_body(oid, columns)}$flyover$",
        f"create trigger {TRIGGER} after insert or update or delete on {table} for each row execute function {log}()",
        f"alter table {table} enable always trigger {TRIGGER}",
    ]


def _removal(oid: int) -> list[str]:
    """Return the statements that remove a log, except its trigger."""
    return [f"drop {what} if exists {LOG_SCHEMA}.log_{oid}" for what in ("function", "table")]


def _patiently(
    session: Session, table: str, statements: Sequence[str], patience: float, sleep: Callable[[float], None]
) -> None:
    """Run O(statements) in one transaction as soon as O(table) can be locked."""
    doing = f"changing the log of {table}"
    ends = time.monotonic() + patience
    while True:
        try:
            with session.transaction(doing=doing):
                session.run(f"set local lock_timeout = '{_LOCK_TIMEOUT}'", doing=doing)
                return session.run(";\n".join(statements), doing=doing)
        except StateError as error:
            if error.facts.get("sqlstate") not in _BUSY:
                raise
        if time.monotonic() >= ends:
            raise StateError(
                session.thing,
                f"table {table} could not be locked within {patience:g} seconds",
                "End the transaction that holds it (heroku pg:locks, pg:ps), then run again: the tables before it "
                "are done.",
            )
        sleep(_PAUSE)


def _diff(before: Iterable[str], after: Iterable[str]) -> dict[str, Any]:
    return {"before": {"tables": sorted(before)}, "after": {"tables": sorted(after)}}
