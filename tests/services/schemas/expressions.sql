-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Expressions that a server prints in another way once they have been through a dump: the same meaning, so the same.
-- differs content of public.filled
create domain colour as varchar default 'r'::varchar constraint colour_known check (value in ('r', 'g', 'b'));
create type stage as enum ('new', 'done');
create function is_open(state varchar) returns boolean immutable language sql as $$ select state in ('open', 'held') $$;
create function is_late(state varchar, days int default 2 + 1) returns boolean immutable
  begin atomic select state in ('open', 'held') and days between 1 and 9; end;
create table parcels (
  id int primary key,
  state varchar(10) default 'open' check (state in ('open', 'held', 'gone')),
  code char(3) check (code not in ('xxx', 'yyy')),
  weight numeric check (weight in (1, 2.5) or weight between 3 and 9 and (weight <> 5 and (weight <> 6))),
  label varchar check (label like any (array['a%', 'b%']) or lower(label) in ('c', 'd')),
  paint colour,
  due timestamptz default now() + interval '1 day',
  tags text[] default array['a', 'b']::varchar[],
  active boolean generated always as (state in ('open', 'held')) stored,
  exclude using gist (id with =) where (state in ('open', 'held')));
alter table parcels add constraint parcels_late check (case when state = 'open' then true else state in ('held') end)
  not valid;
insert into parcels (id, state, paint) select i, (array['open', 'held'])[1 + i % 2], 'g' from generate_series(1, 20) i;
create index parcels_open on parcels (lower(state), (state || 'x')) where state in ('open', 'held');
create unique index parcels_code on parcels (code) include (weight) where code in ('abc', 'def');
create statistics parcels_stats on (state in ('open', 'held')), (lower(label)) from parcels;
create view open_parcels as select p.*, p.state in ('open') as fresh from parcels p where p.state in ('open', 'held');
create view nested with (security_barrier) as
  select * from open_parcels o where exists (select from parcels where parcels.id = o.id and code in ('abc', 'def'))
  with local check option;
create materialized view filled as select state, count(*) from parcels where state in ('open', 'held') group by state;
alter table parcels enable row level security;
create policy mine on parcels using (state in ('open', 'held'))
  with check (id in (select p.id from parcels p where p.label in ('c', 'd') and p.id = parcels.id));
create policy checked on parcels for insert with check (state in ('open', 'held'));
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before update on parcels for each row
  when (old.state in ('open', 'held') and new.state is distinct from old.state) execute function touch('a', 'b');
create rule diverted as on insert to nested where new.state in ('open', 'held')
  do instead insert into parcels (id, state) values (new.id, new.state);
create table scans (state varchar, day date) partition by list ((state in ('open', 'held')));
create table scans_open partition of scans for values in (true);
create index on scans (day) where state in ('open', 'held');
-- then updated
update parcels set state = 'held' where id = 4; delete from parcels where id = 7;
