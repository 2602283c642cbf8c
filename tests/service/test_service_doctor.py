"""GET /api/v1/doctor: what the command says, as JSON."""

from __future__ import annotations

from sample_plant import TOKEN
from served import client_of
from tests.plant.small import plant_text

from didymos.plant.config import load
from didymos.plant.diagnosis import diagnose
from didymos.plant.doctor import Facts
from didymos.service.app import create_app


def test_the_doctor_answers_with_every_hop_and_what_is_wrong(sample, tmp_path):
    (tmp_path / "plant.toml").write_text(plant_text())
    plant = load(tmp_path / "plant.toml")

    async def examine():
        return diagnose(Facts(plant, 1, silent={"worker": "nobody answers for partition 3 (cp-01)"}))

    app = create_app(sample.bus, sample.history, sample.plant, sample.clock, TOKEN, tmp_path, examine)
    with client_of(app) as client:
        found = client.get("/api/v1/doctor").json()
    assert found["ok"] is False
    assert "worker does not answer: nobody answers for partition 3 (cp-01)" in [t["what"] for t in found["troubles"]]
    assert all(t["do"] for t in found["troubles"])
    assert {h["hop"] for h in found["hops"]} == {"source", "edge", "stream", "worker", "historian"}
    assert {c["state"] for c in found["channels"]} == {"never"}


def test_a_service_without_a_plant_file_has_no_doctor_and_says_so(client):
    answer = client.get("/api/v1/doctor")
    assert answer.status_code == 404
    assert "plant file" in answer.json()["todo"]
