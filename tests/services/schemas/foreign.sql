-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Foreign tables stay behind, and with them what speaks of them or needs them; so does an extension that nothing needs.
-- differs FOREIGN|far_|takes_far|elsewhere
create table near (id int primary key);
insert into near values (1);
create foreign table far_rows (id serial, name text default 'x', n int check (n > 0)) server elsewhere;
comment on foreign table far_rows is 'far';
comment on column far_rows.name is 'a column';
comment on constraint far_rows_n_check on far_rows is 'a constraint';
create function seen() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger far_seen after insert on far_rows for each row execute function seen();
create function takes_far(far_rows) returns int language sql as 'select 1';
create table parts (id int, day date) partition by range (day);
create table parts_now partition of parts for values from ('2020-01-01') to ('2021-01-01');
create foreign table far_part partition of parts for values from ('2010-01-01') to ('2020-01-01') server elsewhere;
insert into parts values (1, '2020-02-02');
create schema "APP";
create foreign table "APP"."FAR TABLE_far_" (id int) server elsewhere;
-- then updated
insert into near values (2);
