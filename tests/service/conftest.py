"""The sample plant as a running application on a free loopback port: `place` is where, `client` asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from sample_plant import TOKEN, SampleHistory, StillClock, publish_sample, sample_plant
from served import Served, served, wait_until

from didymos.data.stream.memory import MemoryBus
from didymos.service.app import create_app
from didymos.service.read_model import PlantView


@dataclass(frozen=True, slots=True)
class Sample:
    """The parts of one application under test."""

    app: FastAPI
    bus: MemoryBus
    history: SampleHistory
    plant: PlantView
    clock: StillClock


@pytest.fixture
def sample(tmp_path) -> Sample:
    """The application over a bus that already holds the sample plant's results; no built page."""
    plant, bus, clock = sample_plant(), MemoryBus(), StillClock()
    history = SampleHistory(plant)
    asyncio.run(publish_sample(bus, plant))
    return Sample(create_app(bus, history, plant, clock, TOKEN, tmp_path / "absent"), bus, history, plant, clock)


@pytest.fixture
def place(sample: Sample) -> Iterator[Served]:
    with served(sample.app) as running:
        yield running


@pytest.fixture
def client(place: Served) -> Iterator[httpx.Client]:
    """A client of the running application, once it has read what the bus holds."""
    with httpx.Client(base_url=place.url, trust_env=False) as started:
        wait_until(lambda: started.get("/api/v1/health").json()["sequence"] == 25)
        yield started
