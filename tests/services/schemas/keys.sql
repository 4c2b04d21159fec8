-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Foreign keys that go in circles, across partitions, or are not valid; rules that rows break; keys of two collations.
create table a (x int, y int, z text, primary key (x, y), unique (y, x) deferrable);
create table b (
  id int primary key, ax int, ay int, up int references b on delete cascade deferrable initially deferred,
  foreign key (ax, ay) references a match full on delete set null on update cascade);
create table c (
  id int primary key, ax int, ay int default 1, foreign key (ax, ay) references a on delete set default (ay));
insert into a select i, i, 'z' || i from generate_series(1, 20) i;
insert into b select i, i, i, nullif(i - 1, 9) from generate_series(10, 20) i;
insert into b values (100, null, null, null);
insert into c select i, i, i from generate_series(10, 14) i;
create table hen (id int primary key, egg int);
create table egg (id int primary key, hen int references hen);
alter table hen add constraint hatched foreign key (egg) references egg deferrable;
insert into hen values (1, null);
insert into egg values (1, 1);
update hen set egg = 1;
create domain late as int;
create table broken (id int primary key, r int, e late, v text);
insert into broken values (1, 1, 1, 'a'), (2, 999, -1, 'b'), (3, 998, 2, 'c');
alter table broken add constraint broken_hen foreign key (r) references hen not valid;
alter table broken add constraint broken_id check (id <> 3) not valid;
alter domain late add constraint late_positive check (value > 0) not valid;
create table keyless (id int, v int);
insert into keyless values (1, -1), (2, 5);
alter table keyless add check (v > 0) not valid;
create table days (id int, d date, primary key (id, d)) partition by range (d);
create table days_2020 partition of days for values from ('2020-01-01') to ('2021-01-01');
create table days_2021 partition of days for values from ('2021-01-01') to ('2022-01-01');
insert into days values (1, '2020-05-05'), (2, '2021-05-05');
create table of_days (id int primary key, day int, d date, foreign key (day, d) references days on delete cascade);
insert into of_days values (1, 1, '2020-05-05');
create table coded (id int, code text unique);
insert into coded values (1, 'a'), (2, null);
create table uses_code (code text references coded (code) on delete cascade);
insert into uses_code values ('a');
create table collated (a text collate "C", b text collate "POSIX", v text, primary key (a, b));
insert into collated select 'a' || i, 'b' || i, 'v' from generate_series(1, 20) i;
create table paths (path ltree primary key, v text);
insert into paths select ('a.b' || i)::ltree, 'v' from generate_series(1, 20) i;
-- then updated
update broken set v = 'B' where id = 2; insert into keyless values (3, 3); insert into coded values (3, 'c');
delete from collated where a = 'a4'; update collated set v = 'x' where a = 'a5'; delete from paths where path = 'a.b4';
update paths set v = 'n' where path = 'a.b3';
-- then updated
update a set x = x + 100 where x = 15; delete from a where x = 7; delete from b where id = 13; update hen set egg = null;
update days set d = '2021-06-06' where id = 2; delete from days where id = 1; update coded set code = 'd' where id = 2;
delete from coded where id = 1; insert into uses_code values ('d');
