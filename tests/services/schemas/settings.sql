-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Settings of the database that decide what rows, indexes and views hold, or how SQL and values are read.

alter database schemas set default_text_search_config = 'pg_catalog.german';
alter database schemas set standard_conforming_strings = off;
alter database schemas set array_nulls = off;
alter database schemas set transform_null_equals = on;
\connect -

create function words(text) returns tsvector immutable language sql as 'select to_tsvector($1)';
create table articles (id int primary key, body text, found tsvector generated always as (words(body)) stored);
create index on articles using gin (words(body));
create materialized view shown as select id, to_tsvector(body) as found from articles;
insert into articles (id, body) values (1, 'die Häuser der Katzen');
refresh materialized view shown;

create table strings (id int primary key, path text default 'C:\\app', check (path <> 'C:\\'));
create view paths as select 'a\\b'::text as path;
set array_nulls = on;
create table lists (id int primary key, numbers int[], texts text[]);
insert into lists values (1, '{1,NULL}', '{a,NULL,"NULL"}');

-- then updated
set array_nulls = on;
insert into articles (id, body) values (2, 'gingen');
update lists set numbers = '{NULL}', texts = '{NULL,"null"}';
