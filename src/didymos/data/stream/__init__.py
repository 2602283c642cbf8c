"""The stream: `open_bus(url)` opens the bus that everything else meets on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from didymos.core.errors import ConfigError
from didymos.core.ports import Bus

if TYPE_CHECKING:
    from didymos.data.stream.nats import NatsOptions


async def open_bus(url: str, options: NatsOptions | None = None) -> Bus:
    """'nats://127.0.0.1:4222' (several, comma-separated, for a cluster), or 'memory:' for a bus inside this process.

    ConfigError for another scheme; ConnectError when no server answers within `options.patience_s`."""
    if url == "memory:":
        from didymos.data.stream.memory import MemoryBus

        return MemoryBus()
    if not url.startswith(("nats://", "tls://")):
        raise ConfigError(
            f"bus url {url!r} is not allowed. Allowed: nats://host:port, tls://host:port, memory:. Correct [nats] url."
        )
    from didymos.data.stream.nats import NatsBus

    return await NatsBus.open(url, options)
