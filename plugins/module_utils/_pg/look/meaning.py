# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Whether SQL that two servers print differently means the same: the target itself decides.

A server prints an expression from its parse tree, and may read what it printed as a different tree: after a dump and
restore, C(status in ('a', 'b')) on a varchar column looks different, and other SQL does so from one major version to
the next. So the target reads the source's SQL and its own again, and prints both: what it prints alike is the same. All
that it creates for this is rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.schema import Pair
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_AT_ONCE = 200

# Asked and answered through settings, so that nothing is left behind. What a block made is gone when it raises, but its
# variables remain. Expressions are put into a WHERE clause, which takes any number of them, of any type.
_PRINT = r"""
do $flyover$
declare
  asked jsonb := pg_catalog.current_setting('flyover.asked');
  part jsonb;
  answer text;
  answers text[];
  printed jsonb := '[]';
begin
  for part in select value from jsonb_array_elements(asked) with ordinality order by ordinality loop
    answers := '{}';
    for side in 2..3 loop
      answer := null;
      begin
        case part ->> 0
          when 'expression' then
            execute format('create temporary view flyover_twin as select 1 from %s where row(%s) is null',
                           part ->> 1, part ->> side);
            answer := pg_get_viewdef('pg_temp.flyover_twin'::regclass);
          when 'query' then
            execute 'create temporary view flyover_twin as ' || (part ->> side);
            answer := pg_get_viewdef('pg_temp.flyover_twin'::regclass);
          when 'check' then
            execute format('create domain pg_temp.flyover_twin as %s check (%s)', part ->> 1, part ->> side);
            select pg_get_expr(conbin, 0) into answer from pg_constraint
              where contypid = 'pg_temp.flyover_twin'::regtype;
          when 'default' then
            execute format('create domain pg_temp.flyover_twin as %s default %s', part ->> 1, part ->> side);
            select pg_get_expr(typdefaultbin, 0) into answer from pg_type where oid = 'pg_temp.flyover_twin'::regtype;
          when 'collation' then
            execute format('create collation pg_temp.flyover_twin (%s)', part ->> side);
            select string_agg(concat_ws(' ', key, value), ' ' order by key) into answer
              from pg_collation c cross join lateral jsonb_each_text(to_jsonb(c) - 'oid' - 'collnamespace')
              where c.collname = 'flyover_twin' and c.collnamespace = pg_my_temp_schema();
          when 'function' then
            execute part ->> side;
            answer := pg_get_functiondef((part ->> 1)::regprocedure);
          when 'rule' then
            execute regexp_replace(part ->> side, '^CREATE RULE', 'CREATE OR REPLACE RULE');
            select pg_get_ruledef(oid) into answer from pg_rewrite
              where ev_class = (part ->> 1)::regclass and starts_with(part ->> side, 'CREATE RULE '
                || quote_ident(rulename) || ' AS');
        end case;
        raise sqlstate 'FLY00';
      exception
        when sqlstate 'FLY00' then null;
        when others then answer := null;
      end;
      answers := array_append(answers, answer);
    end loop;
    printed := printed || jsonb_build_array(answers);
  end loop;
  perform set_config('flyover.printed', printed::text, false);
end $flyover$
"""


def same(target: Session, pairs: Sequence[Pair]) -> list[bool]:
    """Return for each pair whether the target reads both sides as the same."""
    questions = [
        (number, one.how, one.scope, one.sql, other.sql)
        for number, pair in enumerate(pairs)
        for one, other in pair.questions
    ]
    alike = [True] * len(pairs)
    for start in range(0, len(questions), _AT_ONCE):
        chunk = questions[start : start + _AT_ONCE]
        for (number, *_question), (one, other) in zip(chunk, _printed(target, [asked[1:] for asked in chunk])):
            alike[number] = alike[number] and one is not None and one == other
    return alike


def _printed(target: Session, questions: Sequence[Sequence[str | None]]) -> list[tuple[str | None, str | None]]:
    doing = "comparing the schemas"
    target.run("select set_config('flyover.asked', %s, false)", [json.dumps(questions)], doing=doing)
    target.run(_PRINT, doing=doing)
    answers = target.value("select current_setting('flyover.printed')", doing=doing)
    target.run("select set_config('flyover.asked', '', false), set_config('flyover.printed', '', false)", doing=doing)
    return list(map(tuple, json.loads(answers)))
