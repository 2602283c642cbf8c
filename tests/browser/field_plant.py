"""The sample plant with a housing Field at spindle 2, and results as a worker would publish them: steady, at a chosen heat."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from sample_plant import NOW_NS, TOKEN, SampleHistory, StillClock, publish_sample, sample_plant
from served import Served

from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.estimate import FieldResult, FieldResults
from didymos.core.field import Field, digest, outside
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack
from didymos.infer.filters import pack_cov
from didymos.numerics.rom.live import hot_spots, split, stiffness
from didymos.plant.config import Asset, FieldBinding, Plant
from didymos.service.app import create_app
from didymos.service.live import Live
from didymos.service.read_model import PlantView, ReadModel

ASSET = "sp-02"


@dataclass(slots=True)
class FieldPlant:
    """The running application, its artefact, and how a test publishes results of it. `after_s`: the newest result's time."""

    made: Field
    sha256: str
    view: PlantView = field(default_factory=sample_plant)
    bus: MemoryBus = field(default_factory=MemoryBus)
    clock: StillClock = field(default_factory=StillClock)
    app: object = None
    place: Served | None = None
    after_s: float = 0.0

    @property
    def live(self) -> Live:
        return self.app.state.live

    @property
    def model(self) -> ReadModel:
        return self.app.state.context.model

    def publish(self, result: FieldResult) -> None:
        """In the application's own loop, and the clock goes on to the result's time."""
        self.clock.now = max(self.clock.now, result.time_ns)
        found = FieldResults(ASSET, result.time_ns, 1, (result,))
        self.place.run(
            self.bus.publish(f"res.{partition(ASSET)}.field.{ASSET}", pack(found), f"f{result.time_ns}-{result.sha256[:9]}")
        )


def field_plant(folder: Path, made: Field, data: bytes, configured: Plant, thermocouples: tuple[str, ...] = ()) -> FieldPlant:
    """The application over the sample plant; `configured` lends everything but its machines."""
    (folder / "housing.npz").write_bytes(data)
    out = FieldPlant(made, digest(data))
    couples = tuple((place, f"channel:{place}") for place in thermocouples)
    binding = FieldBinding("housing", folder / "housing.npz", out.sha256, (), couples)
    machine: Asset = replace(configured.assets[0], id=ASSET, fields=(binding,))
    plant = replace(configured, assets=(machine,))
    out.app = create_app(out.bus, SampleHistory(out.view), out.view, out.clock, TOKEN, configured=plant)
    return out


async def publish_others(plant: FieldPlant) -> None:
    await publish_sample(plant.bus, plant.view)


def amounts(made: Field, inputs: dict[str, float]) -> np.ndarray:
    """Steady amounts of the modes: what the body comes to when the inputs stay."""
    load, behind, film, _ = split(made, inputs)
    return np.linalg.solve(stiffness(made, film), made.loads @ load + made.behind @ (film * behind))


def result(plant: FieldPlant, after_s: float = 0.0, heat: float = 1.0, sd_K: float = 1.0, **changed) -> FieldResult:
    """Steady under nominal inputs, loads times `heat`; every mode equally uncertain, `sd_K` on average over the body."""
    made = plant.made
    inputs = {i.name: i.nominal * (heat if i.kind == "load" else 1.0) for i in made.inputs}
    amount, force = amounts(made, inputs), split(made, inputs)[3]
    spread = sd_K**2 / float(np.mean(np.sum(made.modes.astype(float) ** 2, axis=1)))
    cov, count = spread * np.eye(len(amount)), len(made.hot_spots)
    stress_sd = np.sqrt(np.einsum("hcr,hcr->hc", made.hot[..., : len(cov)] @ cov, made.hot[..., : len(cov)]).max(axis=1))
    found = FieldResult(
        "housing", plant.sha256, NOW_NS + int(after_s * SECOND_NS), amount, pack_cov(cov), np.array(list(inputs.values())),
        hot_spots(made)(amount, force), stress_sd, 10.0 ** -np.linspace(2.0, 8.0, count), 10.0 ** -np.linspace(6.0, 12.0, count),
        tuple(str(o) for o in outside(made, inputs)), True, float("nan"),
        used=np.linspace(0.4, 0.1, count),
    )  # fmt: skip
    return replace(found, **changed)
