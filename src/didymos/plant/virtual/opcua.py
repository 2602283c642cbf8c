"""The OPC UA side of the line: a server with one object per machine and one variable per tag, `ns=2;s=CP01.Flow`.

Source timestamps are plant time. A reading that its sensor could not give goes out as Bad; a machine whose link is down
sends nothing.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import sys
from contextlib import suppress
from datetime import UTC

import numpy as np
from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.status_codes import StatusCodes

from didymos.plant.virtual.line import NAMESPACE, OPCUA, Sensor, address, plc
from didymos.plant.virtual.plant import Line, Sample

_BAD = ua.StatusCode(ua.UInt32(StatusCodes.BadSensorFailure))
_GOOD = ua.StatusCode(ua.UInt32(StatusCodes.Good))


class OpcUaSide:
    """`await OpcUaSide.open(line, host, port)`, then `write(sample)` at every step."""

    def __init__(self, server: Server, nodes: list[tuple[int, str, ua.NodeId]]) -> None:
        self._server = server
        self._nodes = nodes  # (column of the sample, machine, node)
        self._of: dict[str, list[int]] = {}
        for column, machine, _ in nodes:
            self._of.setdefault(machine, []).append(column)

    @classmethod
    async def open(cls, line: Line, host: str, port: int) -> OpcUaSide:
        logging.getLogger("asyncua").setLevel(logging.ERROR)
        server = Server()
        await server.init()
        server.set_endpoint(f"opc.tcp://{host}:{port}/line7")
        server.set_server_name("Line 7 PLC gateway")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace(NAMESPACE)
        folders = {
            m: await server.nodes.objects.add_object(ua.NodeId.from_string(f"ns={index};s={plc(m)}"), plc(m)) for m in sorted(OPCUA)
        }
        nodes = []
        for column, (machine, sensor) in enumerate(line.sensors):
            if machine in OPCUA:
                node = ua.NodeId.from_string(address(machine, sensor.tag))
                await _variable(folders[machine], node, sensor, index)
                nodes.append((column, machine, node))
        await server.start()
        _give_memory_back()
        return cls(server, nodes)

    async def write(self, sample: Sample) -> None:
        moment = ua.DateTime.fromtimestamp(sample.time_ns / 1e9, UTC)
        down = {machine for machine, columns in self._of.items() if np.isnan(sample.value[columns]).all()}
        for column, machine, node in self._nodes:
            if machine in down:
                continue
            value = float(sample.value[column])
            status = _GOOD if value == value else _BAD
            reading = ua.DataValue(ua.Variant(value, ua.VariantType.Double), status, moment)
            await self._server.write_attribute_value(node, reading)

    async def close(self) -> None:
        await self._server.stop()


async def _variable(folder, node: ua.NodeId, sensor: Sensor, index: int) -> None:
    """A read-only double with its engineering unit; Bad until the first step."""
    name = ua.QualifiedName(sensor.tag, ua.UInt16(index))
    variable = await folder.add_variable(node, name, 0.0, varianttype=ua.VariantType.Double)
    unit = ua.EUInformation(
        NamespaceUri="http://www.opcfoundation.org/UA/units/un/cefact", DisplayName=ua.LocalizedText(sensor.unit)
    )
    await variable.add_property(index, "EngineeringUnits", unit)
    waiting = ua.StatusCode(ua.UInt32(StatusCodes.BadWaitingForInitialData))
    await variable.write_value(ua.DataValue(ua.Variant(0.0, ua.VariantType.Double), waiting))


def _give_memory_back() -> None:
    """The library builds its standard nodes by some 30 MB of generated code that runs once and is kept by its modules alone."""
    for name in [name for name in sys.modules if name.startswith("asyncua.server.standard_address_space")]:
        del sys.modules[name]
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc only
