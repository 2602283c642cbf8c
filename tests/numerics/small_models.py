"""Two small machines for the tests of the kernels: one nonlinear with wear and bounds, one linear."""

from typing import NamedTuple

import numpy as np

from didymos.core.channel import Channel
from didymos.core.model import FailureMode, Model


class State(NamedTuple):
    winding_temperature_K: float
    bearing_temperature_K: float
    wear: float
    fouling: float


class Input(NamedTuple):
    current_A: float
    ambient_temperature_K: float


class Output(NamedTuple):
    winding_temperature_K: float
    bearing_temperature_K: float
    vibration_m_s: float


class Params(NamedTuple):
    resistance_ohm: float = 0.42
    copper_per_K: float = 0.00393
    r_th_K_per_W: float = 0.65
    c_J_per_K: float = 850.0
    r_bearing_K_per_W: float = 0.4
    c_bearing_J_per_K: float = 400.0
    wear_per_s: float = 1e-7


class Virtual(NamedTuple):
    loss_W: float


class Severity(NamedTuple):
    bearing: float
    cooling: float


def heat_W(temperature_K, current_A, p):
    return p.resistance_ohm * (1 + p.copper_per_K * (temperature_K - 293.15)) * current_A**2


def rhs(x, u, p):
    loss = heat_W(x.winding_temperature_K, u.current_A, p)
    r_th = p.r_th_K_per_W * (1.0 + x.fouling)
    to_bearing = (x.winding_temperature_K - x.bearing_temperature_K) / 2.0
    q_winding = loss - (x.winding_temperature_K - u.ambient_temperature_K) / r_th - to_bearing
    q_bearing = to_bearing + 20.0 * x.wear - (x.bearing_temperature_K - u.ambient_temperature_K) / p.r_bearing_K_per_W
    hot = np.exp2((np.clip(x.bearing_temperature_K, 250.0, 450.0) - 330.0) / 15.0)
    rate = np.where(u.current_A > 0.1, p.wear_per_s * hot, 0.0)
    return State(q_winding / p.c_J_per_K, q_bearing / p.c_bearing_J_per_K, rate, 0.0)


def out(x, u, p):
    return Output(x.winding_temperature_K, x.bearing_temperature_K, 1e-3 * np.exp(1.2 * x.wear))


def virtual(x, u, p):
    return Virtual(heat_W(x.winding_temperature_K, u.current_A, p))


def severity(x, u, p):
    return Severity(x.wear / 1.5, x.fouling / 0.8)


def steady(x, u, p):
    r_th = p.r_th_K_per_W * (1.0 + x.fouling)
    loss = heat_W(350.0, u.current_A, p)
    return State(
        u.ambient_temperature_K + loss * r_th, u.ambient_temperature_K + 0.2 * loss * p.r_bearing_K_per_W, x.wear, x.fouling
    )


MOTOR = Model(
    name="small_motor", title="Small motor", State=State, Input=Input, Output=Output, Params=Params, rhs=rhs, out=out,
    virtual=virtual, severity=severity, steady=steady,
    inputs=(Channel("current", "Current", "A"), Channel("ambient_temperature", "Ambient", "K")),
    sensors=(Channel("winding_temperature", "Winding", "K", noise=0.5), Channel("bearing_temperature", "Bearing", "K", noise=0.5),
             Channel("vibration_velocity", "Vibration", "m/s", noise=5e-5)),
    virtuals=(Channel("loss", "Loss", "W"),), slow=("wear", "fouling"),
    initial=State(295.0, 295.0, 0.05, 0.0), initial_sd=State(5.0, 5.0, 0.1, 0.1), process_noise=State(0.02, 0.02, 2e-5, 2e-5),
    low=State(200.0, 200.0, 0.0, 0.0), high=State(600.0, 600.0, 5.0, 3.0), nominal=Input(8.0, 295.0), max_step_s=30.0,
    failure_modes=(
        FailureMode("bearing", "Bearing", "bearing", ("wear",), "wear 1.5", "test", 0.2, ("vibration_velocity",), "replace"),
        FailureMode("cooling", "Cooling", "fan", ("fouling",), "fouling 0.8", "test", 0.0, ("winding_temperature",), "clean"),
    ),
    components=(), parameters=(),
)  # fmt: skip


class Line(NamedTuple):
    position: float
    velocity: float
    drag: float


class Push(NamedTuple):
    force: float


class Seen(NamedTuple):
    position: float
    velocity: float


class LineParams(NamedTuple):
    damping: float = 0.3


class Gone(NamedTuple):
    far: float


def line_rhs(x, u, p):
    return Line(x.velocity, u.force - p.damping * x.velocity - x.drag, 0.0)


def line_out(x, u, p):
    return Seen(x.position, x.velocity + 0.1 * x.position)


def line_severity(x, u, p):
    return Gone(x.position / 10.0)


def line_steady(x, u, p):
    return x


INF = float("inf")
LINE = Model(
    name="line", title="Mass on a line", State=Line, Input=Push, Output=Seen, Params=LineParams, rhs=line_rhs, out=line_out,
    virtual=line_out, severity=line_severity, steady=line_steady, inputs=(Channel("force", "Force", "N"),),
    sensors=(Channel("position", "Position", "m"), Channel("velocity", "Velocity", "m/s")), virtuals=(), slow=("position",),
    initial=Line(0.0, 0.0, 0.0), initial_sd=Line(1.0, 1.0, 0.5), process_noise=Line(0.05, 0.1, 0.01), low=Line(-INF, -INF, -INF),
    high=Line(INF, INF, INF), nominal=Push(0.5), max_step_s=0.5, failure_modes=(
        FailureMode("far", "Far", "mass", ("position",), "10 m", "test", 0.0, (), "stop"),), components=(), parameters=(),
)  # fmt: skip


def random_fleet(model, count, seed=1, missing=0.2):
    """Random arguments of a filter step: mean, cov, u, y, params, q, r, dt; one asset is blind."""
    rng = np.random.default_rng(seed)
    sd = np.array(model.initial_sd, float)
    mean = np.clip(np.array(model.initial, float) + sd * rng.normal(size=(count, len(sd))), model.low, model.high)
    root = rng.normal(size=(count, len(sd), len(sd))) * 0.3 + np.eye(len(sd))
    cov = np.einsum("aij,akj->aik", root, root) * sd[:, None] * sd[None, :]
    u = np.array(model.nominal, float) * (1 + 0.05 * rng.normal(size=(count, len(model.nominal))))
    params = np.array(model.Params(), float) * (1 + 0.05 * rng.uniform(-1, 1, (count, len(model.Params._fields))))
    noise = np.array([s.noise if s.noise > 0 else 0.1 for s in model.sensors])
    y = np.stack(
        [
            np.array(model.out(model.State(*m), model.Input(*i), model.Params(*p)), float)
            for m, i, p in zip(mean, u, params, strict=True)
        ]
    )
    y += 3 * noise * rng.normal(size=y.shape)
    y[rng.uniform(size=y.shape) < missing] = np.nan
    y[0] = np.nan
    return (
        mean,
        cov,
        u,
        y,
        params,
        np.array(model.process_noise, float),
        np.tile(noise, (count, 1)),
        np.full(count, model.max_step_s),
    )
