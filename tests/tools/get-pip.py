# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the place of get-pip.py, which ansible-test would download: Python brings pip itself."""

import runpy
import subprocess
import sys

# In a child: ensurepip.bootstrap() sets PIP_CONFIG_FILE to /dev/null for its own process.
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
sys.argv = ["pip", "install"] + [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
