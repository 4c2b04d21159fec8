# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a rule is: one thing that an app's source expects of Heroku, how to detect it, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import BEFORE
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App

RUBY, PYTHON, JAVASCRIPT, ELIXIR, PHP = "ruby", "python", "javascript", "elixir", "php"
CODE = (RUBY, PYTHON, JAVASCRIPT, ELIXIR, PHP)


@dataclass(frozen=True)
class Hit:
    """One place where a rule applies; O(words) fill its text and remedy, and O(level) overrides the rule's."""

    path: str
    line: int = 0
    words: Mapping[str, str] = field(default_factory=dict)
    level: str = ""


@dataclass(frozen=True)
class Rule:
    """One row of the table. It has a O(pattern), O(variables) or O(find)."""

    id: str
    level: str
    text: str
    """What was found; it follows the place. C({name}) is a group of the pattern or a word of the hit."""
    remedy: str
    source: str
    """Where it is documented or was reported."""
    urgency: str = BEFORE
    languages: tuple[str, ...] = ()
    """Languages of the files to read; none means all."""
    files: str = ""
    """A pattern that the whole path must match."""
    pattern: str = ""
    """Matched against the code without comments; the hit is at its group C(at), or at its beginning."""
    hints: tuple[str, ...] = ()
    """Texts, at least one of which is in every file that the pattern can match."""
    unless: str = ""
    """A pattern that makes the whole file correct."""
    unless_before: str = ""
    """A pattern that makes a place correct if it matches its line or one of the four lines before."""
    variables: tuple[str, ...] = ()
    """Globs of environment variables: each place that reads one is a hit."""
    packages: tuple[str, ...] = ()
    """Names of packages, at least one of which the app must have."""
    once: bool = False
    """Whether to report only the first place in each file."""
    find: Callable[[App], Iterable[Hit]] | None = None

    def regexes(self) -> tuple[re.Pattern[str] | None, ...]:
        """Return O(files), O(pattern), O(unless) and O(unless_before), compiled."""
        return tuple(
            re.compile(text, re.MULTILINE) if text else None
            for text in (self.files, self.pattern, self.unless, self.unless_before)
        )
