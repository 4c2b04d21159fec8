# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Source text without comments: each becomes blanks, so that line and column numbers do not change.

These are patterns, not parsers. They know a language's strings, because C(#) or C(//) in one does not begin a comment.
A string ends with its line unless its end is certain, so that a mistake affects only that line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

_DOUBLE = r'"(?:\\.|[#]\{(?:[^{}"\n]|"[^"\n]*")*\}|[^"\\\n])*"'
_SINGLE = r"'(?:\\.|[^'\\\n])*'"
_STRINGS = rf"(?P<string>{_DOUBLE}|{_SINGLE})"
_REGEX = r"(?P<regex>/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/)"
_HASH = r"(?P<comment>\#[^\n]*)"
_SLASHES = r"(?P<comment>//[^\n]*|/\*.*?\*/)"

_LEXERS = {
    "ruby": rf"""{_STRINGS}
        | (?P<words>%[qQwWiIr]?(?:\((?:\\.|[^)\\])*\)|\[(?:\\.|[^\]\\])*\]|\{{(?:\\.|[^}}\\])*\}}))
        | {_REGEX} | {_HASH} | (?P<block>^=begin\b.*?^=end\b[^\n]*|^__END__$.*)""",
    "python": rf"""(?P<block>^[ \t]*[rRbBuU]*(?:\"\"\".*?\"\"\"|\'\'\'.*?\'\'\'))
        | (?P<long>\"\"\".*?\"\"\"|\'\'\'.*?\'\'\') | {_STRINGS} | {_HASH}""",
    "javascript": rf"{_STRINGS} | (?P<template>`(?:\\.|[^`\\])*`) | {_SLASHES} | {_REGEX}",
    "elixir": rf"""(?P<block>^[ \t]*@(?:module|type)?doc\s+(?:~S)?\"\"\".*?\"\"\") | (?P<long>\"\"\".*?\"\"\")
        | {_STRINGS} | {_HASH}""",
    "php": rf"{_STRINGS} | {_SLASHES} | (?P<block>\#(?!\[)[^\n]*)",
    "hash": rf"{_STRINGS} | (?P<comment>(?:^|(?<=\s))\#[^\n]*)",
    "html": r"(?P<comment><!--.*?-->|<%\#.*?%>)",
}
_COMPILED = {name: re.compile(text, re.VERBOSE | re.MULTILINE | re.DOTALL) for name, text in _LEXERS.items()}
_HEREDOC = re.compile(r"<<[~-]([\"'`]?)([A-Z][A-Z0-9_]*)\1")
# Ruby that class_eval and the like run, although it is in a heredoc.
_CODE_TAG = re.compile(r"RUBY|CODE|EVAL|METHOD")

_BY_SUFFIX = {
    **dict.fromkeys([".rb", ".rake", ".ru", ".gemspec", ".builder", ".jbuilder"], "ruby"),
    ".py": "python",
    **dict.fromkeys([".js", ".cjs", ".mjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte"], "javascript"),
    **dict.fromkeys([".ex", ".exs"], "elixir"),
    ".php": "php",
    **dict.fromkeys([".yml", ".yaml", ".toml", ".sh", ".bash", ".ini", ".cfg", ".conf"], "hash"),
    **dict.fromkeys([".erb", ".html", ".haml", ".slim", ".eex", ".heex", ".leex"], "html"),
    ".json": "json",
    ".sql": "sql",
}
_BY_NAME = {
    **dict.fromkeys(["Gemfile", "Rakefile", "Capfile"], "ruby"),
    **dict.fromkeys(["Procfile", "Dockerfile", "dockerfile", ".profile", "Aptfile", ".npmrc", "Caddyfile"], "hash"),
}


def language(path: str) -> str:
    """Return the language of the file O(path) by its name, or nothing."""
    name = PurePosixPath(path)
    if name.name in _BY_NAME or name.name.startswith("Dockerfile."):
        return _BY_NAME.get(name.name, "hash")
    # config/database.yml.erb is YAML all the same.
    suffixes = [suffix for suffix in name.suffixes if suffix != ".erb" or len(name.suffixes) == 1]
    return _BY_SUFFIX.get(suffixes[-1], "") if suffixes else ""


def without_comments(text: str, path: str) -> str:
    """Return O(text) with blanks in place of comments and documentation."""
    pattern = _COMPILED.get(language(path))
    if pattern is None:
        return text
    protected = [(start, end) for start, end, _found in _heredocs(text)] if pattern is _COMPILED["ruby"] else []
    parts, at, position = [], 0, 0
    while True:
        found = pattern.search(text, position)
        if found is None:
            break
        inside = next((end for start, end in protected if start <= found.start() < end), None)
        if inside is not None:
            position = inside
            continue
        position = max(found.end(), found.start() + 1)
        if found.lastgroup == "regex" and not _begins_value(text, found.start()):
            position = found.start() + 1
        elif found.lastgroup in ("comment", "block"):
            parts += [text[at : found.start()], re.sub(r"[^\n]", " ", found[0])]
            at = found.end()
    return "".join([*parts, text[at:]])


def prose(text: str) -> list[tuple[int, int]]:
    """Return where Ruby's O(text) has heredocs that are neither evaluated nor interpolated, such as <<~'TEXT'."""
    return [(start, end) for start, end, found in _heredocs(text) if found[1] == "'" and not _CODE_TAG.search(found[2])]


def _heredocs(text: str) -> Iterator[tuple[int, int, re.Match[str]]]:
    end = 0
    for found in _HEREDOC.finditer(text):
        start = max(text.find("\n", found.end()), end)
        closing = re.compile(rf"^[ \t]*{found[2]}\b", re.MULTILINE).search(text, start) if start > 0 else None
        if closing:
            end = closing.end()
            yield start, end, found


def _begins_value(text: str, position: int) -> bool:
    """Return whether a slash at O(position) begins a regular expression and is not a division."""
    before = text[max(0, position - 40) : position].rstrip(" \t")
    return not before or before[-1] in "(,=~[{|&!?:;\n" or bool(re.search(r"\b(return|if|unless|when|and|or)$", before))
