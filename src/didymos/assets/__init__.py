"""One file per machine or process; the ASSETS table names them, PROCESSES those that make parts."""

from didymos.assets import (
    ball_screw_axis,
    centrifugal_pump,
    compressor,
    conveyor_drive,
    cutting_tool,
    fan,
    gearbox,
    heat_exchanger,
    heat_treat_furnace,
    hydraulic_power_unit,
    induction_motor,
    press_frame,
    spindle,
    turning,
    valve_actuator,
)
from didymos.assets.generic import GENERIC
from didymos.assets.process import Process
from didymos.core.model import Model

ASSETS: dict[str, Model] = {
    "induction_motor": induction_motor.MODEL,
    "centrifugal_pump": centrifugal_pump.MODEL,
    "spindle": spindle.MODEL,
    "heat_exchanger": heat_exchanger.MODEL,
    "gearbox": gearbox.MODEL,
    "hydraulic_power_unit": hydraulic_power_unit.MODEL,
    "fan": fan.MODEL,
    "cutting_tool": cutting_tool.MODEL,
    "turning": turning.MODEL,
    "heat_treat_furnace": heat_treat_furnace.MODEL,
    "compressor": compressor.MODEL,
    "ball_screw_axis": ball_screw_axis.MODEL,
    "valve_actuator": valve_actuator.MODEL,
    "conveyor_drive": conveyor_drive.MODEL,
    "press_frame": press_frame.MODEL,
}
PROCESSES: dict[str, Process] = {process.model.name: process for process in (turning.PROCESS, heat_treat_furnace.PROCESS)}

__all__ = ["ASSETS", "GENERIC", "PROCESSES"]
