-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Functions that find what they call by the app's search_path only, wherever rows are read, written, indexed or shown.
-- pg_dump | psql makes neither these indexes nor fills these views.
-- differs people_(plain|named)|shown|public\.(plain|named|short|inner_one|outer_one)\(
create function plain(t text) returns text immutable language sql as 'select lower(unaccent(t))';
create function named(t text) returns text immutable language plpgsql as $$ begin return lower(unaccent(t)); end $$;
create function short(t text) returns boolean immutable language plpgsql as $$ begin return length(plain(t)) < 9; end $$;
create table people (
  id int primary key,
  name text check (short(name)),
  key text generated always as (named(name)) stored);
insert into people values (1, 'Ärger'), (2, 'b');
create index people_plain on people (plain(name));
create index people_named on people (named(name)) where short(name);
create view shown_by_name as select id, named(name) as named from people;
create materialized view shown as select plain(named) from shown_by_name;
-- Functions in SQL are looked into when a table or an index is made.
create function inner_one(t text) returns text immutable language sql as 'select btrim(lower(t))';
create function outer_one(t text) returns text immutable language sql as 'select inner_one(t) || length(inner_one(t))';
create domain slug as text default outer_one('Q') check (outer_one(value) <> 'bad3');
create table titles (
  id int primary key, title text, slug text generated always as (outer_one(title)) stored, one slug,
  exclude using btree (outer_one(title) with =));
insert into titles (id, title) values (1, ' A '), (2, 'b');
create table by_slug (title text) partition by list ((outer_one(title)));
create table by_slug_rest partition of by_slug default;
insert into by_slug values ('x');
-- then updated
insert into people values (3, 'Öl'); update people set name = 'Übel' where id = 1;
update titles set title = 'c' where id = 2;
