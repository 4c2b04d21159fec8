# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of entry that pg_dump writes is compared, or stays behind where that is said."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.kinds import (
    COMPARED,
    DATA,
    KINDS,
    LEFT_BEHIND,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.schema import QUERIES

_DOCS = Path(__file__).parents[5] / "docs" / "postgres.md"
# As pg_dump's sources of versions 14 to 18 pass them to ArchiveEntry(), and pg_restore knows them.
_PG_DUMP = """
ACCESS METHOD, ACL, AGGREGATE, BLOB, BLOB METADATA, BLOBS, CAST, CHECK CONSTRAINT, COLLATION, COMMENT, CONSTRAINT,
CONVERSION, DATABASE, DATABASE PROPERTIES, DEFAULT, DEFAULT ACL, DOMAIN, ENCODING, EVENT TRIGGER, EXTENSION,
FK CONSTRAINT, FOREIGN DATA WRAPPER, FOREIGN TABLE, FUNCTION, INDEX, INDEX ATTACH, MATERIALIZED VIEW,
MATERIALIZED VIEW DATA, OPERATOR, OPERATOR CLASS, OPERATOR FAMILY, POLICY, PROCEDURAL LANGUAGE, PROCEDURE, PUBLICATION,
PUBLICATION TABLE, PUBLICATION TABLES IN SCHEMA, ROW SECURITY, RULE, SCHEMA, SEARCHPATH, SECURITY LABEL, SEQUENCE,
SEQUENCE OWNED BY, SEQUENCE SET, SERVER, SHELL TYPE, STATISTICS, STATISTICS DATA, STDSTRINGS, SUBSCRIPTION,
SUBSCRIPTION TABLE, TABLE, TABLE ATTACH, TABLE DATA, TEXT SEARCH CONFIGURATION, TEXT SEARCH DICTIONARY,
TEXT SEARCH PARSER, TEXT SEARCH TEMPLATE, TRANSFORM, TRIGGER, TYPE, USER MAPPING, VIEW
"""


def test_all_kinds_are_known() -> None:
    assert set(re.split(r",\s*", _PG_DUMP.strip().replace("\n", " "))) <= set(KINDS)


def test_what_is_compared_has_a_query() -> None:
    # Name and schema of an extension are checked before anything is copied.
    assert set(COMPARED.values()) - {"extension"} == {query.kind for query in QUERIES}


def test_the_documentation_lists_each() -> None:
    table = dict(re.findall(r"^\| ([A-Z][A-Z ]+) \| (.*) \|$", _DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert table == {
        **{kind: f"compared as {how}" for kind, how in COMPARED.items()},
        **{kind: f"stays behind: {why}" for kind, why in LEFT_BEHIND.items()},
        **DATA,
    }
