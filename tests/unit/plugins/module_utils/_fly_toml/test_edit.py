# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties that hold for any Procfile and any fly.toml put together from the forms that flyctl reads."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import tomlkit
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tomlkit.exceptions import TOMLKitError

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.edit import Wish, edit
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.app import AppSource
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.procfile import from_procfile

TOP = [
    'app = "paper-crane"',
    "app = 'paper-crane' # ours",
    "app='paper-crane'\nkill_signal = \"SIGINT\"",
    "# heading\n\napp = \"paper-crane\"\nprimary_region = 'iad'\nkill_timeout = 5",
    'app = "paper-crane"\nenv.RAILS_ENV = "production"\ndeploy.strategy = "rolling"',
    'app = "paper-crane"\nprocesses.app = "bin/old"\nprocesses.cron = "bin/cron"',
    'app = "paper-crane"\nprocesses = { web = "bin/old", cron = \'x y\' }',
    'app = "paper-crane"\nprocesses = []\nenv = {}',
    'app = "paper-crane"\nservices = [{ internal_port = 3000, protocol = "tcp" }]',
    'app = "paper-crane"\nhttp_service = { internal_port = 8080, force_https = true }',
]
BLOCKS = {
    "processes": [
        '[processes]\n  app = "bin/rails server"',
        "[processes]\nweb = 'old' # why\n\n# about cron\ncron = 'supercronic /crontab'",
        '[processes]\n"app" = ""',
        '[[processes]]\n  name = "app"\n  command = "bin/old"\n\n[[processes]]\n  name = "cron"\n  command = "c"',
        "[processes]",
    ],
    "env": [
        "[env]\n  A = 'b'  # c",
        '[env]\nPORT = "3000"',
        "[env]\nPORT = 8080\n\n\n",
        '[[env]]\n  A = "1"',
        "[env]",
    ],
    "deploy": [
        "[deploy]\n  strategy = 'rolling'",
        '[deploy]\nrelease_command = "bin/rails db:prepare"',
        "[deploy]\n  [deploy.release_command_vm]\n    size = 'shared-cpu-1x'",
    ],
    "http_service": [
        "[http_service]\n  internal_port = 3000\n  processes = ['app']\n\n  [[http_service.checks]]\n    path = '/up'",
        '[http_service]\ninternal_port = "8080"\nauto_stop_machines = true\nprocesses = ["web", "cron"]',
        "# http\n[http_service]\n# port\ninternal_port = 8080\n[http_service.concurrency]\nsoft_limit = 20",
        "[http_service]\n  internal_port = 8080\n  processes = [\n    'app', # first\n    'cron',\n  ]",
    ],
    "services": [
        '[[services]]\n  http_checks = []\n  internal_port = 8080\n  processes = ["app"]\n  script_checks = []',
        "[[services]]\ninternal_port = 8080\n[[services.ports]]\nport = 80\nhandlers = ['http']\n"
        "[[services]]\ninternal_port = 9000\nprocesses = ['web']\n[[services.ports]]\nport = 9000",
        "[[services]]\n  tcp_checks = []",
        "[services]\n  internal_port = 5000\n  [[services.ports]]\n    port = 443",
    ],
    "checks": [
        "[checks]\n  [checks.alive]\n    type = 'tcp'\n    port = 8080",
        "[checks.a]\nport=1\nprocesses=['app']",
    ],
    "mounts": [
        "[mounts]\n  source = 'data'\n  destination = '/data'",
        "[[mounts]]\nsource='d'\ndestination='/d'\nprocesses=['app']",
    ],
    "vm": [
        "[[vm]]\n  memory = '1gb'\n  cpus = 1",
        "[vm]\nsize = 'shared-cpu-1x'",
        '[[vm]]\nmemory_mb = 256\nprocesses = ["app"]\n\n[[vm]]\nsize = "performance-1x"\nprocesses = ["cron", "w"]',
        "[[compute]]\n  size = 'shared-cpu-2x'\n  processes = ['web']",
    ],
    "statics": ["[[statics]]\n  guest_path = '/p'\n  url_prefix = '/'"],
    "restart": ["[[restart]]\n  policy = 'always'\n  processes = ['app']"],
}
CORPUS = [path.read_text() for path in sorted((Path(__file__).parents[3] / "corpus").glob("fly_toml/*/before.toml"))]
COMMANDS = [
    "bundle exec puma -C config/puma.rb",
    "bin/rails server -p $PORT -e production",
    'bundle exec sidekiq -q "low prio" -c ${N:-5}',
    "cd engine && RAILS_ENV=production bin/jobs 2>&1 | tee log",
    "bin/rails s -p 5000",
    "echo 'it''s' \\\"quoted\\\" \u00fc",
]


@st.composite
def fly_tomls(draw: st.DrawFn) -> str:
    top = draw(st.sampled_from(TOP))
    names = draw(st.lists(st.sampled_from(sorted(BLOCKS)), unique=True))
    blocks = [draw(st.sampled_from(BLOCKS[name])) for name in names]
    text = draw(st.sampled_from(["\n\n", "\n", "\n\n# a comment\n\n", "\n# about it\n"])).join([top, *blocks])
    text += draw(st.sampled_from(["\n", "", "\n\n# the end\n"]))
    text = draw(st.sampled_from([text, text, draw(st.sampled_from(CORPUS))]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text


@st.composite
def procfiles(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(["web", "worker", "cron", "Clock", "a_b", "app"]), min_size=1, unique=True))
    names += draw(st.sampled_from([[], ["release"]]))
    return "\n".join(f"{name}: {draw(st.sampled_from(COMMANDS))}" for name in names)


FORMATIONS = [{}, {"web": {"quantity": 2, "size": "Standard-2X"}, "worker": {"quantity": 1, "size": "Performance-L"}}]
VMS = [{}, {"web": {"size": "shared-cpu-4x"}}, {"web": {"memory": "2gb", "cpus": 2}}]
WISHES = st.builds(
    Wish,
    internal_port=st.sampled_from([None, 8080, 4567]),
    unlisted=st.sampled_from(["keep", "rename_app", "remove"]),
    formation=st.sampled_from(FORMATIONS),
    vm=st.sampled_from(VMS),
    release_command=st.sampled_from([None, None, "bin/release"]),
    builder=st.sampled_from([None, "heroku/builder:24"]),
)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(text=fly_tomls(), procfile=procfiles(), wish=WISHES)
def test_any_file(text: str, procfile: str, wish: Wish) -> None:
    try:
        before = tomlkit.parse(text.lstrip("\ufeff")).unwrap()
    except TOMLKitError:  # blocks that define the same table
        assume(False)
    processes = from_procfile(procfile, "Procfile")
    try:
        edited = edit(text, "fly.toml", processes, wish, AppSource())
    except InputError:
        return  # an ambiguity that only a person can resolve
    after = tomlkit.parse(edited.text.lstrip("\ufeff")).unwrap()

    # A second run changes no byte.
    again = edit(edited.text, "fly.toml", processes, wish, AppSource())
    assert again.text == edited.text
    # Everything that is not ours is unchanged, comments included.
    assert not_ours(after, wish) == not_ours(before, wish)
    defined = before.get("processes")
    app_goes = wish.unlisted != "keep" and isinstance(defined, dict) and {"app", "web"} <= set(defined)
    if wish.unlisted != "remove" and not app_goes:  # a group's comment goes with it
        # So does an element of a list where its successor stands in the same list.
        elements = set(re.findall(r"""["']app["'], *(#[^\r\n]*)""", text))
        assert set(re.findall(r"#[^\r\n]*", text)) - elements <= set(re.findall(r"#[^\r\n]*", edited.text))
    # So do the byte order mark and the kind of line break.
    assert edited.text.startswith("\ufeff") == text.startswith("\ufeff")
    assert ("\r\n" in edited.text) == ("\r\n" in text)
    if "\r\n" in text:
        assert edited.text.count("\r\n") == edited.text.count("\n")


# Tables that name their groups where these were the default one's.
PINNED = ("checks", "mount", "mounts", "files", "metrics")


def not_ours(data: dict[str, Any], wish: Wish) -> dict[str, Any]:
    """Return what the text means without the keys that the module may write."""
    data = copy.deepcopy(data)
    for key in ("processes", "kill_signal", "kill_timeout", "vm", "compute", "restart", "services", "http_service"):
        data.pop(key, None)
    if wish.unlisted == "remove":  # removes what belonged to that group alone
        data = {key: value for key, value in data.items() if key not in PINNED}
    written = (("deploy", "release_command"), ("env", "PORT"), ("build", "builder"), ("experimental", "entrypoint"))
    for table, key in written:
        if isinstance(data.get(table), dict):
            data[table].pop(key, None)
        if isinstance(data.get(table), list):
            for element in data[table]:
                element.pop(key, None)
    for table in PINNED:
        value = data.get(table, {})
        elements = value.values() if table == "checks" else [value] if isinstance(value, dict) else value
        for element in elements:
            element.pop("processes", None)
    return {key: value for key, value in data.items() if value not in ({}, [], [{}])}
