"""The API over the sample plant: what a worker published is what a client reads."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from sample_plant import (
    DAY_NS,
    HOUR_NS,
    NOW_NS,
    ORDERS,
    STOP_NS,
    TOKEN,
    SampleHistory,
    StillClock,
    publish_snapshot,
    sample_plant,
    sample_snapshot,
)
from served import client_of, wait_until
from test_service_errors import published, work_order

from didymos.core.calendar import Calendar
from didymos.core.estimate import Change, Fidelity, SensorStatus
from didymos.data.stream.memory import MemoryBus
from didymos.service.app import create_app
from didymos.service.pages import CSP, load_pages
from didymos.service.routes.history import thinned
from didymos.service.routes.waveform import spectra

API = "/api/v1/"
OWNER = {"Authorization": f"Bearer {TOKEN}"}
MS = 1_000_000


def test_assets_are_listed_in_the_order_of_the_plant_file_and_paged_by_the_link_header(client, sample):
    names, path = [], API + "assets?limit=7"
    for _ in range(3):
        answer = client.get(path)
        names += [row["id"] for row in answer.json()]
        assert answer.headers["x-total-count"] == "20"
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert path == ""
    assert names == [asset.id for asset in sample.plant.assets]


def test_an_asset_row_says_what_the_snapshot_and_the_case_say(client, sample):
    row = next(row for row in client.get(API + "assets").json() if row["id"] == "cp-03")
    snapshot = sample_snapshot(sample.plant.asset("cp-03"))
    assert row["p_fail_next_stop"] == pytest.approx(snapshot.p_fail_next_stop)
    assert row["deviation"] == {
        "channel": "discharge_pressure",
        "title": "Discharge pressure",
        "sigma": pytest.approx(5.2, abs=0.02),
    }
    assert row["life"]["mode"] == "wear_ring"
    assert row["life"]["quantiles_s"]["0.5"] == pytest.approx(dict(snapshot.life[0].quantiles_s)[0.5])
    assert (row["priority"], row["case"]["id"], row["case"]["state"]) == (1, "cp-03-wear_ring-1", "open")
    assert (row["status"], row["stale"], row["running"]) == ("M", False, True)


def test_fidelity_sensor_status_and_changes_leave_as_the_snapshot_has_them(client, place, sample):
    asset = sample.plant.asset("cp-03")
    fidelity = Fidelity(0.61, "explained", 0.61, 1.0, 1.0, 0.9, 0.7, 1.4)
    status = SensorStatus("flow", "Flow", "M", "unexplained_step", "stepped", 0.8, 0.4)
    change = Change("c-1", "sensor_step", NOW_NS, NOW_NS, "flow stepped up", (("sensor_step", 0.9),), "flow", "WO-1")
    newer = replace(sample_snapshot(asset, NOW_NS, 9001), fidelity=fidelity, sensors=(status,), changes=(change,))
    place.run(publish_snapshot(sample.bus, newer))
    wait_until(lambda: client.get(API + "assets/cp-03").json()["fidelity"] is not None)
    row = client.get(API + "assets/cp-03").json()
    assert (row["fidelity"]["score"], row["fidelity"]["weakest"], row["fidelity"]["nis_high"]) == (0.61, "explained", 1.4)
    assert [(s["channel"], s["status"], s["condition"]) for s in row["sensors"]] == [("flow", "M", "unexplained_step")]
    (told,) = row["changes"]
    assert (told["time"], told["candidates"], told["explained"]) == (NOW_NS // 1_000_000, {"sensor_step": 0.9}, "WO-1")
    assert next(r for r in client.get(API + "assets").json() if r["id"] == "hu-01")["fidelity"] is None


def test_the_probability_at_the_next_stop_is_read_off_the_curve(client, sample):
    """Linear between the curve's points, which are one day apart: the naive interpolation is written out here."""
    life = client.get(API + "assets/cp-03/life").json()[0]
    seconds = (STOP_NS - (NOW_NS - HOUR_NS // 3)) / 1e9
    day = int(seconds // 86400)
    (t0, p0), (t1, p1) = life["p_fail"][day], life["p_fail"][day + 1]
    assert life["p_fail_next_stop"] == pytest.approx(p0 + (p1 - p0) * (seconds - t0) / (t1 - t0))


def test_a_machine_without_failure_modes_withholds_life_and_says_so(client):
    assert client.get(API + "assets/hu-01/life").json() == []
    row = client.get(API + "assets/hu-01").json()
    assert (row["life"], row["withheld"]) == (None, "no failure mode configured")


def test_an_asset_that_was_never_published_is_listed_as_without_data(sample, tmp_path):
    app = create_app(MemoryBus(), sample.history, sample.plant, sample.clock, TOKEN, tmp_path)
    with client_of(app) as client:
        row = client.get(API + "assets/cp-01").json()
        assert (row["stale"], row["validity"]["ok"], row["p_fail_30d"], row["belief"]) == (True, False, None, [])
        assert client.get(API + "assets/cp-01/why").json()["evidence"] == []


def test_an_estimate_older_than_the_limit_is_stale(client, sample):
    sample.clock.now = NOW_NS + int(sample.plant.stale_s * 1e9)
    assert client.get(API + "assets/cp-01").json()["stale"] is True
    assert client.get(API + "health").json()["status"] == "stale"


def test_not_a_number_leaves_as_null(client, place, sample):
    snapshot = sample_snapshot(sample.plant.asset("cp-01"), NOW_NS, 9001)
    broken = replace(snapshot, estimates=(replace(snapshot.estimates[0], value=float("nan"), high=float("inf")),))
    place.run(publish_snapshot(sample.bus, broken))
    wait_until(lambda: len(client.get(API + "assets/cp-01").json()["belief"]) == 1)
    belief = client.get(API + "assets/cp-01").json()["belief"]
    assert (belief[0]["value"], belief[0]["high"]) == (None, None)


def test_a_newer_snapshot_replaces_the_older_one(client, place, sample):
    snapshot = replace(sample_snapshot(sample.plant.asset("cp-01"), NOW_NS, 9001), p_fail_next_stop=0.25)
    place.run(publish_snapshot(sample.bus, snapshot))
    wait_until(lambda: client.get(API + "health").json()["sequence"] == 26)
    assert client.get(API + "assets/cp-01").json()["p_fail_next_stop"] == 0.25


def test_history_asks_the_historian_for_that_channel_period_and_knowledge(client, sample):
    start, end = NOW_NS // MS - 86_400_000, NOW_NS // MS
    answer = client.get(API + f"history?channel=cp-03.flow&start={start}&end={end}&points=24&as_of={end}").json()
    assert sample.history.asked[-1] == ("buckets", "cp-03.flow", start * MS, end * MS, 24, end * MS)
    assert answer["unit"] == "m3/s"
    assert len(answer["rows"]) == 24
    assert all(low <= mean <= high for _, low, mean, high, _ in answer["rows"])


def test_the_twin_series_is_what_the_stored_snapshots_said(client, sample):
    start, end = (NOW_NS - DAY_NS) // MS, NOW_NS // MS
    rows = client.get(API + f"assets/cp-03/twin?channel=discharge_pressure&start={start}&end={end}").json()["rows"]
    assert len(rows) == 24
    said = sample_snapshot(sample.plant.asset("cp-03"), rows[5][0] * MS).estimates[2]
    assert rows[5][1:] == [said.value, said.low, said.high]


def test_a_thinned_band_contains_every_band_it_stands_for():
    rows = [(i, float(i), float(-i), float(i * i % 17)) for i in range(1000)]
    thin = thinned(rows, 40)
    assert len(thin) == 40
    assert min(row[2] for row in thin) == -999.0
    assert max(row[3] for row in thin) == 16.0
    assert thin[-1][:2] == (999, 999.0)


def test_the_spectrum_of_a_sine_peaks_at_its_frequency_with_its_amplitude(sample):
    """A sine of amplitude 3 at a whole bin: a Hann window corrected for its gain reads exactly 3 there."""
    from didymos.core.series import Waveform

    t = np.arange(8192) / 8192.0
    wave = Waveform("sp-02.acceleration", NOW_NS, 8192.0, (3.0 * np.sin(2 * np.pi * 500 * t)).astype(np.float32), "m/s2")
    answer = spectra(wave, "acceleration", sample.plant.asset("sp-02"), None, 300)
    assert len(answer.spectrum) <= 300
    assert max(answer.spectrum, key=lambda row: row[1]) == (500.0, pytest.approx(3.0, rel=1e-5))
    assert answer.lines == []


def test_the_envelope_spectrum_shows_the_fault_line_where_the_api_draws_it(client):
    """The sample waveform rings once per outer-race event; order x shaft frequency is the closed form of that line."""
    answer = client.get(API + "assets/sp-02/waveform?channel=acceleration").json()
    bpfo = next(line["hz"] for line in answer["lines"] if line["name"] == "BPFO")
    assert bpfo == pytest.approx(ORDERS[0][1] * answer["speed_hz"])
    strongest = max((row for row in answer["envelope"] if row[0] > 20), key=lambda row: row[1])
    assert min(abs(strongest[0] - k * bpfo) for k in (1, 2)) < 4.0


def test_cases_come_most_urgent_first_and_closed_ones_last(client):
    rows = client.get(API + "cases").json()
    assert [row["priority"] for row in rows] == [1, 2, 3, 4, 2]
    assert rows[-1]["state"] == "closed"
    assert len(client.get(API + "cases?state=active").json()) == 4
    assert [row["id"] for row in client.get(API + "cases?asset=sp-02").json()] == ["sp-02-front_bearing_fatigue-1"]


def test_a_verdict_becomes_one_event_however_often_it_is_sent(client, place, sample):
    for _ in range(2):
        answer = client.post(API + "cases/cp-03-wear_ring-1/close", json={"verdict": "confirmed", "note": "scored"}, headers=OWNER)
        assert answer.status_code == 202
    events = published(place, sample)
    assert len(events) == 1
    body = {"case": "cp-03-wear_ring-1", "state": "closed", "verdict": "confirmed", "note": "scored", "who": ""}
    assert (events[0].kind, events[0].asset, events[0].time_ns, events[0].body) == ("case_verdict", "cp-03", NOW_NS, body)


def test_a_work_order_keeps_its_own_time_and_says_when_it_was_known(client, place, sample):
    late = NOW_NS // MS - 3 * 86_400_000
    assert client.post(API + "events", json=work_order(time=late), headers=OWNER).status_code == 202
    (event,) = published(place, sample)
    assert (event.time_ns, event.known_ns, event.body["component"]) == (late * MS, NOW_NS, "wear_ring")


def test_a_service_without_a_token_is_read_only(sample, tmp_path):
    app = create_app(sample.bus, sample.history, sample.plant, sample.clock, None, tmp_path)
    with client_of(app) as client:
        answer = client.post(API + "events", json=work_order(), headers=OWNER)
        assert (answer.status_code, "read-only" in answer.json()["detail"]) == (403, True)
        assert client.get(API + "plant").json()["writable"] is False


def test_plant_names_the_next_planned_stops(client):
    """The sample calendar repeats weekly from STOP_NS."""
    plant = client.get(API + "plant").json()
    assert plant["stops"][:2] == [STOP_NS // MS, (STOP_NS + 7 * DAY_NS) // MS]
    assert (plant["name"], plant["timezone"], plant["now"]) == ("Line 7", "Europe/Berlin", NOW_NS // MS)


def test_a_plant_without_stops_and_machines_is_served(tmp_path):
    empty = replace(sample_plant(), assets=(), calendar=Calendar())
    with client_of(create_app(MemoryBus(), SampleHistory(empty), empty, StillClock(), None, tmp_path)) as client:
        assert client.get(API + "assets").json() == []
        assert client.get(API + "plant").json()["stops"] == []


def test_every_answer_carries_the_content_security_policy(client):
    for path in ("/", API + "assets", API + "assets/none", "/static/x/app.js"):
        assert client.get(path).headers["content-security-policy"] == CSP
        assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_without_a_built_page_the_root_says_how_to_build_it(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert "python hatch_build.py" in answer.text


def test_files_are_cached_for_ever_under_the_version_of_their_content(sample, tmp_path):
    (tmp_path / "index.html").write_text("<title>__PLANT__</title><script src='/static/__VERSION__/app.js'></script>")
    (tmp_path / "app.js").write_text("let a = 1;")
    first = load_pages(tmp_path, "A & B")
    with client_of(create_app(sample.bus, sample.history, sample.plant, sample.clock, None, tmp_path)) as client:
        page = client.get("/asset/cp-01")
        assert page.headers["cache-control"] == "no-cache"
        file = client.get(f"/static/{first.version}/app.js")
        assert (file.text, "immutable" in file.headers["cache-control"]) == ("let a = 1;", True)
        assert client.get("/static/older/app.js").status_code == 404
        assert client.get(f"/static/{first.version}/%2e%2e/app.py").status_code == 404
    assert b"A &amp; B" in first.page
    (tmp_path / "app.js").write_text("let a = 2;")
    assert load_pages(tmp_path, "A & B").version != first.version


def test_openapi_describes_every_route(client):
    described = client.get(API + "openapi.json").json()
    paths = {"assets", "assets/{asset_id}", "assets/{asset_id}/life", "assets/{asset_id}/why", "assets/{asset_id}/twin",
             "assets/{asset_id}/waveform", "history", "history/rollup",
             "history/state", "sql", "samples", "cases", "cases/{case_id}/{action}", "events", "health", "plant",
             "doctor", "assets/{asset_id}/events", "assets/{asset_id}/lifecycle", "assets/{asset_id}/fields",
             "hierarchy"}  # fmt: skip
    assert {API + path for path in paths} == set(described["paths"])
    assert "p_fail_next_stop" in described["components"]["schemas"]["AssetRow"]["properties"]


def test_following_survives_a_bus_that_is_not_there_yet(sample, tmp_path, monkeypatch):
    """The first subscription fails as a lost server does; the second succeeds a second later."""
    from didymos.core.errors import ConnectError
    from didymos.service.read_model import ReadModel

    model, calls, subscribe = ReadModel(), [], sample.bus.subscribe

    async def flaky(stream, subjects, after):
        calls.append(stream)
        if len(calls) == 1:
            raise ConnectError("nats://nowhere: no answer")
        return await subscribe(stream, subjects, after)

    async def follow_until_filled():
        monkeypatch.setattr(type(sample.bus), "subscribe", lambda self, *args: flaky(*args))
        task = asyncio.create_task(model.follow(sample.bus))
        async with asyncio.timeout(20):
            while len(model.snapshots) < 20:
                await asyncio.sleep(0.02)
        task.cancel()

    asyncio.run(follow_until_filled())
    assert len(calls) == 2
