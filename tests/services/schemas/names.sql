-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Words that PostgreSQL 16 and 17 began to quote, names in capitals, and names that need quotes everywhere.
create table documents (id int primary key, json text check (json <> ''), system_user text default 'nobody');
insert into documents values (1, '{}'), (2, 'x');
create index documents_json on documents (json) where json <> 'x';
create view listed as select json, d.system_user from documents d;
create table json (id int, json_table int);
insert into json values (1, 2);
create table holds (one public.json, many public.json[]);
insert into holds values (row(1, 2), array[row(3, 4)::public.json]);
create function json_value(int) returns int language sql as 'select 1';
create function takes_json(json json, out system_user text) language sql as $$ select json ->> 'a' $$;
comment on function takes_json(json) is 'with arguments';
create sequence merge_action;
comment on column documents.json is 'as it came';
create schema "APP";
create table "APP"."TABLE DATA" ("ID" int primary key, "a.b" text, "say ""so""" text);
insert into "APP"."TABLE DATA" values (1, 'x', 'y');
create function "APP"."TRG"() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger "T" before insert on "APP"."TABLE DATA" for each row execute function "APP"."TRG"();
comment on table "APP"."TABLE DATA" is 'X';
create view "APP"."V" as select * from "APP"."TABLE DATA";
create materialized view "APP"."MATERIALIZED VIEW" as select "say ""so""" from "APP"."TABLE DATA";
create view attributes as select attname, attstattarget from pg_attribute where false;
-- Names that begin as others end, or hold what ends a line elsewhere, or a value's place.
create schema "public stuff";
create table "public stuff".t (id int primary key);
comment on schema "public stuff" is 'not public';
create schema "x EXTENSION";
create table "x EXTENSION".t (id int primary key);
comment on table "x EXTENSION".t is 'kept';
create schema "_flyover app";
create table "_flyover app"."100%s" (id int primary key, "%(x)s" text);
insert into "_flyover app"."100%s" values (1, '%s');
create schema "100%s";
comment on schema "100%s" is 'all of %';
create table U&"a\2028b\0085c" (id int primary key, U&"d\000be" text);
insert into U&"a\2028b\0085c" values (1, 'x');
-- then updated
update documents set json = 'y' where id = 2; insert into json values (5, 6); update "APP"."TABLE DATA" set "a.b" = 'z';
update "_flyover app"."100%s" set "%(x)s" = '%d'; update U&"a\2028b\0085c" set U&"d\000be" = 'y';
