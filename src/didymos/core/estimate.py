"""What the twin believes: frozen results that the worker publishes and everybody else reads.

Infinite or unknown times are None, so that every value here can be written as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Belief:
    """State of a fleet slice of one model: mean (N, n), covariance (N, n, n), and the time each asset stands at (N,) ns."""

    time_ns: NDArray[np.int64]
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """One anomaly score: 1.0 is the alarm limit. `contributions` (sensor, share of the score), largest first."""

    value: float
    limit_false_alarms_per_month: float
    contributions: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Life:
    """Failure-time distribution of one failure mode, conditional on survival until now.

    quantiles_s  ((0.1, seconds or None), (0.5, ...), (0.9, ...)); None = beyond the horizon
    p_fail       ((seconds from now, probability), ...), increasing
    withheld     the reason, when the twin does not stand for a number; then both tuples are empty
    """

    mode: str
    title: str
    quantiles_s: tuple[tuple[float, float | None], ...] = ()
    p_fail: tuple[tuple[float, float], ...] = ()
    withheld: str | None = None

    def probability(self, seconds: float) -> float:
        """P(fail within `seconds`); linear between the curve's points, constant after its last."""
        if not self.p_fail:
            return 0.0
        times, chances = zip(*self.p_fail, strict=True)
        return float(np.interp(seconds, times, chances, left=0.0))


@dataclass(frozen=True, slots=True)
class Estimate:
    """One channel by its name: measured beside twin. `kind` is sensor, input or virtual; low..high is the 95 % band."""

    channel: str
    title: str
    kind: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    measured: float | None
    quality: int
    age_s: float | None
    residual_sigma: float | None = None


@dataclass(frozen=True, slots=True)
class ParameterEstimate:
    """One wear state against its value at commissioning; low..high is the 95 % interval."""

    name: str
    title: str
    unit: str
    value: float
    low: float
    high: float
    commissioned: float


@dataclass(frozen=True, slots=True)
class Validity:
    """May the twin's prediction be used? status after NAMUR NE 107: F failure, C function check, S out of
    specification, M maintenance required, ok. score 0..1: how well the twin explains what is measured."""

    ok: bool
    score: float
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How well the twin mirrors its machine now (`infer.fidelity`): score = the smallest part, named by `weakest`; a part that
    nothing tells is None. nis_ratio with its limits nis_low, nis_high; distance from the operating points of the calibration."""

    score: float
    weakest: str
    explained: float | None
    consistency: float | None
    envelope: float | None
    nis_ratio: float | None = None
    nis_low: float | None = None
    nis_high: float | None = None
    readings_per_independent: float = 1.0
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """One sensor's status after NAMUR NE 107 (`infer.self_status`), the condition's name in that table ("" = none) and the reason.
    explained: share of its variance; skill: the same against its last reading; None = not told yet."""

    channel: str
    title: str
    status: str
    condition: str
    reason: str
    explained: float | None = None
    skill: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A step in what a machine does that is not wear (`infer.change`), at `time_ns`, found at `found_ns`. candidates: (kind,
    probability), the likeliest first; sensor: the one that stepped, if it is one; explained: by which work order or event, or what
    a person said; "" while nobody has."""

    id: str
    kind: str
    time_ns: int
    found_ns: int
    text: str
    candidates: tuple[tuple[str, float], ...] = ()
    sensor: str = ""
    explained: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observed fact behind a verdict. kind: drift, residual, frequency, level, life, quality, change. Weights sum to 1."""

    kind: str
    text: str
    weight: float
    link: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """The reason in one sentence, the evidence behind it, and the failure modes by probability."""

    sentence: str
    evidence: tuple[Evidence, ...] = ()
    modes: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ComponentAge:
    """The survival clock of one fitted part: in service since `since_ns`, running `running_s` of it."""

    id: str
    title: str
    part: str
    serial: str
    since_ns: int
    running_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the twin says about one asset at one moment of plant time.

    mean (n,) and cov (n(n+1)/2,) row-packed lower triangle, of the mixture of the hypotheses hyp_mean (H, n), hyp_cov
    (H, n(n+1)/2), hyp_log_p (H,) (`infer.hypotheses`): with the model version, enough to resume from here.
    sequence is the stream sequence of the last message folded in.
    """

    asset: str
    time_ns: int
    sequence: int
    model: str
    model_version: str
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]
    estimates: tuple[Estimate, ...]
    parameters: tuple[ParameterEstimate, ...]
    validity: Validity
    life: tuple[Life, ...]
    why: Why
    p_fail_30d: float | None
    p_fail_next_stop: float | None
    next_stop_ns: int | None
    running: bool = True
    components: tuple[ComponentAge, ...] = ()
    hyp_mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    hyp_cov: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    hyp_log_p: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    fidelity: Fidelity | None = None
    sensors: tuple[SensorStatus, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldResult:
    """One field at one moment, as published: enough to show all of it beside the artefact `sha256`.

    amount (r,) and cov (packed): the modes; inputs in force in the artefact's order; stress, stress_sd (H,) signed von Mises [Pa]
    and the sd of its largest component; damage (H,) of what closed and of the residue, damage_per_h (H,) over the finished blocks,
    NaN before the first. outside: which inputs left the box, in words. fit: mean squared innovation over its expectation, NaN = too
    few thermocouple readings. rest_K: standard deviation of a temperature beside that of the modes, to be added in squares.
    used (H,): largest stress amplitude so far over the endurance limit.
    """

    component: str
    sha256: str
    time_ns: int
    amount: NDArray[np.float64]
    cov: NDArray[np.float64]
    inputs: NDArray[np.float64]
    stress: NDArray[np.float64]
    stress_sd: NDArray[np.float64]
    damage: NDArray[np.float64]
    damage_per_h: NDArray[np.float64]
    outside: tuple[str, ...]
    fits: bool
    fit: float
    rest_K: float = 0.0
    used: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class FieldResults:
    """Message on `res.<partition>.field.<asset>`."""

    asset: str
    time_ns: int
    sequence: int
    fields: tuple[FieldResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Fresh:
    """The newest usable samples of one asset, as they came, sent by `Bus.notify` on `fresh.<asset>`: channel names, source times
    (m,) UTC ns, values (m,) in SI. A `Tick` follows once the twin has taken the step they belong to."""

    asset: str
    channels: tuple[str, ...]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tick:
    """One step of one asset for the live page, sent by `Bus.notify` on `live.<asset>`: channel names, columns (m,) in SI,
    NaN = none."""

    asset: str
    time_ns: int
    channels: tuple[str, ...]
    measured: NDArray[np.float64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
