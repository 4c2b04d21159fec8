-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Views on views, materialized views on materialized views, and expressions that each major prints in its own way.
-- differs content of public\.totals
create table t (id int primary key, a text, b int);
insert into t select i, 'a' || i, i % 3 from generate_series(1, 9) i;
create table u (id int primary key, t_id int references t);
insert into u select i, i from generate_series(1, 5) i;
create view counted as select t.*, count(u.id) n from t left join u on u.t_id = t.id group by t.id;
create view barred with (security_barrier) as select * from counted where n > 0;
create view checked with (security_invoker) as select id, a from t where b = 1 with cascaded check option;
create view nested as select * from checked with local check option;
create recursive view numbers(n) as values (1) union all select n + 1 from numbers where n < 10;
create view walked as with recursive z(i) as (select 1 union all select i + 1 from z where i < 3)
  search depth first by i set o cycle i set c using path select i, c from z;
create view one as select 1 as a;
create view two as select a from one;
create or replace view one as select a from (select 1 as a) q;
create function of_two(two) returns int language sql as 'select 1';
create view of_row as select of_two(c) from two c;
create materialized view totals as select * from counted;
create unique index on totals (id);
create index on totals (lower(a)) where n > 0;
alter materialized view totals cluster on totals_id_idx;
alter materialized view totals alter column a set statistics 77;
create materialized view a_total as select count(*) as c, max(n) from totals where id < 3;
create materialized view unfilled with (fillfactor = 70) as select 1 as x with no data;
create view on_unfilled as select * from unfilled;
comment on view counted is 'x';
comment on column counted.n is 'a column';
alter view counted alter column a set default 'd';
create view sampled as select * from t tablesample bernoulli (100) repeatable (1);
create view grouped as select b, grouping(b) from t group by grouping sets ((b), ());
create view windowed as select id, row_number() over w from t
  window w as (partition by b order by id rows between unbounded preceding and current row exclude ties);
create view lateral_one as select t.id, l.* from t cross join lateral (select max(id) from u where t_id = t.id) l;
create view joined as select * from (t full join u using (id)) as j(x);
create view using_as as select * from t join u using (id) as q where exists (select from t t2 where t2.id = u.t_id);
create view ordinal as select * from rows from (generate_series(1, 2), unnest(array['a', 'b'])) with ordinality f(a, b, c);
create view as_xml as select xmlelement(name foo, xmlattributes(id as "ID"), a) from t;
create view expressions as select case a when 'a1' then 1 else 2 end, a collate "C" as ac, extract(epoch from now()) e,
  current_date cd, a like 'a%' lk, b between 1 and 2 bt, (1, 2) = (2, 3) rw, coalesce(a, 'z'), nullif(a, ''),
  b is distinct from 2 dist, interval '1 day' iv, b'101' bits, 'x'::"char" ch, a::varchar(3) vc,
  substring(a from 1 for 2) ss, overlay(a placing 'q' from 1) ov, position('a' in a) po, trim(both 'x' from a) tr,
  now() at time zone 'utc' tz, array[[id, b]] from t;
create rule diverted as on insert to checked do instead insert into t values (new.id, new.a, 1);
create view written as select id, a from t;
create function write() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger written instead of insert or update on written for each row execute function write();
-- then updated
update t set a = 'z' where id = 2; insert into u values (100, 9);
