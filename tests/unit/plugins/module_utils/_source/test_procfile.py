# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import (
    Processes,
    from_commands,
    from_procfile,
)


def texts(processes: Processes) -> dict[str, str]:
    return {group: command.text for group, command in processes.commands.items()}


@pytest.mark.parametrize(
    "procfile",
    [
        "web: bin/puma\nworker: bin/jobs\n",
        "web: bin/puma\r\nworker: bin/jobs\r\n",
        "\ufeffweb: bin/puma\nworker: bin/jobs",
        "  web:   bin/puma  \n\n\tworker:\tbin/jobs\n\n",
        "# web: bin/old\nweb: bin/puma\n  # jobs\nworker: bin/jobs\n",
        "web:bin/puma\nworker:bin/jobs\n",
    ],
)
def test_what_heroku_reads_alike(procfile: str) -> None:
    processes = from_procfile(procfile, "Procfile")
    assert texts(processes) == {"web": "bin/puma", "worker": "bin/jobs"}
    assert processes.warnings == []


def test_order_is_the_files() -> None:
    assert list(texts(from_procfile("b: x\na: y\nweb: z\n", "Procfile"))) == ["b", "a", "web"]


def test_last_of_two_counts() -> None:
    processes = from_procfile("web: bin/old\nworker: bin/jobs\nweb: bin/puma\n", "Procfile")
    assert texts(processes) == {"worker": "bin/jobs", "web": "bin/puma"}
    assert processes.warnings == ["Procfile, line 3: 'web' is also in line 1; the last one is used."]


def test_release_is_no_process() -> None:
    processes = from_procfile("release: bin/migrate && bin/seed\nweb: bin/puma\n", "Procfile")
    assert list(processes.commands) == ["web"]
    assert processes.release is not None
    assert processes.release.text == "sh -c 'bin/migrate && exec bin/seed'"
    assert processes.release_source == "bin/migrate && bin/seed"


def test_names_are_in_lower_case_on_fly() -> None:
    processes = from_procfile("web: bin/puma\nHigh_Jobs-2: bin/jobs\n", "Procfile")
    assert list(processes.commands) == ["web", "high_jobs-2"]
    assert processes.warnings == ["Procfile, line 2: process 'High_Jobs-2' is called 'high_jobs-2' on Fly."]


def test_line_without_colon_is_a_process_only_where_its_name_is_known() -> None:
    assert texts(from_procfile("web bin/puma\n", "Procfile")) == {"web": "bin/puma"}
    assert "no colon" in from_procfile("web bin/puma\n", "Procfile").warnings[0]
    with pytest.raises(InputError, match="line 2"):
        from_procfile("web: bin/puma\nclock bin/clock\n", "Procfile")
    assert "clock" in texts(from_procfile("web: bin/puma\nclock bin/clock\n", "Procfile", known=["clock"]))


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("these are our processes", "is not a process"),
        ("web = bin/puma", "is not a process"),
        ("web : bin/puma", "is not a process"),
        ("we.b: bin/puma", "is not a process"),
        (": bin/puma", "is not a process"),
        ("worker:", "empty"),
        ("worker: \t", "empty"),
        ("worker: echo 'it", "unclosed quotation mark"),
        ('worker: echo "it', "unclosed quotation mark"),
        ("worker: echo it\\", "backslash"),
        ("worker: echo \0", "NUL"),
        ("Release: bin/migrate", "Fir"),
        ("fly_app_release_command: bin/x", "is reserved"),
        (f"{'w' * 64}: bin/x", "at most 63"),
    ],
)
def test_bad_line_is_named(line: str, cause: str) -> None:
    with pytest.raises(InputError) as refused:
        from_procfile(f"web: bin/puma\n\n{line}\n", "src/Procfile")
    assert refused.value.thing.startswith("src/Procfile, line 3")
    assert cause in refused.value.cause


def test_what_a_person_should_know_is_told() -> None:
    procfile = "web: bin/puma | tee log\nworker: source env && [[ -n $DYNO ]] && bin/jobs\nrelease: bin/a | cat\n"
    told = from_procfile(procfile, "Procfile").warnings
    assert [text for text in told if "'web' only the shell gets the stop signal" in text]
    assert [text for text in told if "'worker' needs bash" in text]
    assert [text for text in told if "'worker' reads DYNO, which Fly does not set" in text]
    assert not [text for text in told if "'release'" in text]


def test_default_stands_in_for_a_missing_line_only() -> None:
    defaults = {"web": "bin/rails server"}
    assert texts(from_procfile("web: bin/puma\n", "Procfile", defaults=defaults)) == {"web": "bin/puma"}
    added = from_procfile("release: bin/migrate\n", "Procfile", defaults=defaults)
    assert texts(added) == defaults
    assert "it has no 'web'" in added.warnings[0]


def test_what_the_buildpack_adds_counts_only_where_it_runs() -> None:
    commands = {"web": "bin/puma", "rake": "bundle exec rake", "console": "bin/rails c", "release": "bin/migrate"}
    assert texts(from_commands(commands, "processes", {"rake": 0})) == {"web": "bin/puma"}
    assert list(texts(from_commands(commands, "processes", {"rake": 1}))) == ["web", "rake"]


@pytest.mark.parametrize(
    ("commands", "thing"),
    [
        ({"web": None}, "processes.web"),
        ({"web": " "}, "processes.web"),
        ({"a": "x", "A": "y"}, "processes.A"),
        ({}, ""),
    ],
)
def test_bad_commands_are_named(commands: dict[str, object], thing: str) -> None:
    with pytest.raises(InputError) as refused:
        from_commands(commands, "processes", {})
    assert refused.value.thing.startswith(thing or "processes")
