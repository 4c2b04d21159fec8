-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Policies for the app's own role, which has another name on the target, and for several roles.
create table t (id int primary key, tenant int);
insert into t values (1, 1);
alter table t enable row level security;
create policy "for me, TO us USING (" on t as restrictive for select to current_user using (tenant = 1);
create policy others on t to superuser, helper using (id > 0) with check (tenant > 0);
create policy all_of_us on t for insert to superuser, current_user, helper with check (tenant > 0);
create policy everybody on t for update using (true);
-- then updated
insert into t values (2, 2);
