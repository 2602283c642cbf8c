"""Bad requests: each is refused with who, what was given, what is allowed and what to do."""

from __future__ import annotations

import pytest
from sample_plant import NOW_NS, TOKEN
from served import wait_until

from didymos.core.case import Event
from didymos.formats.wire import unpack

API = "/api/v1/"
OWNER = {"Authorization": f"Bearer {TOKEN}"}
CASE = "cases/cp-03-wear_ring-1/"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("assets/cp-99", 404, "cp-0"),
        ("assets/CP%2003", 400, "a-z 0-9"),
        ("assets/" + "a" * 200, 400, "1 to 128"),
        ("assets/cp-99/life", 404, "cp-0"),
        ("assets/cp-99/why", 404, "cp-0"),
        ("assets?limit=0", 422, "greater than or equal to 1"),
        ("assets?limit=many", 422, "integer"),
        ("assets?offset=-1", 422, "greater than or equal to 0"),
        ("history", 422, "channel"),
        ("history?channel=flow", 400, "<asset>.<channel>"),
        ("history?channel=cp-01.", 400, "<asset>.<channel>"),
        ("history?channel=cp-01.flows", 404, "cp-01.flow"),
        ("history?channel=cp-01.flow&start=2000&end=1000", 400, "start < end"),
        ("history?channel=cp-01.flow&start=yesterday", 422, "integer"),
        ("history?channel=cp-01.flow&points=0", 422, "points"),
        ("history?channel=cp-01.flow&start=-5", 422, "start"),
        ("assets/cp-01/twin?channel=flows", 404, "flow"),
        ("history/rollup?path=Wendlingen/Milking&channel=speed", 404, "Wendlingen/Machining"),
        ("history/rollup?path=Wendl&channel=speed", 404, "Take a path, or a beginning of it"),
        ("history/rollup?channel=velocity", 404, "Take a name without its machine"),
        ("history/rollup?channel=speed&how=median", 422, "'sum', 'mean', 'min' or 'max'"),
        ("history/rollup?path=Wendlingen", 422, "channel"),
        ("sql", 422, "query"),
        ("sql?query=DROP%20TABLE%20samples", 422, "allowed is one SELECT"),
        ("samples?channel=cp-01.flows", 404, "cp-01.flow"),
        ("samples?channel=cp-01.flow&after_ns=-1", 422, "after_ns"),
        ("assets/cp-01/twin", 422, "channel"),
        ("assets/cp-01/waveform?channel=flow", 404, "none configured"),
        ("assets/sp-01/waveform?channel=acceleration", 404, "Ask for a later moment"),
        ("cases?state=lost", 422, "'open', 'accepted', 'work', 'closed' or 'active'"),
        ("nothing-here", 404, "openapi.json"),
    ],
)
def test_a_bad_question_is_refused_with_what_is_allowed(client, path, status, said):
    answer = client.get(API + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "detail", "instance", "who", "given", "allowed", "todo"} <= set(problem)
    assert said in problem["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer"}, 401),
    ],
)
def test_nobody_changes_anything_without_the_token(client, sample, headers, status):
    answer = client.post(API + CASE + "accept", json={}, headers=headers)
    assert answer.status_code == status
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert client.post(API + "events", json=work_order(), headers=headers).status_code == status


def work_order(**changed):
    fact = {"id": "WO-7", "kind": "work_order_closed", "asset": "cp-03", "time": NOW_NS // 1_000_000 - 1000}
    return {**fact, "body": {"component": "wear_ring", "new_serial": "S-2"}, **changed}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (CASE + "close", {}, 422, "confirmed, other_cause, false_alarm, unclear"),
        (CASE + "close", {"verdict": "maybe"}, 422, "'confirmed'"),
        (CASE + "accept", {"note": "x" * 3000}, 422, "2000"),
        (CASE + "reopen", {}, 422, "'accept', 'work' or 'close'"),
        ("cases/cp-03-seal-1/accept", {}, 409, "it is closed"),
        ("cases/cp-03-wear_ring-9/accept", {}, 404, "cp-03-wear_ring-1"),
        ("cases/..%20x/accept", {}, 400, "a-z 0-9"),
        ("events", work_order(body={"component": "x"}), 422, "wear_ring, impeller, seal"),
        ("events", work_order(asset="cp-77"), 404, "cp-0"),
        ("events", work_order(time=NOW_NS // 1_000_000 + 60_000), 422, "lies in the future"),
        ("events", work_order(kind="party"), 422, "work_order_closed"),
        ("events", work_order(id="no spaces"), 422, "pattern"),
    ],
)
def test_a_bad_change_is_refused_and_publishes_nothing(client, place, sample, path, body, status, said):
    before = published(place, sample)
    answer = client.post(API + path, json=body, headers=OWNER)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert published(place, sample) == before


def published(place, sample) -> list[Event]:
    """Events on the plant stream so far."""

    async def read() -> list[Event]:
        reader = await sample.bus.subscribe("plant", ["evt.*"], 0)
        return [unpack(Event, message.data) for message in await reader.fetch(100, 0.05)]

    return place.run(read())


def test_a_message_that_is_no_snapshot_is_counted_and_the_rest_is_served(client, place, sample):
    place.run(sample.bus.publish("res.1.snapshot.cp-01", b"\x93garbage", "broken"))
    wait_until(lambda: client.get(API + "health").json()["rejected"] == 1)
    assert client.get(API + "assets/cp-01").json()["validity"]["ok"] is True
