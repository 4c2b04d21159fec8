# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The programs and libraries that a migration needs on the machine that runs its modules, looked for all at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import QUIET
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.tools import Tools, installed

SOURCE, FLY, POSTGRES, REDIS = KINDS = ("source", "fly", "postgres", "redis")
PATIENCE = 20.0  # seconds, for a program to print its version
# Library, what pip calls it, the least version, and what needs it.
LIBRARIES = (
    ("tomlkit", "tomlkit", (0, 12), SOURCE),
    ("psycopg2", "psycopg2-binary", (2, 9), POSTGRES),
    ("redis", "redis", (5, 0), REDIS),
)


@dataclass(frozen=True)
class Wanted:
    """What will be done, and where the programs are according to the user."""

    needs: Sequence[str]
    flyctl: str = ""
    pg_bin_dir: str = ""
    source_major: int = 0
    """Of PostgreSQL, 0 while it is unknown."""
    target_major: int = 0


@dataclass(frozen=True)
class Lack:
    """Something that is missing or too old."""

    kind: str
    text: str
    remedy: str


Importer = Callable[[str], Any]


def look(wanted: Wanted, load: Importer = import_module) -> dict[str, Any]:
    """Return what is there, and findings about what is missing.

    Raises StateError, which names all that is missing, if nothing could be read without it.
    """
    clients = list(installed(wanted.pg_bin_dir or None)) if POSTGRES in wanted.needs else []
    flyctl = _flyctl(wanted.flyctl) if FLY in wanted.needs else ""
    versions = {name: _version(name, load) for name, _pip, _least, kind in LIBRARIES if kind in wanted.needs}
    lacks = [*_libraries(versions), *_missing_flyctl(wanted, flyctl), *_clients(wanted, clients)]
    python = f"{sys.executable} ({'.'.join(map(str, sys.version_info[:3]))})"
    if any(lack.kind == SOURCE for lack in lacks):
        raise StateError(
            f"this machine, with Python {python}",
            "; ".join(lack.text for lack in lacks),
            " ".join(lack.remedy for lack in lacks),
            missing=[lack.text for lack in lacks],
        )
    return {
        "changed": False,
        "python": python,
        "flyctl": flyctl,
        "libraries": versions,
        "postgres_clients": [{"folder": tools.folder, "major": tools.major} for tools in clients],
        "findings": [_finding(kind, lacks, python) for kind in KINDS if any(lack.kind == kind for lack in lacks)],
    }


def _finding(kind: str, lacks: Iterable[Lack], python: str) -> dict[str, Any]:
    own = [lack for lack in lacks if lack.kind == kind]
    return {
        "id": f"tools-for-{kind}",
        "level": "block",
        "urgency": "before",
        "text": f"On the machine that runs the modules, with Python {python}: {'; '.join(lack.text for lack in own)}.",
        "remedy": " ".join(lack.remedy for lack in own),
        "needed_for": kind,
    }


def _version(name: str, load: Importer) -> str:
    """Return the version of a library, "" if it is missing or cannot be imported."""
    try:
        return str(getattr(load(name), "__version__", "") or "unknown").partition(" ")[0]
    except Exception:  # an installed library may fail in any way
        return ""


def _libraries(versions: Mapping[str, str]) -> Iterator[Lack]:
    for name, package, least, kind in LIBRARIES:
        found = versions.get(name)
        if found is None:
            continue
        numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:2])
        if found and (not numbers or numbers >= least):
            continue
        needed = ".".join(map(str, least))
        text = f"{name} {found} is too old, {needed} is needed" if found else f"the library {name} is missing"
        yield Lack(kind, text, f"Run {sys.executable} -m pip install '{package}>={needed}'.")


def _flyctl(given: str) -> str:
    """Return the version that flyctl prints, "" if it does not run."""
    program = shutil.which(os.path.expanduser(given)) if given else shutil.which("flyctl") or shutil.which("fly")
    if not program:
        return ""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    try:
        # Not run_command: it would pass on the whole environment, with the tokens of other services.
        ended = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, "version"],
            env={**kept, **QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return (ended.stdout.decode(errors="replace").splitlines() or ["unknown"])[0]


def _missing_flyctl(wanted: Wanted, found: str) -> Iterator[Lack]:
    if FLY in wanted.needs and not found:
        where = f"{wanted.flyctl} does not run" if wanted.flyctl else "flyctl is not on PATH, or does not run"
        yield Lack(
            FLY,
            f"{where}, and builds, deploys and tunnels need it",
            "Install flyctl (fly.io/docs/flyctl/install), or name it with migrate_flyctl.",
        )


def _clients(wanted: Wanted, found: Sequence[Tools]) -> Iterator[Lack]:
    if POSTGRES not in wanted.needs:
        return
    least, most = wanted.source_major, wanted.target_major or max([tools.major for tools in found], default=0)
    if any(least <= tools.major <= most for tools in found):
        return
    have = ", ".join(f"{tools.major} in {tools.folder}" for tools in found) or "none"
    place = f" in {wanted.pg_bin_dir}" if wanted.pg_bin_dir else ""
    because = f", because Heroku's database has {least}" if least else ""
    package = f"postgresql-client-{wanted.target_major}" if wanted.target_major else "postgresql-client"
    yield Lack(
        POSTGRES,
        f"pg_dump and pg_restore {_span(least, wanted.target_major)}are needed{place}{because}; found: {have}",
        f"Install {package} (apt.postgresql.org and yum.postgresql.org have every version), or name the folder of the "
        "programs with migrate_pg_bin_dir.",
    )


def _span(least: int, most: int) -> str:
    if least and most:
        return f"of version {least} " if least == most else f"of version {least} to {most} "
    return f"of version {least} or newer " if least else f"of version {most} or older " if most else ""
