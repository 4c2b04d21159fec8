-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- What can be made or written only when something else is there, though no dependency says so.
-- differs content of public\.(filled_late|z_first)
create table limits (n int);
create function within(i int) returns boolean language plpgsql as
  $$ begin return i < (select n from public.limits); end $$;
insert into limits values (100);
create table a_limited (id int primary key check (within(id)));
insert into a_limited values (1), (2);
create table users (id int primary key);
create view all_users as select * from users;
create table a_catalog (id int primary key, c regclass, p regprocedure, t regtype, n regnamespace);
insert into a_catalog values (1, 'users', 'lower(text)', 'int', 'public'), (2, 'users_pkey', null, null, null),
  (3, 'all_users', 'within(int)', 'users', null);
create materialized view z_first as select count(*) as n from users;
create function of_first() returns bigint language sql stable as 'select n from public.z_first';
create materialized view filled_late as select of_first() as n;
create materialized view a_unfilled as select 1 as n with no data;
create table vectors (id int primary key, v int2vector, o oidvector);
insert into vectors values (1, '', ''), (2, '1 2', '3');
create table clustered (id int not null, v text);
insert into clustered select i, i from generate_series(1, 50) i;
create unique index clustered_id on clustered (id);
create index clustered_v on clustered ((v || ';
ALTER TABLE x'));
alter table clustered cluster on clustered_v;
alter table clustered replica identity using index clustered_id;
-- then updated
insert into users values (1), (2); insert into a_limited values (3);
