"""plant.toml -> frozen `Plant`. Every mistake is found in one pass, with its line, what was given and what is allowed.

plant, mistakes = read(path)      plant is None when there is any mistake
plant = load(path)                ConfigError that lists them all
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from didymos.core.calendar import Calendar
from didymos.core.channel import Channel
from didymos.core.clock import Clock, DataClock, ScaledClock, WallClock
from didymos.core.errors import ConfigError
from didymos.data.erp.rows import EntityMap
from didymos.data.history.retention import Retention

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Tag:
    """One wire: `address` at `source`, in `unit`, feeds `channel`."""

    channel: str
    source: str
    address: str
    unit: str
    waveform: bool = False


@dataclass(frozen=True, slots=True)
class FittedComponent:
    id: str
    part: str
    serial: str


@dataclass(frozen=True, slots=True)
class AssetFmu:
    """[asset.fmu]: an FMU that runs beside a generic asset (`plant.cosimulation`). Pairs of the FMU's name, or a channel, with a
    channel or a number."""

    file: str
    sha256: str
    inputs: tuple[tuple[str, str], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, float], ...] = ()
    noise: tuple[tuple[str, float], ...] = ()
    limits: tuple[tuple[str, float], ...] = ()
    step_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FieldBinding:
    """A component's Field artefact. inputs: each of its inputs by name -> a number in SI, "channel:NAME" or "MODEL.OUTPUT";
    thermocouples: place on the component -> channel."""

    component: str
    artefact: Path
    sha256: str
    inputs: tuple[tuple[str, float | str], ...] = ()
    thermocouples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """One machine. `constants` are inputs that no sensor measures, in SI. `channels` and `regime` describe a generic asset.
    `fitted`: a file of `didymos fit`, from which the worker takes its parameters instead of commissioning it."""

    id: str
    name: str
    path: str
    model: str
    consequence_cost: float
    commissioned_ns: int
    parameters: tuple[tuple[str, float], ...] = ()
    constants: tuple[tuple[str, float], ...] = ()
    tags: tuple[Tag, ...] = ()
    components: tuple[FittedComponent, ...] = ()
    channels: tuple[Channel, ...] = ()
    regime: str = ""
    bearing: str = ""
    life: str = ""
    fmu: AssetFmu | None = None
    fields: tuple[FieldBinding, ...] = ()
    fitted: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    id: str
    type: str
    url: str
    options: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True)
class CycleChannel:
    """The channel that shows a machine's cycles: a part counter, or a program that runs (above 0.5)."""

    asset: str
    channel: str
    kind: str = "counter"
    tolerance_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """Where an accepted case becomes a work-order request: table, entity set or folder `origin`; its fields as `columns`."""

    origin: str
    columns: tuple[tuple[str, str], ...]
    constant: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True)
class Erp:
    """One business system. Without `entities` an SQL source gives closed work orders only, straight to the stream."""

    id: str
    type: str
    url: str
    poll_s: float
    options: tuple[tuple[str, Scalar], ...] = ()
    entities: tuple[EntityMap, ...] = ()
    cycles: tuple[CycleChannel, ...] = ()
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Plant:
    """The whole configuration. Plant time: step_s, the grid on which beliefs move; lateness_s, how long a step waits for slower
    channels; publish_s, how often life and reasons are computed; commission_s, how long a new machine is only learned (0: it
    runs on published parameters). lease_s: wall time after which the partitions of a silent worker are taken over. replicas:
    copies of every stream, 3 or 5 in a cluster of nats-servers."""

    id: str
    name: str
    timezone: str
    step_s: float
    lateness_s: float
    publish_s: float
    commission_s: float
    clock: Clock
    store: Path
    nats_url: str
    mqtt_port: int
    host: str
    port: int
    calendar: Calendar
    case_cost: float
    sources: tuple[Source, ...]
    erps: tuple[Erp, ...]
    assets: tuple[Asset, ...]
    replicas: int = 1
    lease_s: float = 10.0
    retention: Retention = field(default_factory=Retention)
    staging: str = ""

    @property
    def staging_url(self) -> str:
        """Where the business rows are: `[store] staging`, else SQLite in the store."""
        return self.staging or f"sqlite:///{self.store / 'erp.db'}"

    def asset(self, id: str) -> Asset:
        for asset in self.assets:
            if asset.id == id:
                return asset
        known = ", ".join(asset.id for asset in self.assets[:12])
        raise ConfigError(f"asset {id!r} is not in plant {self.id!r}; it has {known}")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One line of what `didymos check` prints."""

    file: str
    line: int
    where: str
    given: str
    allowed: str
    do: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.given}. Allowed: {self.allowed}. {self.do}"


def read(path: Path) -> tuple[Plant | None, tuple[Mistake, ...]]:
    """Parse and check `path`. ConfigError only when the file cannot be read at all."""
    from didymos.plant.config_check import Reader  # the rules, one function per table

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Give the path of a plant.toml") from error
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = int(str(error).rsplit("line ", 1)[-1].split(",")[0].rstrip(")") or 1) if "line " in str(error) else 1
        mistake = Mistake(path.name, line, "TOML", str(error), "TOML 1.0", "Correct the line; nothing after it was read.")
        return None, (mistake,)
    reader = Reader(path, text, tree)
    plant = reader.plant()
    return (None if reader.mistakes else plant), tuple(reader.mistakes)


def load(path: Path) -> Plant:
    """`read`, or ConfigError with every mistake."""
    plant, mistakes = read(path)
    if plant is None:
        raise ConfigError("\n".join(str(mistake) for mistake in mistakes))
    return plant


__all__ = [
    "Asset",
    "DataClock",
    "Erp",
    "FittedComponent",
    "Mistake",
    "Plant",
    "ScaledClock",
    "Source",
    "Tag",
    "WallClock",
    "load",
    "read",
]
