# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Keeping secrets out of sight on every supported ansible-core, without destroying results that are no secrets."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible.module_utils.basic import AnsibleModule

try:  # ansible-core >= 2.22
    from ansible.module_utils.secrets import register_secret as _register
except ImportError:
    _register = None


def hide(module: AnsibleModule, values: Iterable[str]) -> None:
    """Mask O(values), and the passwords of those that are URLs, wherever this ansible-core can mask text."""
    for value in values:
        for text in {value, *_passwords(value)}:
            if len(text) < 4:
                continue
            if _register is not None:
                _register(text)
            else:
                module.no_log_values.add(text)


def keep_readable(module: AnsibleModule, words: Iterable[str]) -> None:
    """Let O(words), which are public, stand in the result although a secret is equal to or part of one of them.

    ansible-core before 2.22 replaces every occurrence of a C(no_log) value in a result: an app with the secret
    C(A=set) would get C(VALUE_SPECIFIED_IN_NO_LOG_PARAMETER) for the word "set", one with C(A=2) loses every number
    with a 2 in it.
    """
    if _register is not None:
        return
    public = [str(word) for word in words]
    module.no_log_values = {value for value in module.no_log_values if not any(value in word for word in public)}


def invocation(module: AnsibleModule, secret_options: Iterable[str]) -> dict[str, Any]:
    """Return RV(invocation) for a module that takes values out of the mask list: O(secret_options) left out."""
    hidden = set(secret_options)
    return {
        "module_args": {
            name: "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" if name in hidden and value is not None else value
            for name, value in module.params.items()
        }
    }


def whole_result(
    module: AnsibleModule, result: dict[str, Any], secret_options: Iterable[str], requested: Iterable[str] = ()
) -> dict[str, Any]:
    """Return O(result), which holds nothing secret but what the user asked for (O(requested)), safe from masking.

    Where this ansible-core can redact what is shown and yet hand it on whole (2.22), O(requested) is redacted.
    """
    if _register is not None:
        hide(module, requested)
    complete = {**result, "invocation": invocation(module, secret_options)}
    keep_readable(module, _words(complete))
    return complete


def _words(value: Any) -> list[str]:
    """Return every text and number in a result; keys, booleans and null are never masked."""
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _words(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def safe_traceback(error: BaseException) -> str:
    """Return where O(error) came from, without its text: third-party messages quote connection strings."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{type(error).__name__} (its text is withheld)\n"


def _passwords(value: str) -> set[str]:
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        password = None
    return {password, unquote(password)} if password else set()
