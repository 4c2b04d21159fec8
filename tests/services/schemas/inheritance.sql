-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Children and partitions whose columns stand in another order than their parents'. pg_dump puts inherited columns first.
-- differs content of public\.(kid|multi|grand)
create table par (a int, b text);
create table kid (z int, b text not null default 'kid', a int, check (z > 0));
alter table kid inherit par;
insert into kid values (1, 'x', 2), (3, 'y', 4);
insert into par values (9, 'p');
create table par2 (q int);
create table multi (w int) inherits (par, par2);
insert into multi values (1, 'b', 2, 3);
alter table par add column late int default 7;
insert into kid values (5, 'late', 6, 8);
create table grand () inherits (kid, multi);
insert into grand (a, z, w) values (100, 1, 1);
create table positive (i int, constraint c check (i > 0) no inherit);
create table any_sign () inherits (positive);
insert into any_sign values (-1);
create table p (a int, b text, c int) partition by list (a);
create table p1 (c int, junk int, b text, a int);
alter table p1 drop column junk;
alter table p attach partition p1 for values in (1);
create table p2 (x int, b text, a int, c int);
alter table p2 drop column x;
alter table p attach partition p2 for values in (2);
insert into p select 1 + i % 2, 'v' || i, i from generate_series(1, 50) i;
-- then updated
update p set b = 'new' where c < 10; update kid set b = 'k2' where a = 2; delete from multi;
insert into grand (a, z, w) values (101, 1, 1); update p set a = 3 - a where c between 20 and 30;
