-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Privileges: revoked from everybody, granted to everybody, to a role that is on both servers (helper), by default.
-- differs ALTER DEFAULT PRIVILEGES
create function pay() returns int language sql security definer as 'select 1';
revoke execute on function pay() from public;
grant execute on function pay() to helper;
create table t (id int primary key, secret text);
insert into t values (1, 'x');
grant select (id) on t to helper;
create schema priv;
grant usage on schema priv to helper;
create schema closed;
alter default privileges in schema public grant select on tables to helper;
alter default privileges revoke execute on functions from public;
create type mood as enum ('a');
revoke usage on type mood from public;
create table own (i int);
revoke delete on own from current_user;
create view seen as select id from t;
grant select on seen to public;
create materialized view kept as select id from t;
create unique index on kept (id);
grant select on kept to helper;
create sequence counter;
grant usage on sequence counter to helper with grant option;
select lo_create(4711);
grant select on large object 4711 to helper;
comment on schema public is 'my own comment';
comment on schema priv is 'private';
-- then updated
grant update on t to helper; grant select on kept to public;
-- then updated
comment on schema priv is 'more private';
-- then updated
revoke select on seen from public; revoke usage on schema priv from helper; revoke usage on schema public from public;
