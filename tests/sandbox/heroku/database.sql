-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- A new database of Heroku Postgres. Run by psql as a superuser; :owner is the app's role, which is not one.

-- A schema for extensions, which the app's role creates, and Heroku's own with four event triggers.
create schema heroku_ext;
grant usage, create on schema heroku_ext to :"owner";
create schema _heroku;
create table _heroku.extension_log (at timestamptz default now(), what text);
create function _heroku.extension_before_drop() returns event_trigger language plpgsql security definer as
  $$ begin null; end $$;
create function _heroku.create_ext() returns event_trigger language plpgsql security definer as
  $$ begin insert into _heroku.extension_log (what) values (tg_tag); end $$;
create function _heroku.drop_ext() returns event_trigger language plpgsql security definer as
  $$ begin insert into _heroku.extension_log (what) values (tg_tag); end $$;
create function _heroku.validate_extension() returns event_trigger language plpgsql security definer as
  $$ begin null; end $$;
create event trigger extension_before_drop on ddl_command_start when tag in ('DROP EXTENSION')
  execute function _heroku.extension_before_drop();
create event trigger log_create_ext on ddl_command_end when tag in ('CREATE EXTENSION') execute function _heroku.create_ext();
create event trigger log_drop_ext on sql_drop when tag in ('DROP EXTENSION') execute function _heroku.drop_ext();
create event trigger validate_extension on ddl_command_end when tag in ('CREATE EXTENSION')
  execute function _heroku.validate_extension();
select format('alter database %I set search_path = "$user", public, heroku_ext', current_database()) \gexec
grant create on schema public to :"owner";
