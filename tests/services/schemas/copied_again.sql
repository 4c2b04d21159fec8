-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- A second copy makes everything anew, where the first one set default privileges: these are not for what came before.
-- differs ALTER DEFAULT PRIVILEGES
create table secret (id int primary key);
insert into secret values (1);
create function early() returns int language sql as 'select 1';
create aggregate counted(*) (sfunc = int8inc, stype = int8, initcond = 0);
create procedure done(inout i int) language sql as 'select 1';
create aggregate taken(order by int) (sfunc = array_append, stype = int[], finalfunc = cardinality);
alter default privileges grant select on tables to helper;
alter default privileges revoke insert on tables from current_user;
alter default privileges revoke execute on functions from public;
alter default privileges in schema public grant usage on types to helper;
create table open (id int primary key);
create function late() returns int language sql as 'select 1';
-- then copied
alter table secret add more int;
-- then copied
alter default privileges revoke select on tables from helper;
alter default privileges grant insert on tables to current_user;
create table later (id int primary key);
