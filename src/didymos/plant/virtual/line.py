"""The line as its PLCs know it: machines, tags, units, addresses, and what each sensor is worth.

Half the machines talk OPC UA (`ns=2;s=CP01.Flow`), half MQTT (`line7/cp-04/telemetry#Flow`); all spindles send their
acceleration record over MQTT (`line7/sp-01/waveform/Acc`).
"""

from __future__ import annotations

from dataclasses import dataclass

SPINDLES = tuple(f"sp-0{i}" for i in range(1, 7))
PUMPS = tuple(f"cp-0{i}" for i in range(1, 6))
MOTORS = (*(f"cm-0{i}" for i in range(1, 5)), "pm-01", "pm-02")
GENERICS = ("hu-01", "cc-01", "mx-01")
MACHINES = (*SPINDLES, *PUMPS, *MOTORS, *GENERICS)
OPCUA = frozenset({"sp-01", "sp-02", "sp-03", "cp-01", "cp-02", "cp-03", "cm-01", "cm-02", "pm-01", "hu-01"})

HEAT_BAD = "H-48213"
HEAT_GOOD = "H-47790"
BAD_HEAT_SPINDLES = ("sp-02", "sp-03", "sp-05")
NAMESPACE = "http://didymos.example/line7"
WAVE_RATE_HZ = 20_000.0
WAVE_SAMPLES = 4096
G = 9.80665

# unit: plant value = (SI - offset) * factor
UNITS = {
    "A": (1.0, 0.0),
    "rpm": (9.549296585513721, 0.0),
    "degC": (1.0, 273.15),
    "bar": (1e-5, 0.0),
    "mbar": (1e-2, 0.0),
    "mm/s": (1e3, 0.0),
    "m3/h": (3600.0, 0.0),
    "kW": (1e-3, 0.0),
    "kN": (1e-3, 0.0),
    "cSt": (1e6, 0.0),
    "ml/h": (3.6e9, 0.0),
}


@dataclass(frozen=True, slots=True)
class Sensor:
    """channel of the twin, PLC tag and unit; noise (sd), quantum and bias (unit-to-unit sd) in that unit."""

    channel: str
    tag: str
    unit: str
    noise: float
    quantum: float
    bias: float


SENSORS = {
    "motor": (
        Sensor("current", "MotorCurrent", "A", 0.05, 0.01, 0.05),
        Sensor("speed", "MotorSpeed", "rpm", 2.0, 1.0, 0.0),
        Sensor("ambient_temperature", "HallTemp", "degC", 0.2, 0.1, 0.2),
        Sensor("winding_temperature", "WindingTemp", "degC", 0.2, 0.1, 0.4),
        Sensor("bearing_temperature", "BearingTempDE", "degC", 0.2, 0.1, 0.4),
        Sensor("vibration_velocity", "VibVelocity", "mm/s", 0.08, 0.01, 0.02),
    ),
    "pump": (
        Sensor("speed", "PumpSpeed", "rpm", 2.0, 1.0, 0.0),
        Sensor("flow", "Flow", "m3/h", 0.12, 0.01, 0.05),
        Sensor("suction_pressure", "SuctionPress", "bar", 0.005, 0.001, 0.003),
        Sensor("fluid_temperature", "CoolantTemp", "degC", 0.2, 0.1, 0.2),
        Sensor("discharge_pressure", "DischPress", "bar", 0.02, 0.005, 0.015),
        Sensor("power", "ShaftPower", "kW", 0.03, 0.005, 0.02),
        Sensor("seal_leakage", "SealLeak", "ml/h", 0.03, 0.01, 0.01),
        Sensor("vibration_velocity", "VibVelocity", "mm/s", 0.08, 0.01, 0.02),
    ),
    "spindle": (
        Sensor("speed", "SpindleSpeed", "rpm", 2.0, 1.0, 0.0),
        Sensor("radial_load", "RadialForce", "kN", 0.02, 0.005, 0.01),
        Sensor("ambient_temperature", "HallTemp", "degC", 0.2, 0.1, 0.2),
        Sensor("oil_viscosity", "OilVisc40", "cSt", 0.25, 0.1, 0.2),
        Sensor("front_bearing_temperature", "FrontBrgTemp", "degC", 0.2, 0.1, 0.3),
        Sensor("rear_bearing_temperature", "RearBrgTemp", "degC", 0.2, 0.1, 0.3),
        Sensor("drive_power", "DrivePower", "kW", 0.03, 0.005, 0.01),
    ),
    "hu-01": (
        Sensor("speed", "PumpSpeed", "rpm", 2.0, 1.0, 0.0),
        Sensor("system_pressure", "SysPress", "bar", 0.5, 0.1, 0.3),
        Sensor("oil_temperature", "OilTemp", "degC", 0.3, 0.1, 0.3),
        Sensor("current", "MotorCurrent", "A", 0.1, 0.01, 0.05),
    ),
    "cc-01": (
        Sensor("speed", "BeltSpeed", "rpm", 1.0, 0.1, 0.0),
        Sensor("current", "MotorCurrent", "A", 0.05, 0.01, 0.02),
        Sensor("vibration_velocity", "VibVelocity", "mm/s", 0.08, 0.01, 0.02),
    ),
    "mx-01": (
        Sensor("speed", "FanSpeed", "rpm", 3.0, 1.0, 0.0),
        Sensor("filter_pressure", "FilterDp", "mbar", 0.05, 0.01, 0.05),
        Sensor("current", "MotorCurrent", "A", 0.05, 0.01, 0.02),
    ),
}


# on each spindle's housing: the last ones of the line, so that every other sensor reads as it did before they were put there
HOUSING = (
    Sensor("housing_flange", "HsgTempFlange", "degC", 0.15, 0.1, 0.25),
    Sensor("housing_front", "HsgTempFront", "degC", 0.15, 0.1, 0.25),
    Sensor("housing_motor", "HsgTempMotor", "degC", 0.15, 0.1, 0.25),
    Sensor("housing_rear", "HsgTempRear", "degC", 0.15, 0.1, 0.25),
    Sensor("headstock_temperature", "HeadstockTemp", "degC", 0.15, 0.1, 0.25),
)


def ids(kind: str) -> tuple[str, ...]:
    return {"spindle": SPINDLES, "pump": PUMPS, "motor": MOTORS, "generic": GENERICS}[kind]


def sensors_of(machine: str) -> tuple[Sensor, ...]:
    for kind, members in (("spindle", SPINDLES), ("pump", PUMPS), ("motor", MOTORS)):
        if machine in members:
            return SENSORS[kind] + (HOUSING if kind == "spindle" else ())
    return SENSORS[machine]


def plc(machine: str) -> str:
    """'cp-01' -> 'CP01'."""
    return machine.replace("-", "").upper()


def address(machine: str, tag: str) -> str:
    return f"ns=2;s={plc(machine)}.{tag}" if machine in OPCUA else f"line7/{machine}/telemetry#{tag}"


def wave_topic(machine: str) -> str:
    return f"line7/{machine}/waveform/Acc"


def to_plant(unit: str, value):
    """SI -> the unit that the PLC shows."""
    factor, offset = UNITS[unit]
    return (value - offset) * factor
