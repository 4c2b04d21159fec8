-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- A column system_user, which PostgreSQL 16 and later take for SQL's own unless it is quoted; such words in literals.
create function quotes(a text default '(json data)', b text default ', system_user x') returns text language sql
  as $$ select '(json data), system_user x' $$;
create table a (
  id int primary key, "system_user" text unique check ("system_user" <> 'nobody'),
  low text default '"json", system_user');
insert into a values (1, 'bob');
alter table a enable row level security;
create policy own on a using ("system_user" = 'system_user');
create table refers (
  id int primary key, "system_user" text references a ("system_user"),
  upper text generated always as (upper("system_user")) stored);
insert into refers values (1, 'bob');
create table flags (
  id int primary key, "system_user" boolean not null, exclude using btree (id with =) where ("system_user"));
insert into flags values (1, true);
create index flags_on on flags (id) where "system_user";
create index flags_both on flags ("system_user", (not "system_user")) include (id);
create statistics flags_stats on "system_user", (not "system_user") from flags;
create materialized view filled as select "system_user" from a;
create view listed as select "system_user", "system_user" || 'x' as more from a order by "system_user";
create rule put as on insert to listed do instead insert into a (id, "system_user") values (9, new."system_user");
create function noted() returns trigger language plpgsql as 'begin return new; end';
create trigger noted before update of "system_user" on a for each row when (new."system_user" <> old."system_user")
  execute function noted('system_user');
create function named("system_user" text default 'system_user') returns text stable language sql
  begin atomic select "system_user" from a where "system_user" <> named."system_user"; end;
create function given("system_user" text, "json" text default '(json data)') returns text immutable language sql
  return "system_user" || json;
create table parts ("system_user" text) partition by list ("system_user");
create table parts_own partition of parts for values in ('system_user');
-- then updated
update a set "system_user" = 'bill', id = 2 where id = 3; insert into flags values (2, false);
insert into a values (3, 'x');
