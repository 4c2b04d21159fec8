# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wire scripts for module tests: the exact requests that a module's real main() may send, in order."""

from __future__ import annotations

import io
import json
from email.message import Message
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit

import pytest
from ansible.module_utils import urls
from ansible.module_utils.common import warnings
from ansible.module_utils.common.parameters import PASS_VARS
from ansible.module_utils.testing import patch_module_args

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import http as _http
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import polling
from ansible_collections.flyover.heroku_to_fly.tests.unit.returned import differences, parsed


class ScriptedHTTP:
    """Stands in for open_url: answers each expected request once and refuses any other."""

    def __init__(self) -> None:
        self._expected: list[dict[str, Any]] = []
        self.sent: list[tuple[str, str]] = []

    def expect(
        self,
        method: str,
        path: str,
        answer: Any = None,
        status: int = 200,
        body: Any = None,
        variables: Any = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        request_headers: dict[str, str] | None = None,
        error: OSError | None = None,
        at_least: float = 0,
    ) -> ScriptedHTTP:
        """Queue one exchange, whose answer is waited for O(at_least) seconds; bytes are sent as they are.

        O(body), O(variables) of GraphQL, O(query) and O(request_headers), where given, must match what is sent.
        """
        self._expected.append(
            {
                "method": method,
                "path": path,
                "answer": answer,
                "status": status,
                "body": body,
                "variables": variables,
                "query": query,
                "headers": headers or {},
                "request_headers": request_headers or {},
                "error": error,
                "at_least": at_least,
            }
        )
        return self

    def expect_token(self, *apps: str) -> ScriptedHTTP:
        """Queue what is asked before the first create: whether the token is limited to O(apps)."""
        return self.expect("GET", "/v1/tokens/current", {"tokens": [{"org_slug": "me-42", "apps": list(apps)}]})

    def open_url(self, url: str, method: str, data: bytes | None, headers: dict[str, str], **options: Any) -> Any:
        parts = urlsplit(url)
        assert self._expected, f"unexpected request {method} {url}"
        expected = self._expected.pop(0)
        assert (method, parts.path) == (expected["method"], expected["path"])
        if expected["query"] is not None:
            assert dict(parse_qsl(parts.query, keep_blank_values=True)) == expected["query"]
        if expected["body"] is not None:
            assert data is not None
            assert json.loads(data) == expected["body"]
        if expected["variables"] is not None:
            assert data is not None
            assert json.loads(data)["variables"] == expected["variables"]
        for name, value in expected["request_headers"].items():
            assert headers.get(name) == value, f"header {name}"
        assert options["timeout"] >= expected["at_least"]
        self.sent.append((method, parts.path))
        if expected["error"] is not None:
            raise expected["error"]
        content = expected["answer"]
        if not isinstance(content, bytes):
            content = b"" if content is None else json.dumps(content).encode()
        message = Message()
        for name, value in expected["headers"].items():
            message[name] = value
        if expected["status"] >= 300:
            raise HTTPError(url, expected["status"], "refused", message, io.BytesIO(content))
        return _Answer(expected["status"], message, content)

    def done(self) -> None:
        """Fail when an expected request was not sent."""
        assert not self._expected, f"not sent: {[(e['method'], e['path']) for e in self._expected]}"


class _Answer(io.BytesIO):
    def __init__(self, status: int, headers: Message, content: bytes) -> None:
        super().__init__(content)
        self.status = status
        self.headers = headers


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Yield a wire script; the test fails when it was not followed to its end."""
    script = ScriptedHTTP()
    monkeypatch.setattr(urls, "open_url", script.open_url)
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(polling.random, "uniform", lambda least, _most: least)
    yield script
    script.done()


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that drives a module's main() and gives its result; internals as C(check_mode=True)."""

    def run(module: Any, args: dict[str, Any], **internals: Any) -> dict[str, Any]:
        warnings._global_warnings.clear()  # warnings of modules that ran in this process before
        # An internal that this ansible-core does not know yet is refused as any other unknown option.
        known = {name: value for name, value in internals.items() if name in PASS_VARS}
        given = {**args, **{f"_ansible_{name}": value for name, value in known.items()}}
        with patch_module_args(given), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        # How ansible-core >= 2.22 tells the controller what to redact; no task's result contains it.
        result.pop("_ansible_new_secrets", None)
        assert differences(result, parsed(module.RETURN)) == []
        return result

    return run
