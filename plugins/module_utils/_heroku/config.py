# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Config vars of a Heroku app: read and classified, or set and unset in one release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import ownership
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.attachments import needs_addons

# Bytes of all names and values of an app together: devcenter.heroku.com/articles/config-vars and /limits.
SIZE_LIMIT = 64 * 1024
NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")


def gather(
    heroku: HerokuAPI,
    app: str,
    names: Iterable[str] | None = None,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    replacements: Mapping[str, Any] | None = None,
    expected_release: int | None = None,
    return_values: bool = False,
) -> dict[str, Any]:
    """Return the module's result for the current config vars: all, or those in O(names).

    O(replacements) maps a Postgres or Redis add-on to the URL of the service that replaces it. Raises InputError for a
    name or add-on that the app does not have, StateError if O(expected_release) is no longer the newest.
    """
    urls = _strings("replacements", "the add-on", replacements or {})
    config = heroku.config_vars(app)
    decided = _decide(heroku, app, config, include, exclude)
    # Read last: if the version is still the expected one, nothing changed in the meantime.
    release_version = check_release(heroku, app, expected_release)
    _refuse_unknown_addons(app, urls, decided)
    chosen = sorted(config) if names is None else _existing(app, names, config)
    result: dict[str, Any] = {
        "changed": False,
        "names": {name: decided.names[name].as_result() for name in chosen},
        "undetermined": [
            name for name in chosen if decided.names[name].replaced_by and not urls.get(decided.names[name].replaced_by)
        ],
        "unmatched_patterns": list(decided.unmatched_patterns),
        "release_version": release_version,
        "warnings": [
            f"Config var {name} of Heroku app {app}: {decided.names[name].reason} Give it a new value on Fly.io."
            for name in chosen
            if decided.names[name].embeds
        ]
        + [
            f"Heroku app {app}: the pattern {pattern} does not match any of its config vars."
            for pattern in decided.unmatched_patterns
        ],
    }
    if return_values:
        result["config_vars"] = {n: config[n] for n in chosen if decided.names[n].kind != ownership.EXCLUDED}
        result["transfer"] = _transfer(chosen, config, decided, urls)
    return result


def ensure(
    heroku: HerokuAPI,
    app: str,
    values: Mapping[Any, Any],
    unset: Iterable[str] = (),
    expected_release: int | None = None,
    check_mode: bool = False,
) -> dict[str, Any]:
    """Set the config vars in O(values) and unset those in O(unset), with one PATCH if anything differs.

    Raises InputError, before any write, for what Heroku would refuse: an invalid name or value, more than 64 KB in
    total, a name that an add-on owns.
    """
    _refuse_bad_names([*values, *unset])
    strings = _strings("vars", "the config var", values)
    _refuse_bad_values(strings)
    wanted: dict[str, str | None] = {**strings, **dict.fromkeys(unset)}
    before = heroku.config_vars(app)
    _refuse_owned(app, wanted, _decide(heroku, app, before).owned())
    release_version = check_release(heroku, app, expected_release)
    changes = {name: _change(before.get(name), value) for name, value in sorted(wanted.items())}
    differing = {name: wanted[name] for name, change in changes.items() if change != "unchanged"}
    after = {name: value for name, value in {**before, **wanted}.items() if value is not None}
    _refuse_too_much(app, after)
    if differing and not check_mode:
        answer = heroku.set_config_vars(app, differing)
        _refuse_other_answer(app, differing, answer)
        release_version = check_release(heroku, app, None)
    return {
        "changed": bool(differing),
        "changes": changes,
        "release_version": release_version,
        "diff": {
            "before": "".join(f"{name}: {'set' if name in before else 'unset'}\n" for name in differing),
            "after": "".join(f"{name}: {changes[name]}\n" for name in differing),
        },
        "warnings": [
            f"Config var {name} of Heroku app {app}: names that begin with HEROKU_ are reserved for Heroku."
            for name, change in changes.items()
            if name.startswith("HEROKU_") and change in ("set", "changed")
        ],
    }


def check_release(heroku: HerokuAPI, app: str, expected: int | None) -> int:
    """Return the newest release's version, 0 if there is none; raises StateError if it is not O(expected)."""
    release = heroku.latest_release(app)
    version = int(release["version"]) if release else 0
    if expected is not None and version != expected:
        raise StateError(
            f"Heroku app {app}",
            f"it changed after the plan was made: its newest release is v{version}, not v{expected}",
            f"See 'heroku releases -a {app}' for what changed, then run again from the start.",
            release_version=version,
        )
    return version


def _decide(
    heroku: HerokuAPI, app: str, config: Mapping[str, str], include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> ownership.Ownership:
    attachments = heroku.attachments(app)
    addons = heroku.addons(app) if needs_addons(attachments) else []
    return ownership.decide(config, attachments, addons, include, exclude)


def _transfer(
    names: Iterable[str], config: Mapping[str, str], decided: ownership.Ownership, urls: Mapping[str, str]
) -> dict[str, str]:
    written: dict[str, str] = {}
    for name in names:
        if decided.names[name].kind in (ownership.TRANSFER, ownership.ADDON):
            written[name] = config[name]
            continue
        new = decided.replacement(name, config[name], urls)
        if new is not None:
            written[name] = new
    return written


def _change(before: str | None, after: str | None) -> str:
    if before == after:
        return "unchanged"
    if after is None:
        return "unset"
    return "set" if before is None else "changed"


def _existing(app: str, names: Iterable[str], config: Mapping[str, str]) -> list[str]:
    wanted = sorted(set(names))
    missing = [name for name in wanted if name not in config]
    if missing:
        raise InputError(
            f"Heroku app {app}",
            f"it has no config var {', '.join(missing)}",
            f"Run 'heroku config -a {app}' to see the names, and correct the option names.",
        )
    return wanted


def _strings(option: str, what: str, given: Mapping[Any, Any]) -> dict[str, str]:
    """Return O(given); raises InputError, which names them, for values that are not strings: any guess may be wrong."""
    other = sorted(str(name) for name, value in given.items() if not isinstance(value, str))
    if other:
        raise InputError(
            f"option {option}",
            f"the value of {what} {', '.join(other)} is not a string",
            "Quote it in YAML ('1', 'true'), or pass it through the filter string.",
        )
    return {str(name): str(value) for name, value in given.items()}


def _refuse_unknown_addons(app: str, urls: Mapping[str, str], decided: ownership.Ownership) -> None:
    known = [service.addon for service in decided.services]
    unknown = sorted(set(urls) - set(known))
    if unknown:
        raise InputError(
            "option replacements",
            f"Heroku app {app} has no Postgres or Redis add-on {', '.join(unknown)}",
            f"Its add-ons of that kind: {', '.join(known) or 'none'}.",
        )


def _refuse_bad_names(names: Iterable[Any]) -> None:
    bad = sorted(str(name) for name in names if not isinstance(name, str) or not NAME.fullmatch(name))
    if bad:
        raise InputError(
            "option vars or names",
            f"Heroku does not accept the name {', '.join(repr(name) for name in bad)}",
            "Use letters, digits and _, and do not start with a digit or __.",
        )


def _refuse_bad_values(values: Mapping[str, str]) -> None:
    nul = sorted(name for name, value in values.items() if "\0" in value)
    if nul:
        raise InputError(
            f"config var {', '.join(nul)}",
            "its value contains a NUL character, which an environment variable cannot hold",
            "Encode the value (base64, for example) and decode it in the app.",
        )
    broken = sorted(name for name, value in values.items() if _size(value) is None)
    if broken:
        raise InputError(
            f"config var {', '.join(broken)}",
            "its value is not valid Unicode text",
            "Encode the value (base64, for example) and decode it in the app.",
        )


def _refuse_too_much(app: str, config: Mapping[str, str]) -> None:
    size = sum(len(name) + (_size(value) or 0) for name, value in config.items())
    if size > SIZE_LIMIT:
        raise InputError(
            f"config vars of Heroku app {app}",
            f"they would be {size} bytes in total, more than Heroku's limit of {SIZE_LIMIT}",
            "Store large values elsewhere, in a file or an object store.",
        )


def _refuse_owned(app: str, wanted: Iterable[str], owned: Mapping[str, str]) -> None:
    refused = sorted(name for name in wanted if name in owned)
    if refused:
        listed = ", ".join(f"{name} (add-on {owned[name]})" for name in refused)
        raise InputError(
            f"config vars of Heroku app {app}",
            f"an add-on owns {listed}, so Heroku does not let anyone else change it",
            f"Leave it out, or free the name with 'heroku addons:detach ATTACHMENT -a {app}'; 'heroku addons -a {app}' "
            "shows the attachment.",
        )


def _refuse_other_answer(app: str, wanted: Mapping[str, str | None], answer: Mapping[str, str]) -> None:
    other = sorted(name for name, value in wanted.items() if answer.get(name) != value)
    if other:
        raise StateError(
            f"config vars of Heroku app {app}",
            f"Heroku accepted the change but returned another value for {', '.join(other)}",
            "Another client changed it at the same time, or Heroku altered the value: check it, then run again.",
        )


def _size(value: str) -> int | None:
    try:
        return len(value.encode("utf-8"))
    except UnicodeEncodeError:
        return None
