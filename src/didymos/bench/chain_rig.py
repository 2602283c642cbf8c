"""The processes of the drill: three nats-servers, workers, historian, edge, publisher; killed, frozen and started again at will."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import nats
import nats.errors
import nats.js.errors

from didymos.bench.chain import plant_text
from didymos.bench.chain_publisher import DONE
from didymos.core.channel import partition
from didymos.core.errors import DataError, DidymosError
from didymos.core.ports import Bus
from didymos.data.history.client import HistoryClient
from didymos.data.stream.lease import Claim, has_ended
from didymos.data.stream.server import ServerConfig, cluster, command
from didymos.formats.wire import unpack
from didymos.plant.config import load
from didymos.plant.crew import lease_key

AWAY = (OSError, asyncio.TimeoutError, nats.errors.Error, nats.js.errors.Error, DidymosError)


@dataclass(frozen=True, slots=True)
class Setting:
    """workers, servers: how many. steps_per_s: plant steps a second. lease_s as in [worker]."""

    folder: Path
    workers: int
    servers: int
    steps_per_s: float
    lease_s: float
    step_s: float = 300.0


@dataclass
class Rig:
    """Children by name: n0, n1, ... worker-0, ... historian, edge, publisher. Logs lie in `folder`."""

    setting: Setting
    servers: list[ServerConfig] = field(default_factory=list)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        s = self.setting
        self.servers = cluster(s.folder / "stream", s.servers)
        if s.servers == 1:
            self.servers = [ServerConfig(s.folder / "stream" / "n0", self.servers[0].port, name="n0")]
        self.plant_file.write_text(plant_text(s.folder, self.url, self.replicas, s.lease_s, s.step_s * s.steps_per_s))

    @property
    def replicas(self) -> int:
        return 3 if self.setting.servers >= 3 else 1

    @property
    def plant_file(self) -> Path:
        return self.setting.folder / "plant.toml"

    @property
    def url(self) -> str:
        return ",".join(server.url for server in self.servers)

    @property
    def workers(self) -> list[str]:
        return [f"worker-{i}" for i in range(self.setting.workers)]

    @property
    def names(self) -> list[str]:
        return [*(server.name for server in self.servers), *self.workers, "historian", "edge", "publisher"]

    def words(self, name: str) -> list[str]:
        for server in self.servers:
            if server.name == name:
                return command(server)
        if name == "publisher":
            more = [str(self.setting.folder), self.url, str(self.replicas), str(self.setting.steps_per_s)]
            return [sys.executable, "-m", "didymos.bench.chain_publisher", *more]
        return [sys.executable, "-m", "didymos.service.cli", name.partition("-")[0], str(self.plant_file)]

    def start(self, name: str) -> None:
        with (self.setting.folder / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(self.words(name), stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        self.children[name].kill()
        self.children[name].wait()

    def freeze(self, name: str) -> None:
        os.kill(self.children[name].pid, signal.SIGSTOP)
        self.frozen.add(name)

    def wake(self, name: str) -> None:
        os.kill(self.children[name].pid, signal.SIGCONT)
        self.frozen.discard(name)

    def finished(self, name: str) -> bool:
        """It has done all it had to do: edge at the end of its recording, publisher after its last step."""
        return name in ("edge", "publisher") and self.children[name].poll() == 0

    def tend(self) -> list[str]:
        """Starts again what ended by itself with an error, as a supervisor does; their names."""
        ended = [name for name, child in self.children.items() if child.poll() not in (None, 0)]
        for name in ended:
            self.start(name)
        return ended

    def stop(self) -> None:
        """All of them, servers last."""
        order = [name for name in reversed(self.names) if name in self.children]
        for group in (order[: -len(self.servers)], order[-len(self.servers) :]):
            for name in group:
                with suppress(ProcessLookupError):
                    self.wake(name)
                self.children[name].terminate()
            for name in group:
                try:
                    self.children[name].wait(40)
                except subprocess.TimeoutExpired:
                    self.kill(name)

    def logs(self, size: int = 1500) -> str:
        return "\n".join(f"--- {f.name}\n{f.read_text()[-size:]}" for f in sorted(self.setting.folder.glob("*.log")))

    # ---- when it is well again

    async def recovered(self, name: str, bus: Bus) -> float:
        """Seconds until what `name` does is done again, by itself or by another."""
        began = time.monotonic()
        if name.startswith("n") and not await self._until(lambda: self.whole_streams(name)):
            raise DataError(f"{name}: the streams do not have all their copies after 120 s")
        if name.startswith("worker") and not await self._until(lambda: self.all_owned(bus)):
            raise DataError(f"{name}: not every partition is owned after 120 s")
        if name == "historian":
            await HistoryClient(bus, 120.0).latest([])
        if name in ("edge", "publisher"):
            before = await self._mark(name, bus)
            if not await self._until(lambda: self._moved(name, before, bus)):
                raise DataError(f"{name}: sends nothing after 120 s")
        return time.monotonic() - began

    async def _until(self, true: Callable[[], Awaitable[bool]]) -> bool:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(*AWAY):
                if await true():
                    return True
            await asyncio.sleep(0.1)
        return False

    async def whole_streams(self, by: str = "") -> bool:
        """Every server of the cluster has every stream up to its end, as the server `by` sees it (any, when not given)."""
        urls = [server.url for server in self.servers if by in ("", server.name)]
        line = await nats.connect(urls, allow_reconnect=False, connect_timeout=2, error_cb=_quiet)
        try:
            for name in ("plant", "results", "KV_checkpoint"):
                found = (await line.jetstream(timeout=2).stream_info(name)).cluster
                peers = [] if found is None else found.replicas or []
                if found is None or not found.leader:
                    return self.replicas == 1
                if len(peers) != self.replicas - 1 or any(peer.offline or not peer.current for peer in peers):
                    return False
            return True
        finally:
            await line.close()

    async def all_owned(self, bus: Bus) -> bool:
        """Every partition with an asset has an owner that lives."""
        owners = await self.owners(bus)
        return all(owner and not has_ended(owner) for owner in owners.values())

    async def owners(self, bus: Bus) -> dict[int, str]:
        """partition -> holder of its lease."""
        found = {}
        for p in sorted({partition(asset.id) for asset in load(self.plant_file).assets}):
            entry = await bus.entry(lease_key(p))
            found[p] = unpack(Claim, entry.value).holder if entry else ""
        return found

    def worker_of(self, holder: str) -> str:
        """The child whose process holds a lease."""
        pid = int(holder.split(":")[1])
        return next((name for name in self.workers if self.children[name].pid == pid), "")

    async def _mark(self, name: str, bus: Bus) -> str:
        """How far it has come, by its own notes."""
        if name == "publisher":
            return str(await bus.get(DONE))
        return "".join(f"{f.name}{f.stat().st_mtime_ns}" for f in self.setting.folder.glob("store/edge-*/*.cursor"))

    async def _moved(self, name: str, before: str, bus: Bus) -> bool:
        return self.finished(name) or await self._mark(name, bus) != before


async def _quiet(error: Exception) -> None:
    return None
