-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Objects that apps rarely have: operators, casts, aggregates, domains, ranges, text search, typed tables, odd sequences.
create function twice(int, int) returns int immutable language sql as 'select $1 * 2 + $2';
create function minus(int, int) returns int immutable language sql as 'select $1 - $2';
create operator ### (leftarg = int, rightarg = int, function = twice, commutator = ###);
create aggregate folded(int) (sfunc = twice, stype = int, initcond = '0', combinefunc = twice, parallel = safe,
  msfunc = twice, minvfunc = minus, mstype = int, minitcond = '7');
create type amount as (cents bigint, currency char(3));
create function euros(bigint) returns amount immutable language sql as $$ select row($1, 'EUR')::amount $$;
create cast (bigint as amount) with function euros(bigint) as assignment;
create cast (amount as text) with inout;
create default conversion latin1_in for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create collation plain from "C";
create domain email as text collate plain not null check (value ~ '@');
create domain emails as email[] check (cardinality(value) < 5);
create type span as range (subtype = timestamptz, multirange_type_name = spans);
create type word_span as range (subtype = text, collation = "C");
create type box3 as (a int, b text collate "C", c numeric(5, 2)[]);
create table all_types (id int primary key, e email, es emails, s span, ss spans, w word_span, b box3[], m amount);
insert into all_types values (1, 'A@b', '{a@b}', '[2020-01-01,2020-02-02)', '{[2020-01-01,2020-02-02)}', '[a,b]',
  array[row(1, 'x', '{1.50,2}')::box3, row(2, 'y', null)::box3], row(5, 'EUR'));
create text search dictionary plain_words (template = simple, stopwords = english, accept = false);
create text search configuration words (parser = default);
alter text search configuration words add mapping for asciiword, word with plain_words, english_stem;
create table documents (
  id int primary key, body text,
  words tsvector generated always as (to_tsvector('public.words', coalesce(body, ''))) stored);
insert into documents (id, body) values (1, 'The cats run'), (2, null);
create index documents_words on documents using gin (words);
create index documents_lower on documents (id, (lower(body)));
alter index documents_lower alter column 2 set statistics 500;
create statistics documents_stats (dependencies, ndistinct) on id, body from documents;
alter statistics documents_stats set statistics 200;
create type named as (id int, name text);
create table typed of named (primary key (id), name with options default 'n' not null);
insert into typed values (1, 'a'), (2, default);
create unlogged table fast (id int primary key generated always as identity (start 10 increment 5), v text);
insert into fast (v) select 'v' || i from generate_series(1, 9) i;
create sequence odd as smallint increment -3 minvalue -100 maxvalue 50 start 5 cycle cache 4;
select nextval('odd'), nextval('odd');
create table bookings (
  id int primary key, room int, during tstzrange,
  exclude using gist (room with =, during with &&) deferrable initially deferred,
  constraint bookings_later unique (room, id) deferrable);
insert into bookings values (1, 1, '[2020-01-01,2020-01-02)'), (2, 1, '[2020-01-02,2020-01-03)');
create procedure add(inout x int, y int default 3) language plpgsql as $$ begin x := x + y; commit; end $$;
create function many(variadic xs int[]) returns table (n int, m int) rows 7 cost 3 parallel safe
  language sql as 'select 1, 2';
create function touch() returns trigger language plpgsql as $$ begin return null; end $$;
create constraint trigger checked after insert or update of body on documents deferrable initially deferred
  for each row execute function touch();
create trigger counted after update on documents referencing old table as o new table as n
  for each statement execute function touch();
alter table documents disable trigger counted;
create rule kept as on delete to typed do instead nothing;
alter table typed disable rule kept;
create table nothing ();
insert into nothing default values;
create table computed (a int generated always as (5) stored);
insert into computed default values;
-- then updated
update all_types set e = 'a@B' where id = 1; insert into documents (id, body) values (3, 'dogs');
insert into fast (v) values ('z'); update bookings set during = '[2021-01-01,2021-01-02)' where id = 2;
insert into nothing default values; insert into computed default values; select nextval('odd');
