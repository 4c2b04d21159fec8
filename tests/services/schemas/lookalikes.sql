-- Copyright (c) 2026, the flyover contributors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Bodies, comments and constants with lines that look like pg_dump's own.
create function report() returns int language plpgsql as $$
begin
-- Started on a Monday by Bob
-- Completed on Tuesday
--
-- TOC entry 215 (class 1259 OID 16394)
-- Name: users; Type: TABLE; Schema: public; Owner: bob
--
/*
\restrict me
*/
return 1;
end $$;
create table notes (id int primary key, body text default '
-- Completed on x

--
-- PostgreSQL database dump complete
--
');
comment on table notes is 'line
-- Started on x
end';
insert into notes (id) values (1);
create index notes_marked on notes (id) where body <> '
-- Started on x
';
-- then updated
insert into notes (id) values (2);
