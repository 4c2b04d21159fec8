# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One session with a PostgreSQL server: settings for this session only, typed errors, always ended."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Union

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import connect_error, sql_error
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

try:
    import psycopg2
    import psycopg2.extensions
except ImportError:
    psycopg2 = None  # type: ignore[assignment]
    PSYCOPG2_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    PSYCOPG2_IMPORT_ERROR = None

Values = Union[Sequence[Any], Mapping[str, Any]]
"""Values of a statement's placeholders, by position or by name."""

APPLICATION_NAME = "flyover pg_transfer"

# The text of a value must be the same on both servers, whatever settings their roles, databases and locales have.
_SETTINGS = """
set statement_timeout = 0;
set lock_timeout = '10s';
set idle_in_transaction_session_timeout = 0;
set client_min_messages = error;
set search_path = '';
set row_security = off;
set datestyle = 'ISO, YMD';
set intervalstyle = postgres;
set timezone = 'UTC';
set extra_float_digits = 3;
set bytea_output = hex;
set xmloption = content;
set lc_monetary = 'C';
set quote_all_identifiers = off;
set standard_conforming_strings = on;
set array_nulls = on;
set transform_null_equals = off;
set xmlbinary = base64;
set synchronize_seqscans = off;
set jit = off;
set work_mem = '32MB';
-- Both platforms keep databases on SSDs: rows are better looked up by their keys than found by reading the table.
set random_page_cost = 1.1;
set default_transaction_isolation = 'read committed';
set default_transaction_deferrable = off;
set default_transaction_read_only = {read_only};
select set_config(name, '0', false) from unnest(array['idle_session_timeout', 'transaction_timeout']) name
  where current_setting(name, true) is not null;
-- If it can (PostgreSQL 14), have the server notice within seconds that we are gone, even in an index build.
do $$ begin
  perform pg_catalog.set_config('client_connection_check_interval', '5s', false);
exception when others then null;
end $$;
{more}
select pg_backend_pid();
"""


_FIXED = re.compile(r"(?m)^set (\w+)")


class Session:
    """An open session in autocommit: transactions are begun and ended by statements."""

    def __init__(self, address: Address, thing: str, read_only: bool, settings: str = "") -> None:
        """Connect to O(address), called O(thing) in errors; O(settings) are additional SET statements.

        Raises InputError, ConnectionFailed or StateError.
        """
        if psycopg2 is None:
            raise InputError(
                "Python library psycopg2",
                missing_required_lib("psycopg2 (>= 2.9)").split("\n")[0],
                "Install psycopg2 or psycopg2-binary for the Python that runs this module.",
            )
        self.address = address
        self.thing = f"{thing} ({address})"
        self._name = thing
        self._read_only = read_only
        self._settings = settings
        self.app_path = ""
        """The search_path under which the app's functions find what they call; see as_app()."""
        options: dict[str, Any] = {"gssencmode": "disable", **address.options}
        try:
            self._connection = psycopg2.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password or None,
                dbname=address.dbname,
                application_name=APPLICATION_NAME,
                client_encoding="UTF8",
                connect_timeout=20,
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=6,
                **options,
            )
        except psycopg2.Error as error:
            raise connect_error(error, self.thing) from None
        self._connection.autocommit = True
        try:
            begin = _SETTINGS.format(read_only="on" if read_only else "off", more=settings)
            self.pid = int(self.value(begin, doing="preparing the session"))
        except BaseException:
            self.close()
            raise

    @property
    def version(self) -> int:
        """The server's version as a number: 150018 is 15.18."""
        return int(self._connection.server_version)

    @property
    def pooled(self) -> bool:
        """Whether a pooler answers: the process id that it announced on connecting is not the server's."""
        return bool(self._connection.get_backend_pid() != self.pid)

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written in this session, not even to be rolled back."""
        return self._read_only

    def again(self) -> Session:
        """Return another session like this one; a forked process must not use its parent's."""
        session = Session(self.address, self._name, self._read_only, self._settings)
        session.app_path = self.app_path
        return session

    def adopt(self, settings: Mapping[str, str]) -> None:
        """Make O(settings), as a session that begins now gets them, but for what is the same in each of ours."""
        fixed = {*_FIXED.findall(_SETTINGS + self._settings)}
        for name, value in settings.items():
            if name.lower() not in fixed:
                self.run("select set_config(%s, %s, false)", [name, value], doing=f"setting {name}")

    @contextmanager
    def as_app(self) -> Iterator[None]:
        """Let the app's functions find what they call while rows are read, written, indexed or checked inside.

        Elsewhere the path is empty, so that the server qualifies every name that it prints.
        """
        self.run("select set_config('search_path', %s, false)", [self.app_path])
        try:
            yield
        finally:
            with suppress(FlyoverError):  # in a failed transaction, whose end resets it
                self.run("set search_path = ''")

    def rows(self, sql: str, values: Values | None = None, doing: str = "") -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._cursor(doing or "reading the catalog") as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def row(self, sql: str, values: Values | None = None, doing: str = "") -> tuple[Any, ...]:
        """Return the only row of a query."""
        (only,) = self.rows(sql, values, doing)
        return only

    def value(self, sql: str, values: Values | None = None, doing: str = "") -> Any:
        """Return the only value of a query."""
        return self.row(sql, values, doing)[0]

    def run(self, sql: str, values: Values | None = None, doing: str = "", rows: bool = True) -> None:
        """Run statements for their effect; without O(rows), the server's message may be shown if they fail."""
        with self._cursor(doing or "working", rows) as cursor:
            cursor.execute(sql, values)

    def copy_out(self, sql: str, stream: Any, doing: str) -> int:
        """Run a COPY TO STDOUT into O(stream); return its number of rows."""
        with self._cursor(doing) as cursor:
            cursor.copy_expert(sql, stream)
            return int(cursor.rowcount)

    def copy_in(self, sql: str, stream: Any, doing: str) -> int:
        """Run a COPY FROM STDIN from O(stream); return its number of rows."""
        with self._cursor(doing) as cursor:
            cursor.copy_expert(sql, stream, 1 << 18)
            return int(cursor.rowcount)

    @contextmanager
    def transaction(self, begin: str = "begin", doing: str = "") -> Iterator[None]:
        """Commit what is done inside, or roll it back."""
        self.run(begin, doing=doing)
        with self.committed(doing):
            yield

    @contextmanager
    def committed(self, doing: str = "") -> Iterator[None]:
        """Commit the open transaction after what is done inside, or roll it back."""
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the first failure is the one to report
                self.run("rollback")
            raise
        self.run("commit", doing=doing)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what is done inside if it fails, and nothing else of an open transaction."""
        if self._connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            yield
            return
        self.run("savepoint attempt")
        try:
            yield
        except StateError:
            self.run("rollback to savepoint attempt; release savepoint attempt")
            raise
        self.run("release savepoint attempt")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for a forked process to close."""
        return int(self._connection.fileno())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _cursor(self, doing: str, rows: bool = True) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            raise sql_error(error, self.thing, doing, rows) from None
