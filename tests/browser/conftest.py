"""The page in headless Chromium over the sample plant. Skipped, saying so, where Chromium or the built page is absent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "service"))

from sample_plant import TOKEN, SampleHistory, StillClock, publish_sample, sample_plant
from served import Served, served, wait_until

from didymos.data.stream.memory import MemoryBus
from didymos.service.app import create_app
from didymos.service.live import Live
from didymos.service.pages import STATIC
from didymos.service.read_model import PlantView

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}; install the system package chromium")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built; run `python hatch_build.py`")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)  # a busy machine is slow, not wrong
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@dataclass(slots=True)
class Plant:
    """The running application and what a test moves in it."""

    place: Served
    bus: MemoryBus
    view: PlantView
    clock: StillClock
    live: Live


@pytest.fixture
def plant() -> Iterator[Plant]:
    view, bus, clock = sample_plant(), MemoryBus(), StillClock()
    app = create_app(bus, SampleHistory(view), view, clock, TOKEN)
    with served(app) as place:
        place.run(publish_sample(bus, view))
        wait_until(lambda: len(app.state.context.model.snapshots) == len(view.assets))
        yield Plant(place, bus, view, clock, app.state.live)


@dataclass(slots=True)
class Watched:
    """A page and everything it complained about or asked for."""

    page: object
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(chromium, plant):
    """`open_page("/", width=..., scheme=...)`: the page, opened and watched. At the end nothing may have gone wrong in it."""
    seen: list[Watched] = []

    def opened(path: str, width: int = 1280, height: int = 800, scheme: str = "light"):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        watched = Watched(page)
        seen.append(watched)
        page.on("console", lambda m: watched.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("request", lambda r: None if same_origin(r.url, plant.place.url) else watched.elsewhere.append(r.url))
        page.goto(plant.place.url + path)
        return page

    yield opened
    for watched in seen:
        watched.page.context.close()
        assert watched.complaints == []
        assert watched.elsewhere == []


def same_origin(url: str, home: str) -> bool:
    return url.startswith((home + "/", "data:", home.replace("http", "ws") + "/"))
