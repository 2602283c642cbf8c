"""The pages as people use them: what stands on them, by role and name; the keyboard; both themes; a phone; bad days."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sample_plant import HOUR_NS, NOW_NS, SECOND_NS, TOKEN, publish_snapshot, sample_snapshot, sample_tick
from served import wait_until

from didymos.core.case import Event
from didymos.formats.wire import pack, unpack

expect = pytest.importorskip("playwright.sync_api").expect


def test_the_fleet_page_says_what_needs_somebody_worst_first(open_page):
    page = open_page("/")
    expect(
        page.get_by_text("3 of 20 machines need action; 1 more likely than not to fail before the next planned stop.")
    ).to_be_visible()
    rows = page.get_by_role("grid").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(20)
    names = [rows.nth(i).get_by_role("rowheader").locator("b").inner_text() for i in range(4)]
    assert names == ["Coolant pump 3", "Spindle 2", "Press motor 1", "Conveyor motor 4"]
    expect(rows.first).to_contain_text("critical")
    expect(rows.first).to_contain_text("68")
    expect(rows.first.get_by_role("img", name=re.compile(r"median 3\.1.*d"))).to_be_visible()
    expect(page.get_by_role("status", name="machines with an open case: 1 critical, 1 high, 1 medium, 1 advisory")).to_be_visible()
    expect(page.get_by_role("status", name="connection: live")).to_be_visible()
    expect(page.get_by_label("plant time")).to_contain_text("Tue 10 Mar, 10:40")  # 09:40 UTC is 10:40 in Berlin in winter


def test_the_keyboard_goes_from_the_fleet_to_the_worst_machine_and_back(open_page):
    page = open_page("/")
    rows = page.get_by_role("grid").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(20)
    for key in ("j", "j", "ArrowDown", "k"):
        page.keyboard.press(key)
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/asset/sp-02$"))
    expect(page.get_by_role("heading", name="Spindle 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(rows).to_have_count(20)


def test_one_tab_stop_leads_into_the_rows(open_page):
    page = open_page("/")
    rows = page.get_by_role("grid").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(20)
    assert page.get_by_role("grid").locator("[tabindex='0']").count() == 1


def test_a_column_sorts_and_the_address_keeps_it(open_page):
    page = open_page("/")
    first = page.get_by_role("grid").locator("tbody").get_by_role("row").first
    page.get_by_role("button", name="Machine", exact=True).click()
    expect(first).to_contain_text("Chip conveyor")
    expect(page).to_have_url(re.compile("sort=machine"))
    page.reload()
    expect(first).to_contain_text("Chip conveyor")
    expect(page.get_by_role("columnheader", name="Machine")).to_have_attribute("aria-sort", "ascending")


def test_an_area_filters_the_table(open_page):
    page = open_page("/")
    page.get_by_role("navigation", name="Areas").get_by_role("button", name="Coolant").click()
    expect(page.get_by_role("grid").locator("tbody").get_by_role("row")).to_have_count(5)


def test_the_order_is_held_while_the_pointer_is_in_the_table(open_page, plant):
    page = open_page("/")
    rows = page.get_by_role("grid").locator("tbody").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Spindle 2")
    rows.nth(10).hover()
    hot = replace(sample_snapshot(plant.view.asset("pm-02"), NOW_NS, 9002), p_fail_next_stop=0.44)
    plant.place.run(publish_snapshot(plant.bus, hot))
    expect(page.get_by_role("button", name=re.compile("moved – apply"))).to_be_visible()
    expect(rows.nth(4)).not_to_contain_text("Press motor 2")
    page.get_by_role("button", name=re.compile("moved – apply")).click()
    expect(rows.nth(4)).to_contain_text("Press motor 2")


def test_the_asset_page_says_what_when_and_why(open_page):
    page = open_page("/asset/cp-03")
    expect(page.get_by_role("heading", name="Coolant pump 3")).to_be_visible()
    head = page.get_by_role("region", name="State")
    expect(head).to_contain_text("critical")
    expect(head).to_contain_text(re.compile(r"68\s%"))
    expect(head).to_contain_text("Replace the wear ring at the stop on 14 March")
    expect(head).to_contain_text("Wear ring P-4713")
    why = page.get_by_role("region", name="Why")
    expect(why).to_contain_text("Wear ring clearance has grown to 2.4 times")
    expect(why.get_by_role("table", name="Evidence").get_by_role("row").first).to_contain_text(re.compile(r"58\s%.*drift"))
    expect(why).to_contain_text("runner-up: cavitation")
    life = page.get_by_role("region", name="When it fails")
    expect(life).to_contain_text("In 14 of 20 futures it fails before the stop")
    expect(life.get_by_role("img", name=re.compile("Probability of failure over time"))).to_be_visible()
    wear = page.get_by_role("region", name="Wear against commissioning")
    expect(wear.get_by_role("img", name=re.compile("95 % interval .* at commissioning 0.250 mm"))).to_be_visible()
    expect(page.get_by_role("region", name="Components")).to_contain_text("SN-CP03-1")
    expect(page.get_by_role("region", name="Cases")).to_contain_text("Verdict: confirmed")


def test_every_sensor_is_drawn_measured_against_twin(open_page):
    page = open_page("/asset/cp-03")
    trends = page.get_by_role("region", name="Measured against twin")
    for name in ("Discharge pressure", "Shaft power", "Seal leakage", "Vibration velocity, rms"):
        expect(trends.get_by_role("img", name=re.compile(f"{name}: measured .* twin"))).to_be_visible()
    expect(trends.locator("canvas")).to_have_count(4)
    wait_until(lambda: painted(page) > 500)


def painted(page) -> int:
    """Pixels of the first strip that hold the colour of the twin's line, which nothing else has."""
    return page.evaluate("""() => {
        const canvas = document.querySelector("canvas"), copy = document.createElement("canvas");
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext("2d", {willReadFrequently: true});
        context.drawImage(canvas, 0, 0);
        const data = context.getImageData(0, 0, copy.width, copy.height).data;
        let n = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 40 && data[i + 2] > data[i] + 60) n += 1;
        return n; }""")


def test_live_ticks_continue_the_history(open_page, plant):
    """The clock of the page and the last sample move with the ticks that arrive after it was opened."""
    page = open_page("/asset/cp-03?days=1")
    expect(page.get_by_role("region", name="Measured against twin").locator("canvas")).to_have_count(4)
    wait_until(lambda: painted(page) > 200)
    for step in range(1, 25):
        plant.clock.now = NOW_NS + step * 300 * SECOND_NS
        plant.place.run(plant.bus.notify("live.cp-03", pack(sample_tick(plant.view.asset("cp-03"), plant.clock.now))))
    expect(page.get_by_label("plant time")).to_contain_text("12:40")


def test_a_spindle_shows_the_fault_lines_in_its_envelope_spectrum(open_page):
    page = open_page("/asset/sp-02")
    region = page.get_by_role("region", name="Envelope spectrum")
    expect(region.get_by_role("img", name=re.compile("BPFO 40[0-9] Hz"))).to_be_visible()
    expect(region).to_contain_text("shaft at 28")


def test_a_machine_without_a_model_says_why_it_has_no_life(open_page):
    page = open_page("/asset/hu-01")
    expect(page.get_by_role("region", name="When it fails")).to_contain_text("no failure mode is configured")
    expect(page.get_by_role("region", name="Cases")).to_contain_text("No case was ever opened")


def test_a_withheld_life_gives_its_reason(open_page, plant):
    motor = sample_snapshot(plant.view.asset("cm-02"), NOW_NS, 9003)
    held = tuple(replace(each, quantiles_s=(), p_fail=(), withheld="speed outside the calibrated range") for each in motor.life)
    plant.place.run(publish_snapshot(plant.bus, replace(motor, life=held)))
    page = open_page("/asset/cm-02")
    expect(page.get_by_role("region", name="When it fails")).to_contain_text("withheld: speed outside the calibrated range")


def test_a_verdict_given_on_the_page_reaches_the_plant_stream(open_page, plant):
    page = open_page(f"/asset/cp-03#token={TOKEN}")
    cases = page.get_by_role("region", name="Cases")
    expect(page).to_have_url(re.compile("cp-03$"))
    cases.get_by_text("Decide").click()
    cases.get_by_label("verdict").select_option("confirmed")
    cases.get_by_label("note").fill("ring was scored")
    cases.get_by_role("button", name="Close").click()
    expect(cases).to_contain_text("Recorded")
    (event,) = plant.place.run(events(plant))
    assert (event.kind, event.body["state"], event.body["verdict"], event.body["note"]) == (
        "case_verdict",
        "closed",
        "confirmed",
        "ring was scored",
    )


async def events(plant) -> list[Event]:
    reader = await plant.bus.subscribe("plant", ["evt.*"], 0)
    return [unpack(Event, message.data) for message in await reader.fetch(10, 0.1)]


def test_old_estimates_are_shown_as_no_data(open_page, plant):
    plant.clock.now = NOW_NS + 30 * HOUR_NS
    page = open_page("/")
    expect(page.get_by_text("20 without data.")).to_be_visible()
    expect(page.get_by_role("grid").locator("tbody").get_by_role("row").nth(4)).to_contain_text("no data")


@pytest.mark.parametrize("path", ["/", "/asset/cp-03", "/asset/sp-02"])
def test_no_page_is_wider_than_its_window_and_both_themes_have_their_ground(open_page, path):
    page = open_page(path)
    expect(page.get_by_role("region").nth(1)).to_be_visible()
    for width, height in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for _ in range(50):  # charts follow the window in their next frames
            if page.evaluate("document.documentElement.scrollWidth") <= width:
                break
            page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for scheme, ground in (("dark", "rgb(35, 39, 43)"), ("light", "rgb(217, 220, 223)")):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_css("background-color", ground)


def test_the_theme_button_is_remembered(open_page):
    page = open_page("/")
    page.get_by_role("button", name=re.compile("colours: system; change to light")).click()
    page.get_by_role("button", name=re.compile("colours: light; change to dark")).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
