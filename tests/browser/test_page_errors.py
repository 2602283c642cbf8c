"""Pages on a bad day: an address that does not exist, a stream that falls silent.
The browser itself logs the refused request; that is expected here."""

from __future__ import annotations

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def test_an_unknown_machine_is_refused_with_the_nearest_names(page, plant):
    page.goto(plant.place.url + "/asset/cp-33")
    expect(page.get_by_role("alert")).to_contain_text("No such asset")
    expect(page.get_by_role("alert")).to_contain_text("cp-03")


def test_when_the_stream_falls_silent_the_page_says_since_when(page, plant):
    page.goto(plant.place.url + "/")
    expect(page.get_by_role("status", name="connection: live")).to_be_visible()
    plant.place.run(stop_sending(plant))
    expect(page.get_by_role("status", name=re.compile(r"connection: no data since \d\d:\d\d Europe.Berlin"))).to_be_visible(
        timeout=15_000
    )
    assert page.locator(".veil.stale").count() == 1


async def stop_sending(plant) -> None:
    """The fleet topic forgets its readers: the socket stays open and nothing comes any more."""
    plant.live.topics["fleet"].readers.clear()
