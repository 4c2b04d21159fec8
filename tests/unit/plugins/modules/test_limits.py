# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules do when a platform limits requests or does not answer: wait, within bounds, and say so."""

from __future__ import annotations

import heapq
import socket
import ssl
import threading
import time
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
from ansible.module_utils import urls
from ansible.module_utils.urls import open_url

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import http as _http
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import polling
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import Response
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import pace
from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_app, fly_certificate, fly_redis, heroku_app

HEROKU = {"heroku_api_key": "HRKU-canary", "app": "paper-crane", "maintenance": True}
HEROKU_APP = {"name": "paper-crane", "maintenance": False, "generation": {"name": "cedar"}}
HEROKU_LIMIT = {"id": "rate_limit", "message": "Your account reached the API rate limit"}
FLY = {"fly_api_token": "fo1_canary", "name": "paper-crane"}
FLY_APP = {"id": "a1", "name": "paper-crane", "organization": {"slug": "personal"}, "status": "pending"}
ORGANIZATION = {"data": {"organization": {"id": "o1", "slug": "personal", "rawSlug": "me-42", "name": "Me"}}}
FLY_PATH = "/v1/apps/paper-crane"


@pytest.fixture
def waits(http: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that were slept, in their order."""
    slept: list[float] = []
    monkeypatch.setattr(polling.random, "uniform", lambda least, _most: least)
    # Not time.sleep itself, which threads of other tests call too.
    clock = SimpleNamespace(sleep=lambda seconds: slept.append(seconds) if seconds else None, time=time.time)
    monkeypatch.setattr(_http, "time", clock)
    return slept


def test_heroku_s_limit_is_waited_out_for_five_minutes_and_no_longer(
    http: Any, run_module: Any, waits: list[float]
) -> None:
    for _attempt in range(16):
        http.expect("GET", "/apps/paper-crane", HEROKU_LIMIT, status=429)
    message = run_module(heroku_app, HEROKU)["msg"]
    assert "reached the API rate limit (HTTP 429, the last of 16 attempts rate_limit" in message
    assert "4,500 requests an hour" in message
    assert waits == sorted(waits)
    assert 240 < sum(waits) < 330


@pytest.mark.parametrize(
    ("asked", "waited"), [("7", 7.0), ("3600", 30.0), ("soon", 0.5), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.5)]
)
def test_retry_after_is_honoured_within_bounds(
    http: Any, run_module: Any, waits: list[float], asked: str, waited: float
) -> None:
    http.expect("GET", "/apps/paper-crane", HEROKU_LIMIT, status=429, headers={"Retry-After": asked})
    http.expect("GET", "/apps/paper-crane", HEROKU_APP)
    assert run_module(heroku_app, HEROKU, check_mode=True)["changed"] is True
    assert waits == [waited]


@pytest.mark.parametrize(("left", "slept"), [("75", [3.2]), ("0", [60.0]), ("150", []), ("many", [])])
def test_the_fewer_requests_are_left_the_slower_they_are_sent(
    http: Any, run_module: Any, waits: list[float], left: str, slept: list[float]
) -> None:
    http.expect("GET", "/apps/paper-crane", HEROKU_APP, headers={"RateLimit-Remaining": left})
    assert run_module(heroku_app, HEROKU, check_mode=True)["changed"] is True
    assert waits == slept


def test_inside_a_freeze_window_nothing_waits_for_the_limit(http: Any, run_module: Any, waits: list[float]) -> None:
    http.expect("GET", "/apps/paper-crane", HEROKU_APP, headers={"RateLimit-Remaining": "1"})
    http.expect("PATCH", "/apps/paper-crane", {**HEROKU_APP, "maintenance": True}, headers={"RateLimit-Remaining": "0"})
    assert run_module(heroku_app, {**HEROKU, "heroku_paced": False})["changed"] is True
    assert waits == []


@pytest.mark.parametrize("forks", [1, 10, 50])
def test_many_runs_share_herokus_limit_without_knowing_of_each_other(forks: int) -> None:
    """Each sends, waits as told, and sends again; 75 requests a minute come back. None is refused in an hour."""
    left, now, turns = 200.0, 0.0, [(fork * 0.05, fork) for fork in range(forks)]
    sent = 0
    while now < 3600:
        at, fork = heapq.heappop(turns)
        left, now = min(4500.0, left + (at - now) * 75 / 60), at
        assert left >= 1, f"{sent} requests after {now:.0f} s"
        left, sent = left - 1, sent + 1
        told = pace(Response(200, {"ratelimit-remaining": str(int(left))}))
        heapq.heappush(turns, (now + 0.1 + told, fork))
    # And none of what comes back is wasted.
    assert sent > 0.8 * 4500


def test_fly_s_limit_of_one_request_a_second(http: Any, run_module: Any, waits: list[float]) -> None:
    http.expect("GET", FLY_PATH, {"error": "rate limit exceeded"}, status=429)
    http.expect("GET", FLY_PATH, {}, status=404)
    http.expect("POST", "/graphql", {"errors": []}, status=429)
    http.expect("POST", "/graphql", ORGANIZATION)
    # Nothing was done, so a create may be sent again.
    http.expect("POST", "/v1/apps", {"error": "rate limit exceeded"}, status=429, headers={"Retry-After": "2"})
    http.expect("POST", "/v1/apps", FLY_APP, status=201)
    http.expect("GET", FLY_PATH, FLY_APP)
    http.expect("GET", f"{FLY_PATH}/machines", [])
    assert run_module(fly_app, FLY)["created"] is True
    assert waits == [0.5, 0.5, 2.0]


def test_fly_s_limit_that_does_not_pass_says_so(http: Any, run_module: Any, waits: list[float]) -> None:
    http.expect("GET", FLY_PATH, FLY_APP)
    http.expect("GET", f"{FLY_PATH}/certificates", {"certificates": []})
    for _attempt in range(16):
        http.expect("POST", f"{FLY_PATH}/certificates/acme", {"error": "rate limit exceeded"}, status=429)
    given = {"fly_api_token": "fo1_canary", "app": "paper-crane", "hostnames": ["www.example.com"]}
    message = run_module(fly_certificate, given)["msg"]
    assert "rate limit exceeded (HTTP 429, the last of 16 attempts" in message
    assert "one request a second" in message
    assert sum(waits) < 330


@pytest.mark.parametrize("failure", [{"status": 503}, {"status": 408}, {"error": ConnectionResetError("peer")}])
def test_what_creates_is_never_repeated_blindly(
    http: Any, run_module: Any, waits: list[float], failure: dict[str, Any]
) -> None:
    http.expect("GET", FLY_PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("POST", "/v1/apps", **failure)
    assert "run again" in run_module(fly_app, FLY)["msg"]
    assert waits == []


def test_lost_answer_of_createaddon_is_not_repeated(http: Any, run_module: Any, waits: list[float]) -> None:
    regions = {"data": {"platform": {"regions": [{"code": "iad"}]}, "addOnProvider": {"excludedRegions": []}}}
    for answer in (ORGANIZATION, {"data": {"addOn": None}}, regions):
        http.expect("POST", "/graphql", answer)
    http.expect("POST", "/graphql", error=ConnectionResetError("peer"))
    given = {"fly_api_token": "fo1_canary", "name": "r", "region": "iad"}
    assert "It may have taken effect; run again" in run_module(fly_redis, given)["msg"]
    assert waits == []


def test_platform_that_stays_away_is_given_up_after_some_seconds(
    http: Any, run_module: Any, waits: list[float]
) -> None:
    for _attempt in range(6):
        http.expect("GET", "/apps/paper-crane", {}, status=503)
    assert "HTTP 503, the last of 6 attempts" in run_module(heroku_app, HEROKU)["msg"]
    for _attempt in range(6):
        http.expect("GET", "/apps/paper-crane", error=ConnectionRefusedError("refused"))
    assert "(ConnectionRefusedError, 6 attempts)" in run_module(heroku_app, HEROKU)["msg"]
    assert sum(waits) == 2 * 15.5


@pytest.mark.parametrize("url", ["api.heroku.com", "https://", "ftp://api.heroku.com", "https://host:port", "//x", " "])
def test_url_that_no_request_can_go_to_is_an_error_of_the_input(run_module: Any, url: str) -> None:
    result = run_module(heroku_app, {**HEROKU, "heroku_api_url": url})
    assert result["msg"].startswith("option heroku_api_url: it is not the URL of an API. Include the scheme")
    result = run_module(fly_app, {**FLY, "fly_uiex_url": url})
    assert result["msg"].startswith("option fly_uiex_url: it is not the URL of an API")


def test_certificate_that_nobody_knows_is_named_with_the_remedy(http: Any, run_module: Any, waits: list[float]) -> None:
    untrusted = URLError(ssl.SSLCertVerificationError("self-signed certificate in certificate chain"))
    for _attempt in range(6):
        http.expect("GET", "/apps/paper-crane", error=untrusted)
    result = run_module(heroku_app, HEROKU)
    assert "(SSLCertVerificationError, 6 attempts)" in result["msg"]
    assert "SSL_CERT_FILE" in result["msg"]


def test_answer_of_another_protocol_is_no_defect_of_the_collection(
    run_module: Any, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(server: socket.socket) -> None:
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(urls, "open_url", open_url)  # the real one
        result = run_module(heroku_app, {**HEROKU, "heroku_api_url": url})
        server.shutdown(socket.SHUT_RDWR)
    assert f"no answer from {url}" in result["msg"]
    assert "bug in the collection" not in result["msg"]


def test_waits_of_many_forks_differ_and_are_never_shorter() -> None:
    waits = {polling.jittered(4.0) for _fork in range(50)}
    assert len(waits) > 40
    assert (min(waits) >= 4.0, max(waits) <= 5.0) == (True, True)
