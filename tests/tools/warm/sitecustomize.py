# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a module's Python keep what it compiles of the archive it comes in, which each task would compile again.

Python imports this file when its folder is in PYTHONPATH, as tests/tools/warm-playbook sets it. The hash of a source
file names its compiled code.
"""

from __future__ import annotations

import os

FOLDER = os.environ.get("FLYOVER_COMPILED")

if FOLDER:
    import _imp
    import marshal
    import sys
    import zipimport

    compile_source = zipimport._compile_source
    version = sys.hexversion

    def compiled(pathname: str, source: bytes) -> object:
        """Return the code of a file in an archive."""
        path = f"{FOLDER}/{_imp.source_hash(version, source).hex()}"
        try:
            with open(path, "rb") as file:
                return marshal.loads(file.read())
        except OSError:
            pass
        code = compile_source(pathname, source)
        aside = f"{path}.{os.getpid()}"
        try:
            with open(aside, "wb") as file:
                file.write(marshal.dumps(code))
            os.replace(aside, path)
        except OSError:
            pass
        return code

    zipimport._compile_source = compiled
