-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Comments on what comes with another object, which pg_dump writes only where that object is written by itself.
create table t (id int primary key, v int not null);
insert into t values (1, 1), (2, 1);
create table p (id int, k int, t int references t, constraint positive check (id > 0), primary key (id, k))
  partition by list (k);
create table p1 partition of p (constraint own check (t > 0)) for values in (1);
create index p_t on p (t);
create function noted() returns trigger language plpgsql as 'begin return new; end';
create trigger noted after insert on p for each row execute function noted();
create trigger off after insert on p for each row execute function noted();
alter table p1 disable trigger off;
create constraint trigger later after insert on t for each row execute function noted();
create view v as select * from t;
create rule kept as on delete to v do instead nothing;
create type span as range (subtype = timestamptz, multirange_type_name = spans);
create type pair as (a int, b int);
create domain small as int constraint tiny check (value < 9);
comment on constraint positive on p is 'its own';
comment on constraint positive on p1 is 'inherited';
comment on constraint own on p1 is 'its own';
comment on constraint p_t_fkey on p is 'its own';
comment on constraint p_t_fkey on p1 is 'cloned';
comment on constraint p1_pkey on p1 is 'a part''s key';
comment on index p1_t_idx is 'a part''s index';
comment on trigger noted on p is 'its own';
comment on trigger noted on p1 is 'cloned';
comment on trigger off on p1 is 'cloned, in another state';
comment on trigger later on t is 'its own';
comment on constraint later on t is 'the trigger''s';
comment on rule kept on v is 'its own';
comment on rule "_RETURN" on v is 'the view''s';
comment on type span is 'its own';
comment on type spans is 'comes with the range';
comment on type t is 'a row';
comment on type _pair is 'an array';
comment on type pair is 'its own';
comment on column pair.a is 'a part of its own';
comment on constraint tiny on domain small is 'its own';
comment on index t_pkey is 'a key''s';
-- then updated
insert into t values (3, 3);
