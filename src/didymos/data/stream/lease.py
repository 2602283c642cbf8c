"""Leases: of all processes that could do a thing, one does it, and one that was replaced can change nothing any more.

    lease        a key in the store; whoever writes it at the revision that was read holds it, and writes it again every third of
                 `lease_s`. Others see it as run out when its revision stood still for `lease_s` by their own clock while they kept
                 looking: no two machines' clocks are compared; a time without server, or without looking, does not count
    epoch        the revision at which the lease was taken: it grows from holder to holder
    fence        a message `res.<p>.fence`; what the holder stores is stored only while his is the last one there (`Fence`)

A holder on this machine whose process has ended needs no waiting for. The design is decision record 9.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import final

from didymos.core.errors import ConnectError, DataError, FencedError
from didymos.core.ports import Bus, Fence
from didymos.formats.wire import pack, unpack

BEATS = 3  # renewals in one lease_s


@dataclass(frozen=True, slots=True)
class Claim:
    """What a lease's key holds. holder "": free. epoch 0: the revision of this very writing."""

    holder: str
    lease_s: float
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """What a fence message holds."""

    epoch: int
    holder: str


def process_name() -> str:
    """Of this process: machine, pid and when it began, so that others on this machine can see whether it still runs."""
    return f"{_machine()}:{os.getpid()}:{_began(os.getpid())}:{uuid.uuid4().hex[:8]}"


def _machine() -> str:
    """Its name and, where there are such, the space in which its process numbers hold."""
    try:
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"


def _began(pid: int) -> str:
    """When the process began, as the kernel counts; '' when there is none or it waits to be buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def has_ended(holder: str) -> bool:
    """True only when `holder` was a process of this machine that runs no more."""
    machine, _, rest = holder.partition(":")
    pid, _, rest = rest.partition(":")
    began = rest.partition(":")[0]
    return machine == _machine() and began.isdigit() and pid.isdigit() and _began(int(pid)) != began


@final
class Lease:
    """One lease, held or wanted by this process. `holder` names it, `lease_s` is how long it may be silent."""

    def __init__(self, bus: Bus, key: str, holder: str, lease_s: float) -> None:
        self.bus, self.key, self.holder, self.lease_s = bus, key, holder, lease_s
        self.epoch = 0  # 0: not held
        self.other = ""  # who was seen to hold it
        self._revision = self._free_at = 0
        self._renewed = 0.0
        self._seen = (0, 0.0, 0.0)  # revision, since when it stands still, last look
        self._turn = asyncio.Lock()

    @property
    def held(self) -> bool:
        return self.epoch > 0

    async def look(self) -> bool:
        """Whether it can be taken. Look several times in `lease_s`: who does not look cannot see it run out."""
        entry = await self.bus.entry(self.key)
        claim = unpack(Claim, entry.value) if entry else Claim("", self.lease_s)
        self._free_at = entry.revision if entry else 0
        self.other = claim.holder
        still = self._stands_still(self._free_at, claim.lease_s)
        return not claim.holder or still or has_ended(claim.holder)

    async def take(self) -> bool:
        """One attempt: True when it is ours now."""
        if not await self.look():
            return False
        began = time.monotonic()
        try:
            self._revision = await self.bus.replace(self.key, pack(Claim(self.holder, self.lease_s)), self._free_at)
        except FencedError:
            return False  # somebody was quicker
        self.epoch, self._renewed = self._revision, began
        return True

    def _stands_still(self, revision: int, lease_s: float) -> bool:
        now = time.monotonic()
        seen, since, looked = self._seen
        if seen != revision or now - looked > lease_s / 2:  # changed; or we did not look, and cannot know that it stood still
            since = now
        self._seen = (revision, since, now)
        return now - since > lease_s

    async def renew(self) -> None:
        """FencedError when it was taken from us."""
        async with self._turn:
            if not self.held:
                raise FencedError(f"{self.key}: not held by {self.holder}.")
            began = time.monotonic()
            try:
                claim = Claim(self.holder, self.lease_s, self.epoch)
                self._revision = await self.bus.replace(self.key, pack(claim), self._revision)
            except FencedError as error:
                await self._lost(error)
            self._renewed = began

    async def _lost(self, error: FencedError) -> None:
        self.forget()
        entry = await self.bus.entry(self.key)
        self.other = unpack(Claim, entry.value).holder if entry else "nobody"
        raise FencedError(f"{self.key}: {self.holder} lost it to {self.other or 'whoever had it after us'}.") from error

    def forget(self) -> None:
        """It is another's: stop renewing it."""
        self.epoch, self._seen = 0, (0, 0.0, 0.0)

    async def check(self) -> None:
        """Returns at once while it was renewed a short time ago, else renews it: what follows a long pause of this process, or of
        the machine below it, begins with asking. FencedError when it was taken from us."""
        if not self.held or time.monotonic() - self._renewed > self.lease_s / 2:
            await self.renew()

    async def keep(self) -> None:
        """Renews for ever; ends when it was taken from us or given back."""
        while self.held:
            await asyncio.sleep(self.lease_s / BEATS)
            try:
                if self.held:
                    await self.renew()
            except FencedError:
                return
            except ConnectError:
                continue  # the server is away: nobody can take it either

    async def release(self) -> None:
        """Give it back, so that others need not wait."""
        async with self._turn:
            if self.held:
                self.epoch = 0
                try:
                    async with asyncio.timeout(2.0):
                        await self.bus.replace(self.key, pack(Claim("", self.lease_s)), self._revision)
                except (FencedError, ConnectError, TimeoutError):
                    pass  # then it runs out


async def put_up_fence(bus: Bus, subject: str, lease: Lease) -> Fence:
    """From now on nobody who held the lease before can store anything behind `subject`. FencedError when a later holder has put
    up his already."""
    last = await bus.last(subject)
    mine = Mark(lease.epoch, lease.holder)
    if last is not None:
        there = unpack(Mark, last.data)
        if there.epoch > mine.epoch:
            raise FencedError(
                f"{subject}: {there.holder} has put up a later fence. "
                "If the key-value store was begun anew, begin the stream `results` anew too."
            )
    data, name = pack(mine), f"fence:{uuid.uuid4().hex}"
    try:
        return Fence(subject, await bus.publish_many([(subject, data, name)], Fence(subject, last.sequence if last else 0)))
    except FencedError:  # perhaps by ourselves: an attempt whose acknowledgement was lost on the way
        last = await bus.last(subject)
        if last is None or last.id != name:
            raise
        return Fence(subject, last.sequence)


async def epoch_of(bus: Bus, key: str) -> int:
    """Of the lease's holder; 0 when nobody holds it."""
    entry = await bus.entry(key)
    claim = unpack(Claim, entry.value) if entry else Claim("", 0.0)
    if entry is None or not claim.holder:
        return 0
    return claim.epoch or entry.revision


@final
class Asker:
    """Questions to whoever holds a lease: each holder answers on `<subject>.<epoch>`, so that none waits for one that is frozen."""

    def __init__(self, bus: Bus, key: str, look_s: float = 0.5) -> None:
        self._bus, self._key, self._look_s = bus, key, look_s
        self._epoch = 0

    async def ask(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        """The holder's answer, asked again when another takes over meanwhile. ConnectError when none comes in time."""
        try:
            async with asyncio.timeout(timeout_s + 0.5):  # who holds it may not be known for longer
                return await self._ask(subject, data, timeout_s)
        except TimeoutError as error:
            raise ConnectError(f"{subject}: no answer within {timeout_s:g} s. Check the line to nats-server.") from error

    async def _ask(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        self._epoch = self._epoch or await epoch_of(self._bus, self._key)
        while (left := deadline - loop.time()) > 0:
            if not self._epoch:
                await asyncio.sleep(min(0.1, left))
            else:
                asked = asyncio.ensure_future(self._bus.request(f"{subject}.{self._epoch}", data, left))
                if await self._answered(asked):
                    return asked.result()
            self._epoch = await epoch_of(self._bus, self._key)
        raise ConnectError(f"{subject}: nobody answered within {timeout_s:g} s. Start the process that serves it.")

    async def _answered(self, asked: asyncio.Future[bytes]) -> bool:
        """Waits for the answer; False as soon as somebody else holds the lease."""
        try:
            while True:
                await asyncio.wait({asked}, timeout=self._look_s)
                if asked.done():
                    refused = isinstance(asked.exception(), DataError)  # perhaps by one who has lost it
                    return not refused or await epoch_of(self._bus, self._key) == self._epoch
                if await epoch_of(self._bus, self._key) != self._epoch:
                    return False
        finally:
            asked.cancel()
