"""The OData reader and writer against a server that misbehaves: busy, forgetful, circular, foreign, wordless."""

from __future__ import annotations

import json
from email.utils import formatdate

import pytest

from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.odata import OData
from didymos.data.erp.odata_http import Session
from didymos.data.erp.staging import Staging, dump
from didymos.data.erp.write import ODataWriter, Target, WorkRequest
from tests.erp.rigs import CHANGED, line, mapping, serve


@pytest.fixture
def staging(tmp_path):
    found = Staging(f"sqlite:///{tmp_path / 'staging.db'}")
    yield found
    found.close()


@pytest.fixture
def server():
    made = []

    def start(answer):
        made.append(serve(answer))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def reading(url, staging, sleep=lambda s: None, changed=CHANGED, **options):
    config = SourceConfig("sap", f"{url}/odata", (mapping("Rows", changed),), options)
    source = OData(config, Session(config, sleep, lambda: 0.0))
    try:
        return [staging.take(delivery, 1) for delivery in source.deliveries(staging)]
    finally:
        source.close()


def test_a_busy_server_is_asked_again_after_what_it_says(server, staging):
    codes = [(429, {"retry-after": "7"}), (503, {"retry-after": formatdate(11, usegmt=True)}), (503, {})]
    slept = []

    def answer(path, headers):
        return (*codes.pop(0), {}) if codes else (200, {}, {"value": [line("1")]})

    reading(server(answer).url, staging, slept.append)
    assert slept == [7.0, 11.0, 4.0]
    assert len(staging.rows("performance")) == 1


def test_a_server_that_stays_busy_is_given_up_for_now(server, staging):
    with pytest.raises(ConnectError, match="busy"):
        reading(server(lambda p, h: (503, {"retry-after": "50"}, {})).url, staging, patience_s=60)


@pytest.mark.parametrize(
    ("code", "payload", "why"),
    [
        (401, {}, "401"), (403, {"error": {"message": {"value": "no right"}}}, "no right"), (404, {}, "404"),
        (500, b"<html>", "500"), (302, {}, "elsewhere"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_connect_error_with_the_servers_words(server, staging, code, payload, why):
    with pytest.raises(ConnectError, match=why):
        reading(server(lambda p, h: (code, {}, payload)).url, staging)


@pytest.mark.parametrize("payload", [b"<html>", b"[]", b"{}", b'{"value": 1}', b'{"value": [3]}', b'{"value": [{"other": 1}]}'])
def test_an_answer_that_is_no_collection_is_a_data_error(server, staging, payload):
    with pytest.raises(DataError):
        reading(server(lambda p, h: (200, {}, payload)).url, staging)


def test_a_paging_that_goes_in_circles_ends_with_an_error(server, staging):
    with pytest.raises(DataError, match="read before"):
        reading(server(lambda p, h: (200, {}, {"value": [line("1")], "@odata.nextLink": "Rows?page=2"})).url, staging)


def test_a_next_link_to_another_host_goes_to_ours(server, staging):
    def answer(path, headers):
        if "skip" in path:
            return 200, {}, {"value": [line("2")]}
        return 200, {}, {"value": [line("1")], "@odata.nextLink": "http://inner.example:1/odata/Rows?$skiptoken=skip"}

    reading(server(answer).url, staging)
    assert [row["number"] for row in staging.rows("performance")] == ["1", "2"]


def test_a_delta_link_is_followed_and_a_forgotten_one_means_reading_anew(server, staging):
    paths = []

    def answer(path, headers):
        paths.append(path)
        if "delta" in path:
            return (410, {}, {}) if "delta2" in path else (200, {}, {"value": [line("2")], "@odata.deltaLink": "Rows?delta2"})
        assert "odata.track-changes" in headers["prefer"]
        return 200, {}, {"value": [line("1"), line("2")], "@odata.deltaLink": "Rows?delta1"}

    url = server(answer).url
    for _ in range(3):
        reading(url, staging, changed="", delta=True)
    assert ["delta1" in p for p in paths] == [False, True, False, False]
    assert "delta2" in paths[2]
    assert len(staging.rows("performance")) == 2


def test_a_page_that_fails_leaves_the_position_where_it_was_and_the_next_run_ends_as_if_it_had_not(server, staging, tmp_path):
    broken = [True]

    def answer(path, headers):
        if "skip" in path:
            return (500, {}, {}) if broken else (200, {}, {"value": [line("2")]})
        return 200, {}, {"value": [line("1")], "@odata.nextLink": "Rows?$skiptoken=skip"}

    url = server(answer).url
    with pytest.raises(ConnectError):
        reading(url, staging)
    broken.clear()
    reading(url, staging)
    whole = Staging(f"sqlite:///{tmp_path / 'whole.db'}")
    reading(url, whole)
    assert dump(staging) == dump(whole)
    whole.close()


@pytest.mark.parametrize(
    ("options", "url", "why"),
    [
        ({"auth": "basic"}, "", "user_env is missing"),
        ({"auth": "bearer", "token_env": "NOT_SET_ANYWHERE"}, "", "NOT_SET_ANYWHERE"),
        ({"auth": "ntlm"}, "", "basic, bearer"), ({"page": 0}, "", "page"), ({"patience_s": "long"}, "", "patience_s"),
        ({}, "ftp://host", "OData service"), ({}, "http://me:secret@host/x", "environment"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_is_refused_at_once(options, url, why):
    with pytest.raises(ConfigError, match=why):
        OData(SourceConfig("sap", url or "http://127.0.0.1:9", (mapping("Rows"),), options))


def test_a_bearer_token_comes_from_the_environment(server, staging, monkeypatch):
    monkeypatch.setenv("ERP_TOKEN", "t0ken")
    seen = server(lambda p, h: (200, {}, {"value": [line("1")]}))
    reading(seen.url, staging, auth="bearer", token_env="ERP_TOKEN")
    assert seen.asked[0][2]["authorization"] == "Bearer t0ken"


REQUEST = WorkRequest("case-1", "sp-01", "seal", "leak", "because", 2, "", "", "", "renew", 0.5, 1.0)


def test_a_post_carries_the_csrf_token_that_was_fetched_and_its_cookie(server):
    def answer(path, headers, body=b""):
        if not body:
            return 200, {"x-csrf-token": "abc", "set-cookie": "session=7"}, {"value": []}
        if headers.get("x-csrf-token") != "abc" or "session=7" not in headers.get("cookie", ""):
            return 403, {"x-csrf-token": "Required"}, {}
        return 201, {}, {"d": {"__metadata": {}, "OrderId": "4711", **json.loads(body)}}

    seen = server(answer)
    writer = ODataWriter(
        SourceConfig("sap", seen.url, ()), Target("Orders", {"reference": "Ref", "asset": "Equi"}, {"Kind": "PM01"})
    )
    assert writer.find("case-1") is None
    assert writer.send(REQUEST) == "4711"
    writer.close()
    assert json.loads(seen.asked[-1][3]) == {"Kind": "PM01", "Ref": "case-1", "Equi": "sp-01"}
