"""One round of process records: operations that the join found on process models, and the belief at their end -> the ledger.

    await process_round(plant, staging, bus, history)        number of records told

What is said is stored first, then published as it was stored, then noted: a kill anywhere publishes the same bytes again under the
same key, which changes nothing. An operation waits until the twin has come to its end, at most WAIT_NS; then it is told without
figures and with the reason. Nothing here stops the operation's own record, which is out already.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from didymos.assets import PROCESSES
from didymos.assets.process import Process
from didymos.core.case import Record
from didymos.core.channel import channel_id, partition
from didymos.core.clock import DAY_NS, HOUR_NS, SECOND_NS, iso
from didymos.core.errors import ConnectError, DataError
from didymos.core.estimate import Snapshot
from didymos.core.ports import Bus, HistoryClient
from didymos.data.erp.staging import Staging
from didymos.data.erp.staging_process import keep_said, keep_told, program_of, untold, waiting
from didymos.formats.wire import pack, unpack
from didymos.plant.config import Asset, Plant
from didymos.plant.process import Said, last_active_ns, process_record
from didymos.plant.report import AssetReport, ask_worker
from didymos.plant.rewind import AsOf, ask_as_of

WAIT_NS = DAY_NS  # of plant time after its end
BEFORE_NS = HOUR_NS  # an input that seldom changes was told before the operation began
ASK_S = 10.0


@dataclass(frozen=True, slots=True)
class _NotYet(Exception):
    """The twin has not come to the end of the operation, or nobody answers."""

    why: str


async def process_round(plant: Plant, staging: Staging, bus: Bus, history: HistoryClient) -> int:
    for operation in await asyncio.to_thread(waiting, staging):
        asset = next((a for a in plant.assets if a.id == operation.body["asset"]), None)
        try:
            said = await _said(plant, asset, operation, staging, bus, history)
        except _NotYet as error:
            if asset is not None and plant.clock.now_ns() < _end(operation) + WAIT_NS:
                continue
            said = Said(np.zeros(0), np.zeros(0), np.zeros((0, 0)), {}, withheld=error.why)
        process = PROCESSES[asset.model] if asset is not None and asset.model in PROCESSES else None
        if process is not None:
            record = process_record(operation, process, said)
            await asyncio.to_thread(keep_said, staging, operation.key, record)
    told = await asyncio.to_thread(untold, staging)
    for key, record in told:
        asset_id = str(record.body["asset"])
        await bus.publish(f"res.{partition(asset_id)}.record.{asset_id}", pack(record), f"record:{record.key}")
        await asyncio.to_thread(keep_told, staging, key, plant.clock.now_ns())
    return len(told)


def _end(operation: Record) -> int:
    return int(operation.body["end_ns"])  # type: ignore[call-overload]


async def _said(plant: Plant, asset: Asset | None, operation: Record, staging: Staging, bus: Bus, history: HistoryClient) -> Said:
    """_NotYet while the twin cannot answer."""
    if asset is None or asset.model not in PROCESSES:
        raise _NotYet(f"machine {operation.body['asset']} has no process model any more")
    process, end_ns = PROCESSES[asset.model], _end(operation)
    program = await asyncio.to_thread(program_of, staging, str(operation.body["order"]), str(operation.body["operation"]))
    twin = await _twin(bus, asset.id)
    if twin.time_ns < end_ns - end_ns % round(plant.step_s * SECOND_NS):
        raise _NotYet(f"the twin stands at {iso(twin.time_ns)}, before the end of the operation")
    withheld, mean, cov = "", np.zeros(0), np.zeros((0, 0))
    if not twin.commissioned:
        withheld = f"{asset.id} is still being commissioned"
    else:
        try:
            mean, cov = await ask_as_of(bus, AsOf(asset.id, end_ns), ASK_S)
        except ConnectError as error:
            raise _NotYet(str(error)) from error
        except DataError as error:
            withheld = str(error)
    # read after the worker has answered: by then history holds all that its belief stands on
    series = {}
    for channel in (*process.model.inputs, *(c for c in process.model.sensors if c.name in process.measured)):
        begin = int(operation.body["start_ns"]) - (BEFORE_NS if channel in process.model.inputs else 0)  # type: ignore[call-overload]
        series[channel.name] = await history.read(channel_id(asset.id, channel.name), begin, end_ns + 1)
    tool = await _tool(plant, process, asset.id, end_ns, history)
    said = Said(np.array(twin.params), mean, cov, series, dict(asset.constants), tool, program, withheld)
    until_ns = last_active_ns(operation, process, said)
    if withheld or until_ns is None or end_ns - until_ns < plant.step_s * SECOND_NS:
        return said
    try:
        mean, cov = await ask_as_of(bus, AsOf(asset.id, until_ns), ASK_S)
    except (ConnectError, DataError) as error:
        raise _NotYet(str(error)) from error
    return replace(said, mean=mean, cov=cov)


async def _twin(bus: Bus, asset: str) -> AssetReport:
    try:
        report = await ask_worker(bus, partition(asset), ASK_S)
    except (ConnectError, DataError) as error:
        raise _NotYet(f"no worker answers for {asset}: {error}") from error
    found = next((a for a in report.assets if a.id == asset), None)
    if found is None or not found.params:
        raise _NotYet(f"the worker has no belief of {asset}")
    return found


async def _tool(plant: Plant, process: Process, asset: str, end_ns: int, history: HistoryClient) -> str:
    """Serial of the model's first component (the edge, the heating elements) at the end of the operation."""
    since = end_ns - round(2 * plant.publish_s * SECOND_NS)
    stored = await history.snapshots(asset, since, end_ns + 1)
    ages = unpack(Snapshot, stored[-1]).components if stored else ()
    return next((age.serial for age in ages if age.id == process.model.components[0].id), "")
