"""Why the twin says so: which failure mode, on what evidence, how urgent, in one sentence for the crew.

Each symptom speaks for or against a mode by its log-likelihood ratio (nats) against "nothing is wrong":

    drift      z = (estimate - commissioned) / sd of a wear state the mode owns, counted in the direction that raises the mode's
               severity.  ln L = ln(2 / sqrt(1+s2)) + z2 s2 / (2 (1+s2)), times min(1, 2 x severity gained): a drift may be
               certain and still harmless
    onset      p = probability that a fault has begun (`infer.hypotheses`).  ln L = ln(p / (1 - p)) - ln(1 / 24): the odds of one in
               a month. The drift of the same wear is not counted again: the stronger of the two speaks. Capped at 4.5, some
               80 %: what the model does not know can grow like a fault; only wear that has come far makes sure
    residual   r = whitened residual of a sensor the mode shows on.  ln L = -ln(1+s2)/2 + r2 s2 / (2 (1+s2))
    frequency  a bearing line matched in the envelope spectrum.  ln L = -ln p(noise shows one as strong)

s = 4: a fault moves a symptom by some four standard deviations. Residuals and drifts are capped (model error is not Gaussian that
far out), so that no single reading decides alone. Mode probabilities are the posterior over {none, each mode} with prior 0.9 on
none and the rest shared equally. Evidence weights are the nats that speak for the named mode, scaled to sum to 1.
Symptoms are taken as independent given the mode: a naive Bayes table, after ISO 13379-1 (symptom x fault). Verified:
tests/infer/test_explain.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, isfinite, log

from didymos.core.channel import Channel
from didymos.core.estimate import Estimate, Evidence, Life, ParameterEstimate, Score, Validity, Why
from didymos.core.model import FailureMode, Model
from didymos.infer.plain import plain, plain_chance, plain_interval, plain_time
from didymos.numerics.spectra import Line

NONE = "none"
_SPREAD2 = 16.0
_ONSET_PRIOR = 1.0 / 24.0
_CAP = {"drift": 20.0, "onset": 4.5, "residual": 12.0, "frequency": 15.0}
_PRIOR_NONE = 0.9
_RACE = {"bpfo": "outer race", "bpfi": "inner race", "bsf": "rolling element", "ftf": "cage"}


def why(
    model: Model,
    parameters: Sequence[ParameterEstimate],
    sensor_residuals: Mapping[str, float],
    frequencies: Sequence[Line],
    life: Sequence[Life],
    validity: Validity,
    seconds_to_stop: float | None = None,
    estimates: Sequence[Estimate] = (),
    onsets: Mapping[str, tuple[float, ParameterEstimate]] | None = None,
) -> Why:
    """The reason for what the twin says about one asset.

    sensor_residuals  sensor name -> whitened residual, standard deviations, measured above twin positive; NaN = not measured
    frequencies       visible lines (`infer.features.match_frequency`); `component` empty when the spectrum cannot tell the bearing
    seconds_to_stop   until the next planned stop; None when none is known
    estimates         when given, residual evidence shows measured and expected in plant units
    onsets            mode -> (probability that its fault has begun, how many times faster than the average unit it wears)
    """
    symptoms = {
        mode.name: _symptoms(model, mode, parameters, sensor_residuals, frequencies, estimates, (onsets or {}).get(mode.name))
        for mode in model.failure_modes
    }
    modes = _posterior({name: sum(nats for nats, _ in found) for name, found in symptoms.items()})
    first = next((m for m in model.failure_modes if m.name == modes[0][0]), None)
    found = [s for s in symptoms.get(modes[0][0], []) if s[0] > 0.0] or [(1.0, _all_well(model, parameters, sensor_residuals))]
    evidence = _weighted(found, validity)
    if first is None:
        return Why(_healthy(modes, evidence, validity), evidence, modes)
    return Why(_sentence(model, first, modes, evidence, life, validity, seconds_to_stop), evidence, modes)


def why_anomaly(score: Score, channels: Mapping[str, Channel]) -> Why:
    """The reason behind an anomaly score of a machine without failure modes: which channels carry it."""
    carried = [(name, share) for name, share in score.contributions if share > 0.0][:3]
    total = sum(share for _, share in carried)
    evidence = tuple(
        Evidence("residual", f"{_title(channels, name)} carries {plain_chance(share)} of the deviation", share / total)
        for name, share in carried
    )
    state = "unlike its normal operation" if score.value >= 1.0 else "within its normal operation"
    names = " and ".join(_title(channels, name).lower() for name, _ in carried[:2]) or "no channel"
    return Why(f"The machine runs {state}: score {score.value:.2g} of the alarm limit, mostly from {names}.", evidence)


def _title(channels: Mapping[str, Channel], name: str) -> str:
    return channels[name].title if name in channels else name.replace("_", " ")


_Symptom = tuple[float, Evidence]


def _symptoms(
    model: Model,
    mode: FailureMode,
    parameters: Sequence[ParameterEstimate],
    residuals: Mapping[str, float],
    frequencies: Sequence[Line],
    estimates: Sequence[Estimate],
    onset: tuple[float, ParameterEstimate] | None,
) -> list[_Symptom]:
    shown = {e.channel.rpartition(".")[2]: e for e in estimates}
    drifts = [_drift(model, mode, p) for p in parameters if p.name in mode.wear]
    if onset is not None and (begun := _onset(*onset))[0] > sum(nats for nats, _ in drifts):
        drifts = [begun]
    readings = [_residual(model, s, residuals[s], shown.get(s)) for s in mode.sensors if isfinite(residuals.get(s, float("nan")))]
    if onset is not None and onset[0] > 0.5:  # they agree with a twin that holds the fault: nothing against it
        readings = [reading for reading in readings if reading[0] > 0.0]
    lines = [_frequency(line) for line in frequencies if _belongs(line, mode)]
    return sorted(drifts + readings + lines[:1], key=lambda symptom: -symptom[0])


def _drift(model: Model, mode: FailureMode, p: ParameterEstimate) -> _Symptom:
    sd = max((p.high - p.low) / 3.92, 1e-300)
    gained = severity_gained(model, mode, p)
    z = abs(p.value - p.commissioned) / sd * (1.0 if gained > 0.0 else -1.0)
    told = log(2.0 / (1.0 + _SPREAD2) ** 0.5) + (0.5 * z * z * _SPREAD2 / (1.0 + _SPREAD2) if z > 0.0 else -1.0)
    nats = min(_CAP["drift"], told) * (min(1.0, 2.0 * gained) if told > 0.0 else 1.0)
    now, interval = plain_interval(p.value, p.low, p.high, p.unit)
    before, _ = plain_interval(p.commissioned, p.commissioned - 1.96 * sd, p.commissioned + 1.96 * sd, p.unit)
    text = f"{p.title.lower()} is {now} [{interval}] against {before} at commissioning"
    return nats, Evidence("drift", text, 0.0, p.name)


def _onset(p: float, rate: ParameterEstimate) -> _Symptom:
    told = log(max(p, 1e-12) / max(1.0 - p, 1e-12)) - log(_ONSET_PRIOR)
    text = f"its wear grows {rate.value:.0f} [{rate.low:.0f} to {rate.high:.0f}] times as fast as in the average unit"
    return min(_CAP["onset"], told), Evidence("drift", text, 0.0, rate.name)


def severity_gained(model: Model, mode: FailureMode, p: ParameterEstimate) -> float:
    """Share of the mode's threshold that this wear state has used since commissioning, at rated operation; below 0 = improved."""
    index = model.State._fields.index(p.name)
    at = [_severity(model, mode, index, value) for value in (p.commissioned, p.value)]
    return at[1] - at[0] if isfinite(at[1] - at[0]) else (1.0 if p.value > p.commissioned else -1.0)


def _severity(model: Model, mode: FailureMode, index: int, value: float) -> float:
    state = [float(x) for x in model.initial]
    state[index] = value
    settled = model.steady(model.State(*state), model.nominal, model.Params())
    return float(getattr(model.severity(settled, model.nominal, model.Params()), mode.name))


def _residual(model: Model, sensor: str, sigmas: float, shown: Estimate | None) -> _Symptom:
    told = -0.5 * log(1.0 + _SPREAD2) + 0.5 * sigmas * sigmas * _SPREAD2 / (1.0 + _SPREAD2)
    side = "above" if sigmas > 0.0 else "below"
    title = next((c.title for c in model.sensors if c.name == sensor), sensor).lower()
    text = f"{title} is {abs(sigmas):.1f} standard deviations {side} what the twin expects"
    if shown and shown.measured is not None and shown.value is not None:
        pair = f"{plain(shown.measured, shown.unit)} where the twin expects {plain(shown.value, shown.unit)}"
        text = f"{title} reads {pair} ({abs(sigmas):.1f} standard deviations {side})"
    return min(_CAP["residual"], told), Evidence("residual", text, 0.0, sensor)


def _belongs(line: Line, mode: FailureMode) -> bool:
    return line.component == mode.component or (not line.component and "bearing" in mode.component)


def _frequency(line: Line) -> _Symptom:
    race = _RACE.get(line.name, line.name)
    text = f"the {race} line at {line.order:.2f} per turn stands {line.signal_to_floor:.0f} times above the noise"
    return min(_CAP["frequency"], -log(max(line.p_noise, 1e-300))), Evidence("frequency", text, 0.0, line.name)


def _posterior(nats: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """(mode, probability), most probable first; `none` stands for "nothing is wrong"."""
    told = {NONE: log(_PRIOR_NONE)} | {name: log((1.0 - _PRIOR_NONE) / len(nats)) + value for name, value in nats.items()}
    top = max(told.values())
    total = sum(exp(value - top) for value in told.values())
    ranked = sorted(((name, exp(value - top) / total) for name, value in told.items()), key=lambda m: -m[1])
    return tuple(ranked)


def _all_well(model: Model, parameters: Sequence[ParameterEstimate], residuals: Mapping[str, float]) -> Evidence:
    known = [abs(r) for r in residuals.values() if isfinite(r)]
    text = (
        f"{len(known)} of {len(model.sensors)} sensors agree with the twin within {max(known, default=0.0):.1f} standard deviations"
    )
    return Evidence("level", text + (f" and {len(parameters)} wear states show no harmful drift" if parameters else ""), 0.0)


def _weighted(found: Sequence[_Symptom], validity: Validity) -> tuple[Evidence, ...]:
    doubt = [] if validity.ok else [(10.0 * (1.0 - validity.score), Evidence("quality", validity.reason, 0.0))]
    every = [s for s in [*found, *doubt] if s[0] > 0.0]
    total = sum(nats for nats, _ in every)
    ranked = sorted(every, key=lambda s: -s[0])
    return tuple(Evidence(e.kind, e.text, nats / total, e.link) for nats, e in ranked)


def _healthy(modes: Sequence[tuple[str, float]], evidence: Sequence[Evidence], validity: Validity) -> str:
    if not validity.ok:
        return f"The twin does not stand for a prediction now: {validity.reason}; no failure mode stands out."
    return f"No failure mode stands out ({plain_chance(modes[0][1])} sure): {evidence[0].text}."


def _sentence(
    model: Model,
    mode: FailureMode,
    modes: Sequence[tuple[str, float]],
    evidence: Sequence[Evidence],
    life: Sequence[Life],
    validity: Validity,
    seconds_to_stop: float | None,
) -> str:
    component = next((c.title for c in model.components if c.id == mode.component), mode.component)
    reasons = " and ".join([e.text for e in evidence if e.kind != "quality"][:2])
    runner = next((name for name, p in modes[1:] if name != NONE and p >= 0.2), None)
    other = next((m.title.lower() for m in model.failure_modes if m.name == runner), None)
    told = [
        f"{component}: {mode.title.lower()}, {plain_chance(modes[0][1])} likely, because {reasons}",
        _urgency(next((one for one in life if one.mode == mode.name), None), seconds_to_stop),
        f"{other} is the next guess" if other else "",
        "" if validity.ok else f"the prediction is not to be relied on: {validity.reason}",
    ]
    return "; ".join(part for part in told if part) + "."


def _urgency(life: Life | None, seconds_to_stop: float | None) -> str:
    if life is None:
        return ""
    if life.withheld:
        return f"no date given: {life.withheld}"
    if seconds_to_stop is not None:
        chance = plain_chance(life.probability(seconds_to_stop))
        return f"{chance} chance that it fails before the planned stop in {plain_time(seconds_to_stop)}"
    ends = dict(life.quantiles_s)
    early, late = ends.get(0.1), ends.get(0.9)
    if early is None:
        return "no failure expected within the horizon"
    if late is None:
        return f"9 chances in 10 that it lasts longer than {plain_time(early)}"
    return f"8 chances in 10 that it fails between {plain_time(early)} and {plain_time(late)} from now"
