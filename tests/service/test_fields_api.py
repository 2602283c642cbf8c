"""GET assets/{id}/fields and the field frame: what the worker published, on the surface of the artefact it belongs to."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from dataclasses import replace

import httpx
import numpy as np
import pytest
from tests.plant.test_fields import fields_in, housing, plant_of, said, stream  # noqa: F401  the fixture and its plant

from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.field import digest, read
from didymos.core.ports import Message
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack
from didymos.numerics.rom.live import temperature
from didymos.plant.loop import Loop
from didymos.service.app import create_app
from didymos.service.live import Reader
from didymos.service.serve import plant_view


@pytest.fixture(scope="module")
def served(housing):  # noqa: F811
    """(application, published results, artefact)."""
    plant = plant_of(housing)
    results = fields_in(said(Loop(plant), stream(30)))[-1]
    app = create_app(MemoryBus(), None, plant_view(plant), plant.clock, None, housing[0] / "absent", configured=plant)
    return app, results, read((housing[0] / "housing.npz").read_bytes())


def told(app, results):
    app.state.context.model.take(Message(1, f"res.{partition('sp-01')}.field.sp-01", pack(results)))


def get(app, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get(f"/api/v1/{path}")

    return asyncio.run(ask())


def test_before_the_first_result_there_is_none_and_an_unknown_machine_is_told(housing):  # noqa: F811
    plant = plant_of(housing)
    app = create_app(MemoryBus(), None, plant_view(plant), plant.clock, None, housing[0] / "absent", configured=plant)
    assert get(app, "assets/sp-01/fields").json() == []
    assert get(app, "assets/sp-99/fields").status_code == 404
    assert get(app, "assets/sp-01/fields?surface=maybe").status_code == 422


def test_garbage_on_the_field_subject_is_counted_and_passed_over(served):
    app, _, _ = served
    before = app.state.context.model.rejected
    app.state.context.model.take(Message(1, "res.3.field.sp-01", b"\x00rubbish"))
    assert app.state.context.model.rejected == before + 1


def test_the_answer_holds_surface_hot_spots_and_inputs_of_the_newest_result(served):
    app, results, made = served
    told(app, results)
    row = get(app, "assets/sp-01/fields").json()[0]
    result = results.fields[0]
    assert (row["component"], row["sha256"], row["mesh"]) == ("housing", result.sha256, made.made.mesh)
    assert row["surface"]["temperature_K"] == pytest.approx(temperature(made, result.amount)[made.surface], abs=2e-3)
    assert len(row["surface"]["band_K"]) == len(row["surface"]["points"]) == len(made.surface)
    assert min(row["surface"]["band_K"]) > 0.24  # what the mesh leaves out at least, 1.64 * 0.15 K
    assert [s["stress_Pa"] for s in row["hot_spots"]] == pytest.approx(result.stress)
    assert all(s["low_Pa"] < s["stress_Pa"] < s["high_Pa"] for s in row["hot_spots"])
    assert [(p["name"], tuple(p["point"])) for p in row["places"]] == [(made.sensors[0].name, made.sensors[0].point)]
    assert {i["name"] for i in row["inputs"]} == {i.name for i in made.inputs}
    assert row["surface"]["shapes"] is None
    assert get(app, "assets/sp-01/fields?surface=false").json()[0]["surface"] is None


def test_stress_of_the_surface_and_its_band_agree_with_those_of_the_hot_spots(served):
    app, results, _ = served
    told(app, results)
    row = get(app, "assets/sp-01/fields").json()[0]
    points = np.array(row["surface"]["points"])
    for spot in row["hot_spots"]:
        at = int(np.argmin(np.linalg.norm(points - np.array(spot["point"]), axis=1)))
        assert row["surface"]["stress_Pa"][at] == pytest.approx(spot["stress_Pa"], rel=1e-3, abs=200.0)
        assert row["surface"]["stress_band_Pa"][at] == pytest.approx(spot["high_Pa"] - spot["stress_Pa"], rel=1e-3, abs=200.0)


def test_values_alone_come_without_points_and_faces(served):
    app, results, made = served
    told(app, results)
    surface = get(app, "assets/sp-01/fields?geometry=false").json()[0]["surface"]
    assert (surface["points"], surface["faces"]) == (None, None)
    assert len(surface["temperature_K"]) == len(surface["stress_band_Pa"]) == len(made.surface)


def test_the_machine_says_of_each_field_whether_it_is_shown_and_why_not(served, housing):  # noqa: F811
    app, results, _ = served
    plant = plant_of(housing)
    fresh = create_app(MemoryBus(), None, plant_view(plant), plant.clock, None, housing[0] / "absent", configured=plant)
    (state,) = get(fresh, "assets/sp-01").json()["fields"]
    assert (state["component"], state["title"]) == ("housing", "Spindle housing")
    assert "no result yet" in state["withheld"]
    told(app, results)
    assert get(app, "assets/sp-01").json()["fields"][0]["withheld"] is None
    told(app, of_another_artefact(results))
    withheld = get(app, "assets/sp-01").json()["fields"][0]["withheld"]
    assert digest(b"other")[:12] in withheld
    assert housing[1][:12] in withheld
    told(app, results)


def test_an_old_result_is_marked_as_stale(served):
    app, results, _ = served
    now, limit = app.state.context.clock.now_ns(), int(app.state.context.plant.stale_s * 1e9)
    for age_ns, stale in ((0, False), (limit + 60 * SECOND_NS, True)):
        told(app, replace(results, fields=(replace(results.fields[0], time_ns=now - age_ns),)))
        assert get(app, "assets/sp-01/fields").json()[0]["stale"] is stale
    told(app, results)


def of_another_artefact(results):
    return replace(results, time_ns=results.time_ns + 1, fields=(replace(results.fields[0], sha256=digest(b"other")),))


def test_a_result_of_another_artefact_is_not_shown_on_this_one(served):
    app, results, _ = served
    told(app, of_another_artefact(results))
    assert get(app, "assets/sp-01/fields").json() == []
    told(app, results)


def test_a_field_frame_gives_the_surface_to_a_quarter_kelvin_and_goes_only_to_who_asked(served):
    app, results, made = served
    live, topic = app.state.live, "asset/sp-01/field/housing"
    asked, other = Reader(deque(maxlen=8)), Reader(deque(maxlen=8))
    assert live.wish(asked, f'{{"sub": ["{topic}"]}}') is None
    assert "no topic" in live.wish(other, '{"sub": ["asset/sp-01/field/lid"]}')
    asked.waiting.clear()
    live.shown.clear()
    told(app, results)
    live.changed("sp-01")
    live.changed("sp-01")
    assert len(asked.waiting) == 1
    assert not other.waiting
    frame = asked.waiting[0]
    version, kind, number = struct.unpack_from("<BBH", frame)
    ms, count, _ = struct.unpack_from("<dII", frame, 16)
    level, scale = struct.unpack_from("<ff", frame, 40)
    assert (version, kind, number) == (1, 4, live.topics[topic].number)
    assert ms == results.time_ns / 1e6
    assert frame[32:40] == bytes.fromhex(made.made.mesh[:16])
    coefficient = np.frombuffer(frame, np.int8, count, 48)
    shapes = np.array(get(app, "assets/sp-01/fields?shapes=true").json()[0]["surface"]["shapes"])
    shown = level + scale * shapes @ coefficient
    assert np.abs(shown - temperature(made, results.fields[0].amount)[made.surface]).max() < 0.25
