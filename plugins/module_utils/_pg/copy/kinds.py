# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Every kind of entry that pg_dump writes into an archive, and how it is compared, or why it stays behind."""

from __future__ import annotations

_REPLICATION = "belongs to a server's replication"
_LINK = "a link to another server, which may hold a password: create it again"

LEFT_BEHIND = {
    "DATABASE": "the target's database is there already",
    "DATABASE PROPERTIES": "the target's database is there already",
    "EVENT TRIGGER": "needs a superuser, and Heroku's own must not be copied",
    "FOREIGN DATA WRAPPER": _LINK,
    "FOREIGN SERVER": _LINK,
    "FOREIGN TABLE": _LINK,
    "PUBLICATION": _REPLICATION,
    "PUBLICATION TABLE": _REPLICATION,
    "PUBLICATION TABLES IN SCHEMA": _REPLICATION,
    "SECURITY LABEL": "needs a provider on the target's server",
    "SERVER": _LINK,
    "SUBSCRIPTION": _REPLICATION,
    "SUBSCRIPTION TABLE": _REPLICATION,
    "USER MAPPING": _LINK,
    # Not made from the archive, whose statements name the source's roles.
    "ACL": "privileges are set by the module",
    "DEFAULT ACL": "privileges are set by the module",
}
"""Kinds of entries that are not made, and why."""

COMPARED = {
    "ACCESS METHOD": "access method",
    "AGGREGATE": "function",
    "CAST": "cast",
    "CHECK CONSTRAINT": "constraint",
    "COLLATION": "collation",
    "COMMENT": "comment",
    "CONSTRAINT": "constraint",
    "CONVERSION": "conversion",
    "DEFAULT": "column",
    "DOMAIN": "type",
    "EXTENSION": "extension",
    "FK CONSTRAINT": "constraint",
    "FUNCTION": "function",
    "INDEX": "index",
    "INDEX ATTACH": "index",
    "LANGUAGE": "language",
    "MATERIALIZED VIEW": "view",
    "OPERATOR": "operator",
    "OPERATOR CLASS": "operator class",
    "OPERATOR FAMILY": "operator family",
    "POLICY": "policy",
    "PROCEDURAL LANGUAGE": "language",
    "PROCEDURE": "function",
    "ROW SECURITY": "table",
    "RULE": "rule",
    "SCHEMA": "schema",
    "SEQUENCE": "sequence",
    "SEQUENCE OWNED BY": "sequence",
    "SHELL TYPE": "type",
    "STATISTICS": "statistics",
    "TABLE": "table",
    "TABLE ATTACH": "table",
    "TEXT SEARCH CONFIGURATION": "text search configuration",
    "TEXT SEARCH DICTIONARY": "text search dictionary",
    "TEXT SEARCH PARSER": "text search parser",
    "TEXT SEARCH TEMPLATE": "text search template",
    "TRANSFORM": "transform",
    "TRIGGER": "trigger",
    "TYPE": "type",
    "VIEW": "view",
}
"""The others, with the kind of definition that shows whether they are the same; see look/schema.py."""

DATA = {
    "BLOB": "large objects",
    "BLOB METADATA": "large objects",
    "BLOBS": "large objects",
    "LARGE OBJECT": "large objects",
    "MATERIALIZED VIEW DATA": "refreshed",
    "SEQUENCE SET": "sequences",
    "STATISTICS DATA": "gathered again",
    "TABLE DATA": "rows",
}
"""Kinds that hold data, which is copied in another way and compared as data."""

ARCHIVE = {"ENCODING": "", "SEARCHPATH": "", "STDSTRINGS": "", "DUMP TIMESTAMP": ""}
"""What is about the archive itself."""

KINDS = tuple(sorted({**LEFT_BEHIND, **COMPARED, **DATA, **ARCHIVE}, key=len, reverse=True))
"""All of them, the longest first: a name in capitals may follow a kind."""
