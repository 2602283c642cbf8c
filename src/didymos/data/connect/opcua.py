"""OPC UA by subscription: one PublishResponse of the server becomes one Payload, with the source's time and status.

Tags are monitored items of few subscriptions, created within the server's announced limits. A session that breaks, or a server that
stops sending even keep-alives, gives a new client: reconnecting inside the library has been seen to hang. A waveform tag is a node
that holds an array; its first sample is at the source time. The source keeps no acknowledgements: what the server sends while this
process is dead is lost, and reported as a gap.

Source: OPC UA Part 4 (5.12 MonitoredItem, 5.13 Subscription, 7.39 StatusCode). Verified: tests/connect/test_opcua.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from didymos.core.clock import Clock
from didymos.core.errors import ConfigError, ConnectError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect.opcua_values import Notices, Readings
from didymos.data.connect.options import Option, limited, read_options, read_url
from didymos.data.connect.supervise import TROUBLE, Connected, Retry, Supervisor, reason

_MOST_ITEMS_A_CALL = "i=11714"  # Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
_SERVER_OBJECT = "i=2253"
_WAITING = 100  # publish responses held before the server has to wait


@dataclass(frozen=True, slots=True)
class OpcUaOptions:
    """publish_s              how often the server sends, and samples
    queue_size             values the server keeps per item between two publications
    items_per_subscription, items_per_call    upper limits; the server's own limit per call counts as well
    silent_intervals       publications without even a keep-alive before we connect anew; interval_s > 0: the same for data
    rate_hz                sample rate of waveform tags
    security               with certificate, private_key (PEM or DER files); server_certificate pins the server's
    application_uri        must be the URI in the certificate
    """

    publish_s: float = limited(0.5, 0.01, 3600.0)
    queue_size: int = limited(100, 1, 1_000_000)
    items_per_subscription: int = limited(1000, 1)
    items_per_call: int = limited(500, 1)
    silent_intervals: int = limited(10, 3)
    interval_s: float = limited(0.0, 0.0)
    rate_hz: float = limited(0.0, 0.0)
    security: str = limited("None", allowed=("None", "Basic256Sha256", "Aes256Sha256RsaPss"))
    mode: str = limited("SignAndEncrypt", allowed=("Sign", "SignAndEncrypt"))
    certificate: str = ""
    private_key: str = ""
    server_certificate: str = ""
    application_uri: str = "urn:didymos:client"
    user: str = ""
    password: str = ""
    connect_timeout_s: float = limited(10.0, 0.05, 600.0)
    retry_s: float = limited(0.5, 0.01, 3600.0)
    retry_most_s: float = limited(15.0, 0.01, 3600.0)


class OpcUa:
    """One server; `stream` may be called once."""

    def __init__(self, source_id: str, url: str, options: Mapping[str, Option], clock: Clock) -> None:
        self._options = o = read_options(OpcUaOptions, options, source_id)
        if "@" in read_url(url, ("opc.tcp",), source_id).netloc:
            raise ConfigError(f"source {source_id}: write user and password as options, not in the url")
        if o.security != "None" and not (o.certificate and o.private_key):
            raise ConfigError(
                f"source {source_id}: security {o.security!r} needs options certificate and private_key (PEM or DER files)"
            )
        self._id, self._url, self._clock = source_id, url, clock
        self._supervisor = Supervisor(source_id, clock, Retry(o.retry_s, max(o.retry_s, o.retry_most_s)))

    def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]:
        if any(tag.waveform for tag in tags) and not self._options.rate_hz:
            raise ConfigError(f"source {self._id}: waveform tags need option rate_hz, the sample rate of their arrays")
        readings = Readings(tags, self._id, self._clock, self._options.rate_hz)
        return self._supervisor.run(lambda: self._session(readings, tags))

    async def _session(self, readings: Readings, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault | Connected]:
        client = self._client()
        inbox: asyncio.Queue[Notices | Exception] = asyncio.Queue(_WAITING)

        async def lost(error: Exception) -> None:
            inbox.put_nowait(error) if not inbox.full() else None

        client.connection_lost_callback = lost
        try:
            await self._connect(client)
            yield Connected(f"connected to {self._url}")
            for fault in await self._subscribe(client, tags, readings, inbox):
                yield fault
            while True:
                notices = await self._next(inbox)
                for item in readings.take(notices):
                    yield item
        except TROUBLE:
            raise
        except Exception as error:  # the library lets many kinds out of a broken session
            raise ConnectError(f"{self._url}: {reason(error)}") from error
        finally:
            await _disconnect(client)

    async def _next(self, inbox: asyncio.Queue[Notices | Exception]) -> Notices:
        """The next data. ConnectError when the connection broke, or nothing came for too long, keep-alives included."""
        o, loop = self._options, asyncio.get_running_loop()
        quiet_s = o.silent_intervals * max(o.publish_s, 0.1) + 1.0
        data_end_s = loop.time() + o.silent_intervals * o.interval_s if o.interval_s else float("inf")
        while True:
            what = f"{self._url}: no keep-alive" if loop.time() + quiet_s < data_end_s else f"{self._url}: no data"
            limit_s = max(0.0, min(quiet_s, data_end_s - loop.time()))
            found = await self._supervisor.unless_closed(inbox.get(), limit_s, what)
            if isinstance(found, Exception):
                raise ConnectError(f"{self._url}: {reason(found)}")
            if found:
                return found

    def _client(self) -> Any:
        from asyncua.client.client import Client

        o = self._options
        client = Client(self._url, timeout=o.connect_timeout_s, watchdog_intervall=max(1.0, 2 * o.publish_s))
        client.application_uri = o.application_uri
        if o.user:
            client.set_user(o.user)
            client.set_password(o.password)
        return client

    async def _connect(self, client: Any) -> None:
        o = self._options
        if o.security != "None":
            parts = [o.security, o.mode, o.certificate, o.private_key, *([o.server_certificate] if o.server_certificate else [])]
            await self._supervisor.unless_closed(client.set_security_string(",".join(parts)), o.connect_timeout_s, self._url)
        await self._supervisor.unless_closed(client.connect(), o.connect_timeout_s, self._url)

    async def _subscribe(
        self, client: Any, tags: Sequence[TagSpec], readings: Readings, inbox: asyncio.Queue[Notices | Exception]
    ) -> list[Fault]:
        """All tags as monitored items, their place in `tags` as client handle; a Fault for each that the server does not have."""
        from asyncua import ua

        async def published(result: ua.PublishResult) -> None:
            await inbox.put(readings.notices(result))  # a full inbox holds back the publish loop, so the server queues

        faults: list[Fault] = []
        per_call = await self._items_per_call(client)
        good, bad = readings.node_ids()
        faults += bad
        numbered = iter(good)
        while group := list(islice(numbered, self._options.items_per_subscription)):
            number = await self._subscription(client, published)
            for part in _parts(group, per_call):
                request = ua.CreateMonitoredItemsParameters()
                request.SubscriptionId, request.TimestampsToReturn = number, ua.TimestampsToReturn.Both
                request.ItemsToCreate = [self._item(place, node) for place, node in part]
                results = await client.uaclient.session.create_monitored_items(request)
                faults += readings.unknown([(place, r.StatusCode) for (place, _), r in zip(part, results, strict=True)])
        return faults

    async def _subscription(self, client: Any, published: Any) -> int:
        from asyncua import ua

        request = ua.CreateSubscriptionParameters()
        request.RequestedPublishingInterval = 1000.0 * self._options.publish_s
        request.RequestedLifetimeCount, request.RequestedMaxKeepAliveCount = 10000, max(1, self._options.silent_intervals // 3)
        request.MaxNotificationsPerPublish, request.PublishingEnabled = 8000, True
        return (await client.uaclient.session.create_subscription(request, published)).SubscriptionId

    def _item(self, place: int, node: Any) -> Any:
        from asyncua import ua
        from asyncua.ua.attribute_ids import AttributeIds

        wanted = ua.MonitoringParameters()
        wanted.ClientHandle, wanted.QueueSize, wanted.DiscardOldest = place, self._options.queue_size, True
        wanted.SamplingInterval = 1000.0 * self._options.publish_s
        # a value that repeats is a reading too: without it a frozen sensor looks like a silent one
        wanted.Filter = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor.NodeId, item.ItemToMonitor.AttributeId = node, AttributeIds.Value
        item.MonitoringMode, item.RequestedParameters = ua.MonitoringMode.Reporting, wanted
        return item

    async def _items_per_call(self, client: Any) -> int:
        """Our limit or the server's, where it announces one."""
        with suppress(Exception):  # many servers do not have this node
            announced = int(await client.get_node(_MOST_ITEMS_A_CALL).read_value() or 0)
            if announced > 0:
                return min(announced, self._options.items_per_call)
        return self._options.items_per_call

    async def browse(self, most: int = 2000) -> list[dict[str, str]]:
        """Up to `most` variables under Objects, the server's own diagnostics left out."""
        client = self._client()
        try:
            await self._connect(client)
            return [row async for row in _walk(client.nodes.objects, most)]
        except Exception as error:
            raise ConnectError(f"{self._id}: {self._url}: {reason(error)}") from error
        finally:
            await _disconnect(client)

    async def close(self) -> None:
        self._supervisor.closed.set()


async def _disconnect(client: Any) -> None:
    """Close the session; the socket is closed even when a frozen server never answers the goodbye."""
    protocol = client.uaclient.protocol
    try:
        with suppress(Exception):
            async with asyncio.timeout(2.0):
                await client.disconnect()
    finally:
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()
            await asyncio.sleep(0)  # the loop closes an aborted socket at its next turn


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


async def _walk(root: Any, most: int) -> AsyncIterator[dict[str, str]]:
    """Variables below `root`, breadth first, each node once."""
    from asyncua import ua

    waiting, seen, found = [root], set(), 0
    while waiting and found < most:
        for node in await waiting.pop(0).get_children():
            address = node.nodeid.to_string()
            if address in seen or address == _SERVER_OBJECT:
                continue
            seen.add(address)
            if await node.read_node_class() == ua.NodeClass.Variable:
                found += 1
                yield await _row(node, address)
            else:
                waiting.append(node)


async def _row(node: Any, address: str) -> dict[str, str]:
    name = (await node.read_browse_name()).Name
    kind = value = unit = ""
    with suppress(Exception):  # a variable that may not be read is still worth listing
        read = await node.read_data_value(raise_on_bad_status=False)
        kind, value = read.Value.VariantType.name + ("[]" if read.Value.is_array else ""), str(read.Value.Value)[:60]
    with suppress(Exception):
        unit = (await (await node.get_child("0:EngineeringUnits")).read_value()).DisplayName.Text or ""
    return {"address": address, "name": name, "type": kind, "unit": unit, "value": value}
