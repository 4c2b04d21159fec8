-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Functions that name no schema, called by what a server checks or builds with a search_path of its own, and first
-- called long after the copy.

create function plain(text) returns text immutable language plpgsql as $$ begin return unaccent($1); end $$;
create function same(text, text) returns boolean immutable language plpgsql as
  $$ begin return unaccent($1) = unaccent($2); end $$;
create operator === (leftarg = text, rightarg = text, function = same);
create domain bare as text check (same(value, value));

create table measured (id int primary key, name text);
create statistics on_name on (plain(name)), id from measured;
insert into measured select i, 'é' || i from generate_series(1, 50) i;

create table operated (id int primary key, name text);
create index on operated (id) where name operator(public.===) 'e';
create materialized view cast_to_it as select name::bare as name from operated;
insert into operated values (1, 'é');
refresh materialized view cast_to_it;

create function later(text) returns text immutable language plpgsql as $$ begin return unaccent($1); end $$;
create function later_too(text) returns text immutable language plpgsql as $$ begin return unaccent($1); end $$;
create table waiting (id int primary key, name text);
create index on waiting (later_too(name));
create materialized view of_waiting as select later(name) as name from waiting;
create table many (id int primary key);
insert into many select generate_series(1, 500);

-- then updated
insert into waiting values (1, 'é');
refresh materialized view of_waiting;
