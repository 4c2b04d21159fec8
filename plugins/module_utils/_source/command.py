# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Turn a command that Heroku runs in bash into one that Fly splits into words and runs without a shell.

Heroku runs C(bash -c COMMAND). flyctl splits a command in fly.toml with github.com/google/shlex, and the Machine's init
runs the words: no variables, no C(&&), no redirection. A command for which that makes no difference is kept; any
other is wrapped as C(sh -c '...').

- C(sh), because every image with a shell has it, while Alpine images have no bash; C(bash) if the command uses features
  that only bash has. No login shell (C(-l)): Debian's /etc/profile would replace the image's PATH.
- C(exec) before the last simple command, so that it replaces the shell as the Machine's main process: Fly sends the
  kill signal only to that process, and a shell in between would die without passing it on.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A shell's tokens. Quoted text, escapes and plain text form words; flyctl's splitter reads these the same way.
_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t]+)
    | (?P<redirect>(?:(?<=\s)\d+|^\d+)?(?:<<<|<<-?|<>|<&|<|>>|>\||>&|>)|&>>?)
    | (?P<operator>&&|\|\||\|&|[;&|()\n])
    | (?P<single>'[^']*')
    | (?P<double>"(?:\\.|[^"\\])*")
    | (?P<escape>\\.)
    | (?P<expansion>\$'(?:\\.|[^'\\])*'
        |\$\(\([^()]*\)\)|\$\((?:[^()'"]|'[^']*'|"[^"]*")*\)|\$\{[^}]*\}|`[^`]*`|[$`*?\[\]{}~\r])
    | (?P<plain>[^\s'"\\$`*?\[\]{}~;&|()<>]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"(?P<comment>#[^\n]*)")  # only where a word might begin
# Reserved words and builtins, which are not programs: they work neither without a shell nor after exec.
_RESERVED = _words("! [[ case coproc do done elif else esac fi for function if in select then time until while")
_BUILTINS = _words(
    ". : alias bg bind break builtin caller cd command continue declare dirs disown enable eval exec exit export fc fg "
    "getopts hash help history jobs let local logout mapfile popd pushd read readarray readonly return set shift shopt "
    "source suspend times trap type typeset ulimit umask unalias unset wait"
)
# Builtins that may precede the last command of a sequence: exec on that command still changes nothing else.
_HARMLESS = _words(". : alias cd declare export popd pushd set shopt source typeset ulimit umask unset")
_BASH_WORDS = _words(
    "[[ coproc declare enable function let mapfile popd pushd readarray select shopt source time typeset"
)
_BASH_SYNTAX = re.compile(
    r"""\$['"]|<<<|&>|\|&|[<>]\(
    | [<>]&(?!\s*(\d+|-)([\s;&|()<>]|\Z))        # both outputs into a file, or moved
    | (?<!\$)\(\(
    | \{[^\s{}]*(,|\.\.)[^\s{}]*\}                # brace expansion
    | \$\{!|\$\{\w+(\[|/|:\d|:\s|\^|,|@)          # indirection, arrays, replacement, substring, case
    | \w\+?=\(|(?:^|\s)\w+\+=                     # arrays, appending
    | \$\{?(BASH\w*|EUID|HOSTNAME|PIPESTATUS|RANDOM|SECONDS|UID)\b
    | (^|[\s;&])set\s+(-\w+\s+)*-\w*o\s+pipefail
    """,
    re.VERBOSE,
)
# Words that are followed by another command.
_PREFIXES = _words("! { do elif else if then time until while")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_HEROKU_VARIABLE = re.compile(r"\$\{?(DYNO|STACK|HEROKU_[A-Z0-9_]+)\b")
_PORT_OPTION = re.compile(
    r"""(?:^|\s)(?:-p|--port|-b|--bind)(?:=|\s+|(?=\d))['"]?   # -p 3000, -p3000, --port=3000
        (?:tcp://)?(?:[\w.*-]+:|\[[\da-f:]*\]:|:)?(\d{2,5})(?![\w.:])""",
    re.VERBOSE,
)
_PORT_VARIABLE = re.compile(r"(?:\w+=\S*\s+)*PORT=(\d{2,5})\s")


@dataclass(frozen=True)
class ProcessCommand:
    """A command as fly.toml takes it."""

    text: str
    shell: str = ""
    """C(sh) or C(bash) if the command is wrapped."""
    signalled: bool = True
    """Whether the kill signal reaches the program itself, not only a shell around it."""
    heroku_variables: tuple[str, ...] = ()
    """Names of variables in it that Heroku sets and Fly does not."""


def fly_command(command: str, thing: str) -> ProcessCommand:
    """Return O(command), which Heroku runs in bash, in the form for fly.toml; O(thing) names it in errors.

    Raises InputError for an empty command, an unclosed quotation mark or a NUL.
    """
    command = command.strip(" \t\r\n")
    if not command:
        raise InputError(thing, "its command is empty", "Give the command that the process runs.")
    if "\0" in command:
        raise InputError(thing, "its command contains a NUL character", "Remove it.")
    read = _read(command, thing)
    if not read.needs_shell:
        return ProcessCommand(command)
    at = _exec_position(read)
    script = command if at is None else f"{command[:at]}exec {command[at:]}"
    return ProcessCommand(
        text=f"{'bash' if read.bash else 'sh'} -c {shlex.quote(script)}",
        shell="bash" if read.bash else "sh",
        signalled=at is not None or (len(read.commands) == 1 and _program(read.commands[0]) == "exec"),
        heroku_variables=tuple(sorted(set(_HEROKU_VARIABLE.findall(command)))),
    )


def literal_port(command: str) -> int | None:
    """Return the port that a web server's O(command) gives as a number, as in C(-p 3000) or C(-b tcp://[::]:3000)."""
    found = _PORT_OPTION.search(command) or _PORT_VARIABLE.match(command)
    return int(found.group(1)) if found else None


@dataclass
class _Word:
    at: int
    text: str


@dataclass
class _Reading:
    """What a shell would see in a command."""

    needs_shell: bool = False
    bash: bool = False
    sequence: bool = True
    """Whether it consists only of simple commands joined by && and ;"""
    commands: list[list[_Word]] = field(default_factory=lambda: [[]])


def _read(command: str, thing: str) -> _Reading:
    reading = _Reading()
    bare = ""  # the command with quoted text blanked out
    position = 0
    in_word = False
    while position < len(command):
        token = (None if in_word else _COMMENT.match(command, position)) or _TOKEN.match(command, position)
        if token is None:
            mark = command[position]
            cause = "ends in a backslash" if mark == "\\" else f"has an unclosed quotation mark ({mark})"
            raise InputError(thing, f"its command {cause}", "Correct it; Heroku's shell refuses it too.")
        kind, text = str(token.lastgroup), token.group()
        words = reading.commands[-1]
        if kind in ("single", "double", "escape", "expansion", "plain"):
            if in_word:
                words[-1].text += text
            else:
                words.append(_Word(position, text))
        elif kind == "operator":
            if words:
                reading.commands.append([])
            # A line break ends the sequence: anything may follow it.
            reading.sequence = reading.sequence and text in ("&&", ";") and bool(words)
        elif kind == "redirect" and (not words or text.startswith("<<")):
            reading.sequence = False  # exec cannot precede it, or a here document follows
        in_word = kind in ("single", "double", "escape", "expansion", "plain")
        reading.needs_shell = reading.needs_shell or (
            kind in ("comment", "redirect", "operator", "expansion")
            # In double quotes, flyctl drops every backslash, a shell only some.
            or (kind == "double" and bool(set(text) & set("$`\\")))
            or (kind == "escape" and text[1] in "\r\n")
        )
        if kind == "double" and text.count("$(") + text.count("`") != text.count(")"):
            reading.sequence = False  # quotes inside quotes: we cannot tell where commands begin and end
        bare += " " * len(text) if kind in ("single", "escape") else text
        position = token.end()
    reading.commands = [words for words in reading.commands if words]
    programs = [_program(words) for words in reading.commands]
    heads = [_head(words) for words in reading.commands]
    reading.needs_shell = reading.needs_shell or any(
        program in _RESERVED | _BUILTINS or _ASSIGNMENT.match(words[0].text)
        for program, words in zip(programs, reading.commands)
    )
    reading.bash = bool(_BASH_WORDS.intersection([*programs, *heads]) or _BASH_SYNTAX.search(bare))
    return reading


def _exec_position(reading: _Reading) -> int | None:
    """Return where to put C(exec) so that the last command replaces the shell and nothing else changes, or None."""
    if not reading.sequence or not reading.commands:
        return None
    *before, last = reading.commands
    if any(_program(words) in (_RESERVED | _BUILTINS) - _HARMLESS for words in before):
        return None
    word = next((word for word in last if not _ASSIGNMENT.match(word.text)), None)
    # A name that is an expansion might expand to a builtin.
    if word is None or word.text in _RESERVED | _BUILTINS or word.text[0] in "$`{}*?[":
        return None
    return word.at


def _program(words: list[_Word]) -> str:
    """Return the word that names the program of a simple command: the first that is not an assignment."""
    return next((word.text for word in words if not _ASSIGNMENT.match(word.text)), "")


def _head(words: list[_Word]) -> str:
    """Return the first word after the reserved words that begin a compound command: C([[) in C(if [[ ... ]])."""
    return next((word.text for word in words if word.text not in _PREFIXES and not _ASSIGNMENT.match(word.text)), "")
