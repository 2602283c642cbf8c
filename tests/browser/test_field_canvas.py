"""Temperature and stress of a component on the asset page's canvas: what is drawn, what is not and why, probe, keyboard, phone.

Values on the page are held against the artefact in Python; pixels against the page's own legend.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from field_plant import ASSET, FieldPlant, field_plant, publish_others, result
from served import served, wait_until
from tests.plant.small import TOML

from didymos.assets.housing import Fineness, Housing
from didymos.assets.housing_field import Job, build
from didymos.core.clock import HOUR_NS
from didymos.core.field import read, write
from didymos.numerics.rom.live import temperature
from didymos.plant.config import load
from didymos.service.field_view import frame_of
from didymos.service.frames import FieldShape, encode_field

expect = pytest.importorskip("playwright.sync_api").expect

TOPIC = f"asset/{ASSET}/field/housing"
MACHINE = """[[asset]]
id = "sp-01"
model = "generic"
commissioned = "2025-01-01T00:00:00Z"
tag = [ { channel = "oil", source = "s", address = "p", unit = "degC" } ]
channel = [ { name = "oil", unit = "K", low = 233.15, high = 473.15 } ]
"""


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    """As `plant` of conftest, with a Field at one spindle and no result of it yet. One for the file: results only go on in time."""
    folder = tmp_path_factory.mktemp("field")
    (folder / "plant.toml").write_text(TOML + MACHINE)
    data = write(build(Job(shape=Housing(ribs=3), fineness=Fineness(1, 1, 1), modes=10, hot_spots=3)))
    found = field_plant(folder, read(data), data, load(folder / "plant.toml"))
    with served(found.app) as place:
        found.place = place
        place.run(publish_others(found))
        wait_until(lambda: len(found.model.snapshots) == len(found.view.assets))
        yield found


@pytest.fixture(scope="module")
def window(chromium, field):
    """One page for the file; nothing may have gone wrong in it at the end."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page, complaints = context.new_page(), []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def page(window, field):
    """The machine's page with a new result under nominal inputs, drawn, nothing chosen."""
    told(field)
    if not window.url.endswith(f"/asset/{ASSET}"):
        window.goto(f"{field.place.url}/asset/{ASSET}")
    shows(window, field)
    region = region_of(window)
    region.get_by_role("application").scroll_into_view_if_needed()
    region.get_by_role("button", name="Reset").click()
    region.get_by_role("button", name="Temperature", exact=True).click()
    return window


def told(plant: FieldPlant, **how) -> None:
    """Publish the next result: later than all before, and known to the API."""
    plant.after_s += 30.0
    plant.publish(result(plant, plant.after_s, **how))
    wait_until(
        lambda: plant.model.fields[ASSET].time_ns == result(plant, plant.after_s).time_ns if ASSET in plant.model.fields else False
    )


def shows(page, plant: FieldPlant, heat: float = 1.0) -> None:
    """Wait until the page says the temperatures of this heat."""
    there = surface_K(plant, heat) - 273.15
    expect(region_of(page)).to_contain_text(f"{there.min():.1f} to {there.max():.1f}")


def region_of(page):
    return page.get_by_role("region", name="Temperature and stress")


def canvas_of(page):
    return region_of(page).locator("canvas")


READ = """canvas => {
    const {width, height} = canvas, copy = new OffscreenCanvas(width, height);
    const on = copy.getContext("2d", {willReadFrequently: true});
    on.drawImage(canvas, 0, 0);
    const data = on.getImageData(0, 0, width, height).data; """


def picture(page) -> str:
    """Everything on the canvas, once it rests."""
    page.wait_for_timeout(350)
    return canvas_of(page).evaluate("canvas => canvas.toDataURL()")


def colourful(page) -> float:
    """Share of the canvas that is not grey."""
    page.wait_for_timeout(350)
    return canvas_of(page).evaluate(
        READ
        + """let n = 0;
        for (let i = 0; i < data.length; i += 4) {
            const [r, g, b, a] = data.subarray(i, i + 4);
            if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 40) n += 1;
        }
        return n / (width * height); }"""
    )


def send(plant: FieldPlant, shape: FieldShape) -> None:
    """A field frame to the pages that show the component, as after a result that the API does not know yet."""
    wait_until(lambda: plant.live.topics[TOPIC].readers)

    async def told() -> None:
        plant.live.topics[TOPIC].send(lambda number, sequence, ms: encode_field(number, sequence, ms, shape))

    plant.place.run(told())


def frame(plant: FieldPlant, heat: float) -> FieldShape:
    """Of a result newer than any that the API knows."""
    plant.after_s += 30.0
    found = frame_of(plant.app.state.context, ASSET, result(plant, plant.after_s, heat))
    assert found is not None
    return found


def vertex_of(plant: FieldPlant, spot: int) -> int:
    points = plant.made.points[plant.made.surface].astype(float)
    return int(np.argmin(np.linalg.norm(points - np.array(plant.made.hot_spots[spot].point), axis=1)))


def surface_K(plant: FieldPlant, heat: float = 1.0) -> np.ndarray:
    return temperature(plant.made, result(plant, heat=heat).amount)[plant.made.surface].astype(float)


def number(text: str) -> float:
    found = re.search(r"[−-]?\d+(\.\d+)?", text)
    assert found is not None, text
    return float(found.group().replace("−", "-"))


# ---- what is not drawn, and why


def test_before_the_first_result_the_panel_says_so_and_then_shows_it(window, field):
    window.goto(f"{field.place.url}/asset/{ASSET}")
    expect(region_of(window)).to_contain_text("Spindle housing")
    expect(region_of(window)).to_contain_text("no result yet")
    told(field)
    shows(window, field)


def test_a_result_of_another_artefact_is_withheld_with_both_names(window, field):
    told(field, sha256="ab" * 32)
    window.goto(f"{field.place.url}/asset/{ASSET}")
    expect(region_of(window)).to_contain_text("artefact abababababab")
    expect(region_of(window)).to_contain_text(field.sha256[:12])
    expect(canvas_of(window)).to_have_count(0)


def test_a_frame_of_an_unknown_mesh_is_told_and_not_drawn(page, field):
    region = region_of(page)
    region.get_by_role("button", name="show hot spot 1,").click()
    before, said = picture(page), region.get_by_label("probe").inner_text()
    strange = replace(frame(field, heat=2.0), mesh=bytes.fromhex("0badc0de0badc0de"))
    send(field, strange)
    send(field, strange)
    expect(region).to_contain_text("Live frames are of mesh 0badc0de0badc0de")
    assert region.get_by_label("probe").inner_text() == said
    assert picture(page) == before
    send(field, frame(field, heat=2.0))
    expect(region).not_to_contain_text("Live frames")
    assert picture(page) != before


def test_outside_of_its_box_the_field_is_greyed_and_says_which_input(page, field):
    region = region_of(page)
    assert colourful(page) > 0.1
    told(field, heat=4.0)
    expect(region).to_contain_text(
        "Outside of what the field was made and judged for: front_heat 800 W is 300 W (60%) outside 0 to 500"
    )
    assert colourful(page) < 0.02
    region.get_by_text("Inputs of the field").click()
    row = region.get_by_role("table", name="Inputs of the field").get_by_role("row", name=re.compile("Heat of the front bearing"))
    expect(row).to_contain_text("outside")


def test_an_old_result_is_greyed_and_says_since_when(page, field):
    before = field.clock.now
    field.clock.now += 4 * HOUR_NS
    expect(region_of(page)).to_contain_text("No result since Tue 10 Mar, 10:4")
    assert colourful(page) < 0.02
    field.clock.now = before


# ---- what is drawn


def test_a_hotter_frame_changes_the_canvas_and_the_probe_reads_the_temperature_of_the_artefact(page, field):
    region = region_of(page)
    region.get_by_role("button", name="show hot spot 1,").click()
    at = vertex_of(field, 0)
    probe = region.get_by_label("probe")
    expect(probe).to_contain_text(field.made.hot_spots[0].title)
    cold = surface_K(field)[at] - 273.15
    assert number(probe.inner_text()) == pytest.approx(cold, abs=0.051)
    before = picture(page)
    send(field, frame(field, heat=2.0))
    hot = surface_K(field, heat=2.0)[at] - 273.15
    assert hot > cold + 5.0
    wait_until(lambda: number(probe.inner_text()) > cold + 4.0)
    assert number(probe.inner_text()) == pytest.approx(hot, abs=0.3)  # eight bits a coefficient
    assert picture(page) != before


def test_the_pixel_of_a_place_has_the_colour_that_the_legend_gives_its_temperature(page):
    region = region_of(page)
    box = canvas_of(page).bounding_box()
    canvas_of(page).click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    value = number(region.get_by_label("probe").inner_text())
    page.keyboard.press("Escape")
    expect(region.get_by_label("probe")).to_contain_text("Click the part")
    page.wait_for_timeout(350)
    middle = READ + "const at = 4 * (width * (height >> 1) + (width >> 1)); return [...data.subarray(at, at + 3)]; }"
    got, wanted = np.array(canvas_of(page).evaluate(middle), float), legend_colour(region, value)
    shade = got @ wanted / (wanted @ wanted)
    assert 0.84 <= shade <= 1.01
    assert np.abs(got - shade * wanted).max() < 8.0


def legend_colour(region, value: float) -> np.ndarray:
    said = region.get_by_role("img", name=re.compile("Colours: Temperature")).get_attribute("aria-label")
    low, high = (float(each.replace("−", "-")) for each in re.findall(r"[−-]?[\d.]+", said)[:2])
    stops = region.locator("stop").evaluate_all("stops => stops.map(each => each.getAttribute('stop-color'))")
    colours = np.array([[float(v) for v in re.findall(r"\d+", each)] for each in stops])
    share = (value - low) / (high - low) * (len(colours) - 1)
    return np.array([np.interp(share, np.arange(len(colours)), colours[:, k]) for k in range(3)])


def test_a_click_reads_the_place_under_it_with_its_band(page, field):
    box = canvas_of(page).bounding_box()
    canvas_of(page).click(position={"x": box["width"] / 2 + 12, "y": box["height"] / 2 + 7})
    probe = region_of(page).get_by_label("probe").inner_text()
    numbers = re.findall(r"[−-]?\d+(?:\.\d+)?", re.sub(r"90\s%", "", probe))
    value, low, high, x, y, z = (float(v.replace("−", "-")) for v in numbers)
    expected, away = on_surface(field, np.array([x, y, z]) / 1000.0)
    assert away < 0.007  # the places tried are up to 6 mm apart, the text is round to 1 mm
    assert value == pytest.approx(expected - 273.15, abs=0.5)
    assert low < value < high


def on_surface(plant: FieldPlant, point: np.ndarray) -> tuple[float, float]:
    """Temperature [K] at the nearest place of the surface, by brute force over its triangles, and how far that place is [m]."""
    points, values = plant.made.points[plant.made.surface].astype(float), surface_K(plant)
    shares = np.array([[i, j, 16 - i - j] for i in range(17) for j in range(17 - i)]) / 16.0
    triangles = np.concatenate([plant.made.faces[:, [0, 1, 2]], plant.made.faces[:, [0, 2, 3]]])
    places, there = np.einsum("sk,tkc->tsc", shares, points[triangles]), np.einsum("sk,tk->ts", shares, values[triangles])
    far = np.linalg.norm(places - point, axis=2)
    best = np.unravel_index(np.argmin(far), far.shape)
    return float(there[best]), float(far[best])


def test_stress_and_damage_of_the_hot_spots_are_in_the_table_and_on_the_probe(page, field):
    region, found = region_of(page), result(field)
    table = region.get_by_role("table", name="Hot spots")
    expect(table.locator("tbody").get_by_role("row")).to_have_count(3)
    region.get_by_role("button", name="Stress", exact=True).click()
    region.get_by_role("button", name="show hot spot 2,").click()
    probe = region.get_by_label("probe")
    expect(probe).to_contain_text("MPa")
    assert number(probe.inner_text()) == pytest.approx(found.stress[1] / 1e6, abs=0.51)
    region.get_by_role("button", name="Damage", exact=True).first.click()
    expect(probe).to_contain_text(re.compile(r"damage.*25\s%\sof the endurance limit"))
    expect(table.get_by_role("row", name=re.compile("show hot spot 1,"))).to_contain_text("0.010")
    expect(region.get_by_role("img", name=re.compile("Damage at hot spots, 1 = failure expected"))).to_be_visible()


# ---- by hand


def test_keys_turn_enlarge_cut_and_lead_through_the_hot_spots_and_escape_stays_on_the_page(page):
    region = region_of(page)
    canvas_of(page).focus()
    seen = [picture(page)]
    for key in ("ArrowRight", "ArrowUp", "+", "c"):
        page.keyboard.press(key)
        seen.append(picture(page))
    assert len(set(seen)) == 5
    page.keyboard.press("0")
    assert picture(page) == seen[0]
    page.keyboard.press("n")
    expect(region.get_by_role("button", name="show hot spot 1,")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(region.get_by_role("button", name="show hot spot 1,")).to_have_attribute("aria-pressed", "false")
    assert page.url.endswith(f"/asset/{ASSET}")


def test_a_drag_turns_the_part_and_the_wheel_enlarges_it_once_it_was_clicked(page):
    box, first = canvas_of(page).bounding_box(), picture(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y, steps=4)
    page.mouse.up()
    turned = picture(page)
    assert turned != first
    page.mouse.wheel(0, -300)  # the drag put the focus there
    assert picture(page) != turned


def test_the_panel_fits_a_phone_in_both_themes(page):
    page.set_viewport_size({"width": 390, "height": 844})
    canvas_of(page).scroll_into_view_if_needed()
    for _ in range(30):
        if page.evaluate("document.documentElement.scrollWidth") <= 390:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    light = picture(page)
    page.emulate_media(color_scheme="dark")
    assert picture(page) != light
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_machine_without_a_field_has_no_such_panel(window, field):
    window.goto(f"{field.place.url}/asset/cp-03")
    expect(window.get_by_role("region", name="Why")).to_be_visible()
    expect(region_of(window)).to_have_count(0)
