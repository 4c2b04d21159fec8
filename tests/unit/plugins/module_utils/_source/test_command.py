# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands really run: by bash as on Heroku, and split into words without a shell as on Fly."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.command import fly_command, literal_port

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="Heroku's shell is bash")

# Shows its arguments and some variables, so that any difference in what a shell makes of a command shows.
SHOW = f"""#!{sys.executable} -S
import os, sys
print(sys.argv[1:], [os.environ.get(name) for name in ("A", "B", "PORT")], os.path.basename(os.getcwd()))
sys.exit(int(os.environ.get("EXIT", "0")))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    (folder / "engine").mkdir()
    (folder / "show").write_text(SHOW)
    (folder / "show").chmod(0o755)
    (folder / "env.sh").write_text("export A=sourced\n")
    for name in ("one.rb", "two.rb", "in"):
        (folder / name).write_text(f"{name}\n")
    return folder


def outcome(argv: list[str], folder: Path) -> tuple[int, str, str]:
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PORT": "8080", "HOME": "/home/app", "B": "b b"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=20, check=False)
    log = folder / "log"
    written = log.read_text() if log.exists() else ""
    log.unlink(missing_ok=True)
    return done.returncode, done.stdout, written


def same(command: str, folder: Path) -> str:
    """Assert that Fly runs O(command) as Heroku does; return what stands in fly.toml."""
    ours = fly_command(command, "Procfile, line 1").text
    assert outcome(shlex.split(ours), folder) == outcome(["bash", "-c", command], folder)
    return ours


@pytest.mark.parametrize(
    "command",
    [
        "show a b",
        "show 'a b' \"c d\" e\\ f",
        "show \"it's\" 'say \"hi\"' it\\'s",
        "show a#b =c d=e %f @g ,h ^i j!",
        "show '$PORT' '*.rb' '~' '`date`' '{a,b}' 'a;b' 'a && b' 'a | b' '# c'",
        "show \\$PORT \\* \\~ \\; \\\\",
        "show '' \"\"",
        "show ünï \"cödé\" '日本'",
        "env A=1 show a",
    ],
)
def test_command_without_need_of_a_shell_stays(folder: Path, command: str) -> None:
    assert same(command, folder) == command


@pytest.mark.parametrize(
    "command",
    [
        "show $PORT",
        'show -p ${PORT:-3000} "$B" $B',
        'show ${NONE:-a b} "${NONE:-a b}"',
        "A=1 show a",
        'A="x y" B= show a',
        "show *.rb",
        "show ~/a",
        'show "a\\nb" "\\$PORT" "a\\\\b"',
        "show a # and no more",
        "cd engine && show a",
        "cd engine; show a",
        "show a && show b && show c",
        "show a; EXIT=3 show b; show c",
        "EXIT=3 show a && show b",
        "EXIT=3 show a || show b",
        "show a | cat",
        "show a > log 2>&1",
        "2> log show a",
        "show a >& log",
        "show a &> log",
        "show a 2>&1 > log",
        "show a >> log; show b >> log",
        "cat < in",
        "cat <<< in",
        "(show a; show b)",
        "{ show a; show b; }",
        'if [ -n "$PORT" ]; then show yes; else show no; fi',
        "for x in 1 2; do show $x; done",
        "case $PORT in 80*) show web;; esac",
        "[[ $PORT == 80* ]] && show a",
        "[[ -n $PORT && -n $B ]] && show a",
        "[[ -n $PORT && -z $NONE ]]",
        "if [[ -n $PORT ]]; then show yes; fi",
        "if ! [[ -n $NONE ]]; then show no; fi",
        "while [[ -n $PORT ]]; do show a; break; done",
        "if true; then let x=1+1; show $x; fi",
        "show {a,b}",
        "show {1..3}",
        "show $((1 + 2)) $(echo sub) `echo old`",
        'show "$(echo "in quotes")" \'it\'"\'"\'s\'',
        "show ${B/b/c} ${B^^}",
        "show $'a\\tb'",
        "export A=1; show a",
        "export A=1 && show a && exec show b",
        ". ./env.sh; show a",
        "source env.sh && show a",
        "set -e; EXIT=2 show a; show b",
        "set -o pipefail; EXIT=4 show a | cat",
        "ulimit -n 64 && show a",
        "trap 'show bye' EXIT; show a",
        "eval show a",
        "command show a",
        "exec show a",
        "! show a",
        'a() { show "$@"; }; a b',
        "show a & wait",
        "x=show; $x a",
        "$(echo show) a",
        "sh -c 'show $PORT'",
        'bash -lc "show a"',
        'bash -c "show $PORT"',
        "A=1; show $A",
        "show a;",
        "test -f in && show there",
        "[ -f in ] && show there",
        "true && [ -f in ]",
        "while true; do show a; break; done",
        "exit 7",
        "false; exit",
        "show a && exit 3",
    ],
)
def test_command_runs_as_on_heroku(folder: Path, command: str) -> None:
    same(command, folder)


WORDS = st.sampled_from(
    [
        *("a", "b c", "ä", "=", "%", "-", "a!", "#", "'", '"', "\\", "\\ ", " ", "  ", "\t", "'x y'", '"q\\"q"'),
        *("$PORT", '"$B"', "${B}", "$(echo x)", "$'\\t'", "`echo y`", "*.rb", "?", "[", "]", "~", "{", "}", "A=1 "),
        *("&&", " && show ", "; show ", " | cat && true ", " < in", " > log", " 2>&1"),
    ]
)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(pieces=st.lists(WORDS, max_size=6), glue=st.sampled_from(["", " "]))
@example(pieces=["\\ ", "#", " && show "], glue="")
def test_any_command_runs_as_on_heroku(folder: Path, pieces: list[str], glue: str) -> None:
    command = f"show {glue.join(pieces)}".rstrip()
    try:
        ours = fly_command(command, "line 1")
    except InputError:
        # Only what bash refuses is refused.
        checked = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
        assert checked.returncode != 0 or command.endswith("\\")
        return
    expected = outcome(["bash", "-c", command], folder)
    # What fails on Heroku may fail differently on Fly.
    if expected[0] == 0:
        assert outcome(shlex.split(ours.text), folder) == expected


@pytest.mark.parametrize("command", ["{}", "cd / && {} $PORT", "A=1 {}", "true; {} 2> /dev/null", "exec {} $PORT"])
def test_kill_signal_reaches_the_program(tmp_path: Path, command: str) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\ntrap 'echo stopped; exit 5' TERM\necho up\nwhile :; do sleep 0.05; done\n")
    program.chmod(0o755)
    ours = fly_command(command.format(program), "line 1")
    assert ours.signalled
    with subprocess.Popen(shlex.split(ours.text), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "stopped\n"
    assert process.returncode == 5


@pytest.mark.parametrize("command", ["show | cat", "show || show", "while :; do show; done", "(show)", "show & wait"])
def test_it_is_known_where_the_shell_keeps_the_signal(command: str) -> None:
    assert not fly_command(command, "line 1").signalled


@pytest.mark.parametrize(
    ("command", "port"),
    [
        ("bin/rails s -p 3000", 3000),
        ("bin/rails s -p3000", 3000),
        ("puma --port=4000", 4000),
        ("puma -b tcp://0.0.0.0:5000", 5000),
        ("puma -b 'tcp://[::]:5000'", 5000),
        ("unicorn --bind :6000", 6000),
        ("PORT=7000 bin/rails s", 7000),
        ("bin/rails s -p $PORT", None),
        ("bin/rails s -b 0.0.0.0", None),
        ("puma -C config/puma.rb", None),
        ("bin/rails s -p ${PORT:-3000}", None),
    ],
)
def test_port_in_figures(command: str, port: int | None) -> None:
    assert literal_port(command) == port
