-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Rules that hold before and after an update, but not for every order of writing it.

create table one (id int primary key, other int);
create table two (id int primary key, other int references one on delete restrict);
alter table one add foreign key (other) references two on delete restrict;
insert into one select i from generate_series(1, 20) i;
insert into two select i, i from generate_series(1, 20) i;
update one set other = id;

create table kinds (id int primary key);
insert into kinds select generate_series(1, 50);
create function known(int) returns boolean language sql stable as 'select exists (select from public.kinds where id = $1)';
create table things (id int primary key, kind int constraint known check (known(kind)));
comment on constraint known on things is 'of the table kinds';
insert into things select i, i from generate_series(1, 50) i;

-- then updated
update one set other = null where id = 5;
delete from two where id = 5;
delete from one where id = 5;
insert into kinds values (1000);
insert into things values (100, 1000);
update things set kind = 2 where kind = 3;
delete from kinds where id = 3;
