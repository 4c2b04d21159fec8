-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- What Heroku puts into a database, by its superuser: neither the app's role nor a target may touch it.
create schema _heroku;
create table _heroku.extension_log (id int, name text);
create function _heroku.validate_extension() returns event_trigger language plpgsql as $$
begin
  if current_setting('is_superuser') <> 'on' and not pg_has_role(session_user, 'rds_superuser', 'member') then
    raise exception 'Heroku forbids that';
  end if;
end $$;
create event trigger validate_extension on ddl_command_end when tag in ('CREATE EXTENSION')
  execute function _heroku.validate_extension();
create event trigger extension_before_drop on ddl_command_start when tag in ('DROP EXTENSION')
  execute function _heroku.validate_extension();

create schema heroku_ext;
grant usage on schema heroku_ext to public;
create extension citext schema heroku_ext;
create extension hstore schema heroku_ext;
create extension pgcrypto schema heroku_ext;
create extension btree_gist schema heroku_ext;
create extension pg_stat_statements schema public;  -- not trusted: the target's role can't create it
