# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: failure_report
short_description: What a failed run leaves behind, and which commands remain to be run
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Names the first cause, then the present state, then the exact commands for what could not be put back.
options:
  _input:
    description:
      - The task that failed, C(name) and C(msg), and with C(shown) whether Ansible has printed that already. Empty
        if nothing failed before Heroku was put back, as in a rollback. With C(unprepared) preflight did not run.
    type: dict
    required: true
  heroku_app:
    description:
      - Name of the Heroku app.
    type: str
    required: true
  fly_app:
    description:
      - Name of the Fly app.
    type: str
    required: true
  ledger:
    description:
      - The ledger's sections as they are now. Nothing if they are unknown or belong to another run.
    type: dict
  thaw:
    description:
      - The result of P(flyover.heroku_to_fly.thaw_failures#filter). Leave it out if Heroku did not have to be put back.
    type: dict
"""

EXAMPLES = r"""
- name: Say what happened
  ansible.builtin.fail:
    msg: "{{ failed | flyover.heroku_to_fly.failure_report('paper-crane', 'paper-crane', ledger) }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

_STEPS = ("machines", "fence", "formation", "maintenance")
_AGAIN = "Fix the cause and run the same command again"


def failure_report(
    failed: Mapping[str, Any],
    heroku_app: str,
    fly_app: str,
    ledger: Mapping[str, Any] | None = None,
    thaw: Mapping[str, Any] | None = None,
) -> str:
    """Return what to tell the user of a run that failed."""
    if failed.get("unprepared"):
        return (
            f"Stopped at '{failed['name']}': preflight did not run, and no other step works without it. Leave out "
            "--start-at-task and --skip-tags, and choose steps with --tags or migrate_steps."
        )
    known, ledger = ledger is not None, ledger or {}
    freeze = ledger.get("freeze") or {}
    place = f"Stopped at '{failed['name']}'" if failed.get("name") else "Stopped"
    parts = [f"{place}: {_sentence(failed['msg'])}"] if failed else []
    if thaw is not None:
        # The whole error was printed before the steps of the thaw.
        parts = [f"{place}: {_first_sentence(failed['msg'])}"] if failed.get("shown") else parts
        parts.append(_thawed(heroku_app, fly_app, ledger, thaw))
    elif "finished" in ledger or not freeze:
        # The error itself is then just above.
        parts = [f"{place}."] if failed.get("shown") and failed.get("name") else parts
        parts += [f"Heroku app {heroku_app} was not frozen."] if known and not freeze else []
        parts += [f"{_AGAIN}."] if known else []
    elif "sealing" in ledger or "cutover" in ledger:
        parts.append(_sealed(heroku_app, fly_app, ledger))
    elif freeze:
        parts.append(
            f"Heroku app {heroku_app} has been frozen since {freeze.get('opened_at', 'unknown')}: its visitors see the "
            f"maintenance page and no dyno runs. {_AGAIN} to finish the cut-over, or put Heroku back into service with "
            "'ansible-playbook flyover.heroku_to_fly.rollback' and the same variables. By hand: "
            + "; ".join(_commands(heroku_app, fly_app, freeze, _STEPS))
            + "."
        )
    return " ".join(parts)


def _first_sentence(text: str) -> str:
    return _sentence(text.partition(". ")[0])


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _sealed(heroku_app: str, fly_app: str, ledger: Mapping[str, Any]) -> str:
    left = (
        "its workers may not run yet"
        if ledger.get("cutover")
        else "its data is not sealed yet and its workers have not started"
    )
    return (
        f"The app is live on Fly ({fly_app}), but {left}. Heroku app {heroku_app} stays frozen: what is written from "
        f"now on is on Fly alone. {_AGAIN}: it finishes what is left and overwrites nothing."
    )


def _thawed(heroku_app: str, fly_app: str, ledger: Mapping[str, Any], causes: Mapping[str, str]) -> str:
    freeze = ledger.get("freeze") or {}
    words = _words(freeze)
    stopped = "; ".join(f"{dyno['name']}: {dyno['command']}" for dyno in ledger.get("one_off_dynos") or [])
    stopped = f" One-off dynos that were stopped do not start again by themselves ({stopped})." if stopped else ""
    causes = dict(causes)
    unwritten = causes.pop("ledger", "")
    if unwritten:
        stopped += (
            f" The ledger still has the freeze, because it could not be changed ({unwritten.rstrip('.')}): the next "
            "run sees that Heroku serves, and removes it."
        )
    if not causes:
        state = ", ".join(words.values())
        return (
            f"Heroku app {heroku_app} is back in service: {state}. Nothing was lost there.{stopped} The Machines on "
            f"Fly stay stopped until the next rehearsal. {_AGAIN}."
        )
    parts = [f"Heroku app {heroku_app} is NOT fully back in service."]
    done = [words[step] for step in _STEPS if step not in causes]
    if done:
        parts.append(f"Put back: {', '.join(done)}.")
    parts += [f"Not put back ({step}): {_sentence(cause)}" for step, cause in causes.items()]
    left = [step for step in _STEPS if step in causes]
    parts.append(
        "Run 'ansible-playbook flyover.heroku_to_fly.rollback' with the same variables to try again, or by hand: "
        + "; ".join(_commands(heroku_app, fly_app, freeze, left))
        + "."
    )
    return " ".join(parts) + stopped


def _words(freeze: Mapping[str, Any]) -> dict[str, str]:
    return {
        "machines": "no Machine runs on Fly",
        "fence": "the database accepts writes",
        "formation": f"dynos run as before ({_quantities(freeze) or 'none'})",
        "maintenance": f"maintenance mode is {'on' if freeze.get('maintenance') else 'off'} as before",
    }


def _commands(heroku_app: str, fly_app: str, freeze: Mapping[str, Any], steps: Sequence[str]) -> list[str]:
    url = f"$(heroku config:get DATABASE_URL -a {heroku_app})"
    commands = {
        "machines": f"fly machine stop $(fly machine list -q -a {fly_app}) -a {fly_app}",
        "fence": f"ansible localhost -m flyover.heroku_to_fly.pg_fence -a \"state=lowered url='{url}'\"",
        "formation": f"heroku ps:scale {_quantities(freeze)} -a {heroku_app}",
        "maintenance": f"heroku maintenance:{'on' if freeze.get('maintenance') else 'off'} -a {heroku_app}",
    }
    return [commands[step] for step in steps if step != "formation" or _quantities(freeze)]


def _quantities(freeze: Mapping[str, Any]) -> str:
    return " ".join(f"{kind}={number}" for kind, number in sorted((freeze.get("formation") or {}).items()) if number)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"failure_report": failure_report}
