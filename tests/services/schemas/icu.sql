-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- ICU's locales by the names that PostgreSQL 16 and later write in their own way.
create collation ci (provider = icu, locale = '@colStrength=secondary', deterministic = false);
create collation en (provider = icu, locale = 'en_US');
create collation de_phone (provider = icu, locale = 'de@collation=phonebook');
create table t (id int primary key, a text collate ci unique, b text collate en, c text collate de_phone);
create index on t (b); create index on t (c);
insert into t values (1, 'Ä', 'b', 'Ö'), (2, 'a', 'B', 'o');
create view v as select * from t where a = 'A' collate ci order by c;
create table k (k text collate ci primary key, v int);
insert into k values ('Abc', 1), ('x', 2);
-- then updated
update k set k = 'aBC' where v = 1; delete from k where v = 2; insert into k values ('Y', 3);
update t set b = 'z';
