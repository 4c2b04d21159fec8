# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a copy cannot include, what the user should know, and what forbids the copy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError, StateError

BLOCK, WARN, INFO = "block", "warn", "info"
_NAMED = 10  # objects in one sentence
# Without these the app does not work as before; the others are only good to know.
_MISSED = ("default privilege", "extension", "foreign table", "function", "grant", "revoke", "setting", "trigger")


def named(names: Iterable[str]) -> str:
    """Return O(names) for a sentence, only the first ones of many."""
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


@dataclass
class Findings:
    """All findings of one run."""

    not_moved: list[dict[str, str]] = field(default_factory=list)
    left_out_extensions: set[str] = field(default_factory=set)
    _found: list[dict[str, str]] = field(default_factory=list)

    def block(self, id_: str, text: str, remedy: str) -> None:
        """Note what forbids the copy."""
        self._note(BLOCK, id_, text, remedy)

    def warn(self, id_: str, text: str, remedy: str) -> None:
        """Note what may break the app."""
        self._note(WARN, id_, text, remedy)

    def leave(self, kind: str, names: Iterable[str], reason: str) -> None:
        """Note that objects stay behind."""
        self.not_moved += [{"kind": kind, "name": name, "reason": reason} for name in names]

    def block_by(self, error: FlyoverError) -> None:
        """Note an error that an audit reports along with everything else."""
        self.block("database-copy", f"{error.thing}: {error.cause}", error.remedy)

    def forget(self) -> None:
        """Begin anew: what was noted will be seen again if it is still there."""
        for noted in (self.not_moved, self.left_out_extensions, self._found):
            noted.clear()

    @property
    def all(self) -> list[dict[str, str]]:
        """What RV(findings) has: one finding for all objects of a kind that stay behind for the same reason."""
        together: dict[tuple[str, str], list[str]] = {}
        for left in self.not_moved:
            together.setdefault((left["kind"], left["reason"]), []).append(left["name"])
        return self._found + [
            {
                "id": f"not-moved-{kind.replace(' ', '-')}",
                "level": WARN if kind in _MISSED else INFO,
                "text": f"Stays behind: {kind} {named(names)}. Reason: {reason}.",
                "remedy": "Make it on the target if the app needs it.",
            }
            for (kind, reason), names in together.items()
        ]

    @property
    def blockers(self) -> list[str]:
        """What forbids the copy, each with its remedy."""
        return [f"{one['text']} {one['remedy']}" for one in self._found if one["level"] == BLOCK]

    @property
    def warnings(self) -> list[str]:
        """What the module warns of."""
        return [f"{one['text']} {one['remedy']}" for one in self._found if one["level"] == WARN]

    def refuse(self, thing: str) -> None:
        """Raise StateError if anything forbids the copy."""
        if self.blockers:
            raise StateError(
                thing,
                "it cannot be copied as it is: " + " ".join(self.blockers),
                "Do as each of them says, then run again; nothing was written.",
                blockers=self.blockers,
                findings=self.all,
            )

    def _note(self, level: str, id_: str, text: str, remedy: str) -> None:
        self._found.append({"id": id_, "level": level, "text": text, "remedy": remedy})
