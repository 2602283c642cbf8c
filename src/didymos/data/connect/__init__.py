"""Connectors: one wire protocol each, read-only. `CONNECTORS` is the whole list: name in plant.toml -> class.

Every class takes (source_id, url, options, clock), refuses a wrong url or option with a ConfigError, and keeps the promise of
`core.ports.Connector`. A new protocol is one file, one test in tests/connect, one line here.
"""

from __future__ import annotations

from didymos.data.connect.fake import Fake
from didymos.data.connect.http import HttpPush
from didymos.data.connect.mqtt import Mqtt
from didymos.data.connect.opcua import OpcUa
from didymos.data.connect.replay import Replay

CONNECTORS = {"opcua": OpcUa, "mqtt": Mqtt, "http": HttpPush, "replay": Replay, "fake": Fake}
