# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Keep secrets hidden on every supported ansible-core, without destroying results that are not secret."""

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
    """Mask O(values), and the passwords of those that are URLs, wherever this ansible-core masks text."""
    for value in values:
        for text in {value, *_passwords(value)}:
            if len(text) < 4:
                continue
            if _register is not None:
                _register(text)
            else:
                module.no_log_values.add(text)


def keep_readable(module: AnsibleModule, words: Iterable[str]) -> None:
    """Keep O(words), which are public, in the result even if a secret equals one of them or is part of it.

    ansible-core before 2.22 replaces every occurrence of a C(no_log) value in a result: for an app with the secret
    C(A=set), the word "set" becomes C(VALUE_SPECIFIED_IN_NO_LOG_PARAMETER); with C(A=2), so does every number
    that contains a 2.
    """
    if _register is not None:
        return
    public = [str(word) for word in words]
    module.no_log_values = {value for value in module.no_log_values if not any(value in word for word in public)}


def invocation(module: AnsibleModule, secret_options: Iterable[str]) -> dict[str, Any]:
    """Return RV(invocation), without O(secret_options), for a module that removes values from the mask list."""
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
    """Return O(result) safe from masking. Its only secrets are those that the user asked for (O(requested)).

    On ansible-core 2.22, which can redact the output without changing the result, O(requested) is redacted.
    """
    if _register is not None:
        hide(module, requested)
    complete = {**result, "invocation": invocation(module, secret_options)}
    keep_readable(module, _words(complete))
    return complete


def _words(value: Any) -> list[str]:
    """Return every string and number in a result; keys, booleans and null are never masked."""
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _words(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def safe_traceback(error: BaseException) -> str:
    """Return the traceback of O(error) without its text: third-party messages quote connection strings."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{type(error).__name__} (its text is withheld)\n"


def _passwords(value: str) -> set[str]:
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        password = None
    return {password, unquote(password)} if password else set()
