"""A plant of 20 machines with results as a worker would publish them: for tests of the service and of the page.

Numbers are invented but hang together: a flow deviates because its wear ring is worn, P(fail) follows from a Weibull curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log, sin

import numpy as np
import pyarrow as pa

from didymos.core.calendar import Calendar
from didymos.core.case import Case
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, HOUR_NS, SECOND_NS, parse_time
from didymos.core.errors import DataError
from didymos.core.estimate import (
    ComponentAge,
    Estimate,
    Evidence,
    Life,
    ParameterEstimate,
    Snapshot,
    Tick,
    Validity,
    Why,
)
from didymos.core.series import Series, Waveform
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack
from didymos.service.read_model import AssetView, ChannelView, ComponentView, PlantView

NOW_NS = parse_time("2026-03-10T09:40:00Z")
STOP_NS = parse_time("2026-03-14T05:00:00Z")
HORIZON_S = 60 * 86400.0
TOKEN = "correct-horse"


@dataclass(slots=True)
class StillClock:
    """A clock that a test moves."""

    now: int = NOW_NS

    def now_ns(self) -> int:
        return self.now


def _channels(*rows: tuple[str, str, str, str]) -> tuple[ChannelView, ...]:
    return tuple(ChannelView(name, title, unit, kind) for name, title, unit, kind in rows)


PUMP = _channels(
    ("speed", "Shaft speed", "rad/s", "input"),
    ("flow", "Flow", "m3/s", "input"),
    ("discharge_pressure", "Discharge pressure", "Pa", "sensor"),
    ("power", "Shaft power", "W", "sensor"),
    ("seal_leakage", "Seal leakage", "m3/s", "sensor"),
    ("vibration_velocity", "Vibration velocity, rms", "m/s", "sensor"),
    ("head", "Head", "m", "virtual"),
)
SPINDLE = _channels(
    ("speed", "Shaft speed", "rad/s", "input"),
    ("radial_load", "Radial load", "N", "input"),
    ("front_bearing_temperature", "Front bearing temperature", "K", "sensor"),
    ("rear_bearing_temperature", "Rear bearing temperature", "K", "sensor"),
    ("drive_power", "Drive power", "W", "sensor"),
    ("velocity_rms", "Vibration velocity, rms", "m/s", "sensor"),
    ("acceleration", "Acceleration", "m/s2", "waveform"),
)
MOTOR = _channels(
    ("current", "Current", "A", "input"),
    ("winding_temperature", "Winding temperature", "K", "sensor"),
    ("bearing_temperature", "Bearing temperature", "K", "sensor"),
    ("vibration_velocity", "Vibration velocity, rms", "m/s", "sensor"),
)
GENERIC = _channels(("pressure", "System pressure", "Pa", "sensor"), ("oil_temperature", "Oil temperature", "K", "sensor"))
LEVELS = {"head": 46.0, "speed": 300.0, "flow": 0.0123, "discharge_pressure": 4.6e5, "power": 7400.0, "seal_leakage": 1.2e-9,
          "vibration_velocity": 0.0021, "radial_load": 900.0, "front_bearing_temperature": 321.0,
          "rear_bearing_temperature": 316.0,
          "drive_power": 5200.0, "velocity_rms": 0.0016, "current": 14.2, "winding_temperature": 351.0,
          "bearing_temperature": 329.0,
          "pressure": 1.6e7, "oil_temperature": 318.0}  # fmt: skip
ORDERS = (("BPFO", 8.37), ("BPFI", 10.63), ("BSF", 3.62), ("FTF", 0.44))
MODES = {
    "centrifugal_pump": (
        ("wear_ring", "Wear ring clearance"),
        ("cavitation", "Impeller erosion by cavitation"),
        ("seal", "Seal face wear"),
    ),
    "spindle": (
        ("front_bearing_fatigue", "Front bearing fatigue"),
        ("rear_bearing_fatigue", "Rear bearing fatigue"),
        ("lubrication", "Lubricant breakdown"),
    ),
    "induction_motor": (
        ("insulation", "Insulation ageing"),
        ("bearing_wear", "Bearing wear"),
        ("cooling_fouling", "Cooling path fouling"),
    ),
    "generic": (),
}
WEAR = {
    "centrifugal_pump": ("clearance", "Wear ring clearance", "m", 2.5e-4),
    "spindle": ("damage", "Front bearing damage", "1", 0.02),
    "induction_motor": ("fouling", "Cooling path resistance, added", "K/W", 0.01),
}
PARTS = {"centrifugal_pump": ("wear_ring", "impeller", "seal"), "spindle": ("front_bearing", "rear_bearing", "lubrication"),
         "induction_motor": ("winding", "bearing", "fan"), "generic": ()}  # fmt: skip


def _asset(id: str, name: str, line: str, model: str, title: str, cost: float) -> AssetView:
    channels = {"centrifugal_pump": PUMP, "spindle": SPINDLE, "induction_motor": MOTOR, "generic": GENERIC}[model]
    parts = tuple(
        ComponentView(part, f"P-47{i}{id[-1]}", f"SN-{id[:2].upper()}{id[-2:]}-{i}") for i, part in enumerate(PARTS[model], 1)
    )
    return AssetView(
        id, name, f"Wendlingen/Machining/{line}", model, title, cost, parts, channels, ORDERS if model == "spindle" else ()
    )


def sample_plant() -> PlantView:
    """Six spindles, five coolant pumps, six motors, three machines without a model of their own."""
    assets = [_asset(f"sp-{i:02}", f"Spindle {i}", "Milling", "spindle", "Machine tool spindle", 38_000.0) for i in range(1, 7)]
    assets += [
        _asset(f"cp-{i:02}", f"Coolant pump {i}", "Coolant", "centrifugal_pump", "Centrifugal pump", 22_000.0) for i in range(1, 6)
    ]
    assets += [
        _asset(f"cm-{i:02}", f"Conveyor motor {i}", "Transport", "induction_motor", "Induction motor", 9_000.0) for i in range(1, 5)
    ]
    assets += [
        _asset(f"pm-{i:02}", f"Press motor {i}", "Pressing", "induction_motor", "Induction motor", 31_000.0) for i in range(1, 3)
    ]
    others = (
        ("hu-01", "Hydraulic unit", "Pressing"),
        ("cc-01", "Chip conveyor", "Transport"),
        ("mx-01", "Mist extractor", "Milling"),
    )
    assets += [_asset(id, name, line, "generic", "Generic machine", 6_000.0) for id, name, line in others]
    return PlantView("line7", "Line 7", "Europe/Berlin", tuple(assets), Calendar((), STOP_NS, 7 * DAY_NS))


def weibull_life(mode: str, title: str, median_s: float, shape: float = 2.5) -> Life:
    """Quantiles and curve of a Weibull distribution with that median: t_q = scale (-ln(1 - q))^(1/shape)."""
    scale = median_s / log(2) ** (1 / shape)

    def quantile(q: float) -> float | None:
        t = scale * (-log(1 - q)) ** (1 / shape)
        return t if t <= HORIZON_S else None

    times = np.linspace(0.0, HORIZON_S, 61)
    curve = tuple((float(t), 1 - exp(-((t / scale) ** shape))) for t in times)
    return Life(mode, title, tuple((q, quantile(q)) for q in (0.1, 0.5, 0.9)), curve)


@dataclass(frozen=True, slots=True)
class Condition:
    """How a sample machine is: median life of its worst mode, its residual, its state."""

    median_d: float = 400.0
    sigma: float = 0.4
    status: str = "ok"
    reason: str = "The twin explains what is measured."
    running: bool = True


CONDITIONS = {
    "cp-03": Condition(3.1, 5.2, "M", "Discharge pressure is 5.2 sigma below the healthy curve; the twin follows it by wear."),
    "sp-02": Condition(6.5, 3.4, "M", "Envelope line at BPFO."),
    "pm-01": Condition(11.0, 2.2, "M", "Winding is warmer than its load explains."),
    "cm-04": Condition(400.0, -4.4, "F", "Bearing temperature reads a constant 301.2 K while the load changes: sensor fault."),
    "mx-01": Condition(400.0, 1.1, "S", "Speed is outside the range seen in commissioning; the prediction is withheld."),
    "cc-01": Condition(running=False),
}
SENTENCES = {
    "cp-03": (
        1,
        "wear_ring",
        "Wear ring clearance has grown to 2.4 times its commissioning value; 63 % chance of losing rated pressure before the stop.",
        "Replace the wear ring at the stop on 14 March",
        "Wear ring P-4713",
    ),
    "sp-02": (
        2,
        "front_bearing_fatigue",
        "Outer-race defect of the front bearing: the envelope shows BPFO and three harmonics at the measured speed.",
        "Plan a spindle exchange at the next stop",
        "Front bearing P-4712",
    ),
    "pm-01": (
        3,
        "cooling_fouling",
        "Cooling path fouled: winding 11 K warmer than its current explains.",
        "Clean the fan cover and the fins",
        "",
    ),
    "cm-04": (4, "sensor", "Bearing temperature sensor is frozen at 301.2 K.", "Check the sensor and its cable", "PT100"),
}


def sample_snapshot(asset: AssetView, time_ns: int = NOW_NS - 20 * 60 * SECOND_NS, sequence: int = 9000) -> Snapshot:
    """What a worker would publish of one machine at `time_ns`."""
    state = CONDITIONS.get(asset.id, Condition())
    age_d = (NOW_NS - time_ns) / DAY_NS
    sensors = [channel for channel in asset.channels if channel.kind in ("sensor", "input", "virtual")]
    worst = next((c.name for c in sensors if c.kind == "sensor"), "")
    estimates = tuple(_estimate(c, state.sigma * max(0.0, 1 - age_d / 8) if c.name == worst else 0.3, time_ns) for c in sensors)
    withheld = None if state.status not in ("S",) else state.reason
    life = tuple(
        weibull_life(mode, title, (state.median_d * (1 + 2 * i) + age_d) * 86400.0)
        if withheld is None
        else Life(mode, title, withheld=withheld)
        for i, (mode, title) in enumerate(MODES[asset.model])
    )
    chance = max((each.probability((STOP_NS - time_ns) / 1e9) for each in life), default=None)
    month = max((each.probability(30 * 86400.0) for each in life), default=None)
    validity = Validity(state.status in ("ok", "M"), 0.94 if state.status == "ok" else 0.71, state.status, state.reason)
    return Snapshot(
        asset.id, time_ns, sequence, asset.model, "1", np.zeros(4), np.zeros(10), estimates, _parameters(asset, state), validity,
        life, _why(asset), month, chance, STOP_NS, state.running, _components(asset),
    )  # fmt: skip


def _estimate(channel: ChannelView, sigma: float, time_ns: int) -> Estimate:
    level = LEVELS[channel.name] * (1 + 0.004 * sin(time_ns / (7.3 * HOUR_NS)))
    spread = abs(level) * (0.004 if channel.unit == "K" else 0.02)
    measured = None if channel.kind == "virtual" else level + sigma * spread / 2
    residual = sigma if channel.kind == "sensor" else None
    return Estimate(
        channel.name, channel.title, channel.kind, channel.unit, level, level - spread, level + spread, measured, 0, 300.0, residual
    )


def _parameters(asset: AssetView, state: Condition) -> tuple[ParameterEstimate, ...]:
    if asset.model not in WEAR:
        return ()
    name, title, unit, new = WEAR[asset.model]
    value = new * (1 + min(1.4, 4.3 / state.median_d))
    return (ParameterEstimate(name, title, unit, value, value * 0.9, value * 1.1, new),)


def _components(asset: AssetView) -> tuple[ComponentAge, ...]:
    since = parse_time("2025-06-02T06:00:00Z")
    return tuple(ComponentAge(c.id, c.id.replace("_", " ").capitalize(), c.part, c.serial, since, 16.2e6) for c in asset.components)


def _why(asset: AssetView) -> Why:
    if asset.id not in SENTENCES:
        return Why(
            "Nothing deviates: every sensor reads what the twin expects.", (Evidence("level", "No wear state shows a drift.", 1.0),)
        )
    _, mode, sentence, _, _ = SENTENCES[asset.id]
    evidence = (
        Evidence("drift", "Wear state left its commissioning interval 9 days ago and grows 4 % a day", 0.58, "clearance"),
        Evidence("residual", "Sensor deviates from the healthy curve by 5.2 sigma", 0.31, "discharge_pressure"),
        Evidence("level", "Vibration velocity is normal: 2.1 mm/s", 0.11, "vibration_velocity"),
    )
    names = [name for name, _ in MODES[asset.model]]
    modes = tuple(zip(names, (0.81, 0.14, 0.05), strict=False))
    return Why(sentence, evidence, modes if mode in names else ())


def sample_cases(plant: PlantView) -> list[Case]:
    """Four open cases of four priorities and one that was closed."""
    cases = []
    for i, (asset, (priority, mode, sentence, action, spare)) in enumerate(SENTENCES.items()):
        view, state = plant.asset(asset), "accepted" if i == 1 else "open"
        assert view is not None
        opened, part, chance = NOW_NS - (i + 1) * 17 * HOUR_NS, mode.split("_")[0], 0.63 / (i + 1)
        spoken = (sentence, action, spare, _why(view).evidence)
        case = Case(
            f"{asset}-{mode}-1", asset, mode, part, state, priority, opened, opened, *spoken, chance, STOP_NS, 22_000.0 * chance
        )
        cases.append(case)
    old = NOW_NS - 40 * DAY_NS
    said = (
        "Seal leakage doubled within a week.",
        "Replace the seal",
        "Seal P-4733",
        (),
        0.41,
        old + 4 * DAY_NS,
        9_000.0,
        "confirmed",
    )
    return [*cases, Case("cp-03-seal-1", "cp-03", "seal", "seal", "closed", 2, old, old + 3 * DAY_NS, *said)]


async def publish_sample(bus: MemoryBus, plant: PlantView) -> None:
    """Every machine's snapshot and every case, as a worker publishes them."""
    for asset in plant.assets:
        await publish_snapshot(bus, sample_snapshot(asset))
    for case in sample_cases(plant):
        await bus.publish(f"res.{partition(case.asset)}.case.{case.id}", pack(case), f"{case.id}-{case.changed_ns}-{case.state}")


async def publish_snapshot(bus: MemoryBus, snapshot: Snapshot) -> None:
    subject = f"res.{partition(snapshot.asset)}.snapshot.{snapshot.asset}"
    await bus.publish(subject, pack(snapshot), f"{snapshot.asset}-{snapshot.time_ns}")


def sample_tick(asset: AssetView, time_ns: int) -> Tick:
    estimates = sample_snapshot(asset, time_ns).estimates
    columns = [np.array([getattr(e, name) for e in estimates], float) for name in ("measured", "value", "low", "high")]
    return Tick(asset.id, time_ns, tuple(e.channel for e in estimates), *columns)


@dataclass(slots=True)
class SampleHistory:
    """A `HistoryClient` that computes its answers; `asked` keeps what it was asked."""

    plant: PlantView
    asked: list[tuple] = field(default_factory=list)

    async def read(
        self, channel: str, start_ns: int, end_ns: int, known_ns: int | None = None, upto_sequence: int | None = None
    ) -> Series:
        found, _ = await self.page(channel, start_ns, end_ns, known_ns)
        return found

    async def page(self, channel: str, start_ns: int, end_ns: int, known_ns: int | None = None) -> tuple[Series, int | None]:
        """A sample a second, three to a page."""
        self.asked.append(("page", channel, start_ns, end_ns, known_ns))
        times = np.arange(-(-start_ns // SECOND_NS) * SECOND_NS, end_ns, SECOND_NS)[:3]
        more = len(times) == 3 and times[-1] + SECOND_NS < end_ns
        found = Series(channel, times, (times // SECOND_NS).astype(float), np.zeros(len(times), np.uint8))
        return found, int(times[-1]) + 1 if more else None

    async def rollup(
        self, channels: Sequence[str], how: str, start_ns: int, end_ns: int, points: int
    ) -> list[tuple[int, float, int, int, float]]:
        self.asked.append(("rollup", tuple(channels), how, start_ns, end_ns, points))
        return [(start_ns, 7.5, 1, len(channels), 60.0)]

    async def held(self, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        return [(0, 20 * DAY_NS, "minutes")] if start_ns < 20 * DAY_NS else []

    async def state(self) -> dict[str, object]:
        return {"state": "ok", "text": "", "bytes": 9, "budget_bytes": 0, "dropped_samples": [], "dropped_minutes": [], "lost": []}

    async def buckets(
        self, channel: str, start_ns: int, end_ns: int, points: int, known_ns: int | None = None
    ) -> list[tuple[int, float, float, float, int]]:
        self.asked.append(("buckets", channel, start_ns, end_ns, points, known_ns))
        asset_id, _, name = channel.partition(".")
        asset = self.plant.asset(asset_id)
        assert asset is not None
        rows, step = [], max((end_ns - start_ns) // points, 300 * SECOND_NS)
        for time_ns in range(start_ns, min(end_ns, NOW_NS), step):
            found = next((e for e in sample_snapshot(asset, time_ns).estimates if e.channel == name), None)
            if found is None or found.measured is None or 1.9 * DAY_NS < NOW_NS - time_ns < 2.1 * DAY_NS:  # a gap of five hours
                continue
            noise = abs(found.measured) * 0.0015 * sin(time_ns * 1.7e-11)
            rows.append(
                (
                    time_ns,
                    found.measured + noise - 0.002 * abs(found.measured),
                    found.measured + noise,
                    found.measured + noise + 0.002 * abs(found.measured),
                    0,
                )
            )
        return rows

    async def latest(self, channels: object) -> dict[str, tuple[int, float, int]]:
        return {}

    async def waveform(self, channel: str, at_ns: int) -> Waveform | None:
        """0.4 s of an outer-race fault at 300 rad/s: a 5 kHz ring at every BPFO event over noise."""
        if not channel.startswith("sp-02."):
            return None
        rate = 25_600.0
        t = np.arange(int(rate * 0.64)) / rate
        bpfo = ORDERS[0][1] * 300.0 / (2 * np.pi)
        ring = 18.0 * np.exp(-900.0 * (t % (1 / bpfo))) * np.sin(2 * np.pi * 5000.0 * t)
        noise = np.random.default_rng(7).normal(0.0, 1.5, len(t))
        return Waveform(channel, NOW_NS - HOUR_NS, rate, (ring + noise).astype(np.float32), "m/s2")

    async def snapshots(self, asset: str, start_ns: int, end_ns: int) -> list[bytes]:
        view = self.plant.asset(asset)
        assert view is not None
        first = -(-start_ns // HOUR_NS) * HOUR_NS
        return [pack(sample_snapshot(view, time_ns)) for time_ns in range(first, min(end_ns, NOW_NS), HOUR_NS)]

    async def sql(self, query: str) -> object:
        if not query.startswith("SELECT"):
            raise DataError("sql: allowed is one SELECT")
        return pa.table({"n": [1, 2], "name": ["a", None], "data": [b"\0\1", b""], "x": [0.5, float("nan")]})
