"""The embedded server is found, refused when too old, configured for fsync, and not started twice on one store."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from didymos.core.errors import ConfigError, ConnectError
from didymos.data.stream.server import ServerConfig, check_version, command, config_text, find_server, start, stop, wait_ready


def fake_server(folder, version):
    folder.mkdir(exist_ok=True)
    path = folder / "nats-server"
    path.write_text(f"#!/bin/sh\necho 'nats-server: v{version}'\n")
    path.chmod(0o755)
    return str(path)


def test_a_server_that_is_too_old_is_refused_by_name_and_version(tmp_path, monkeypatch):
    old = fake_server(tmp_path, "2.9.10")
    monkeypatch.setenv("NATS_SERVER", old)
    with pytest.raises(ConfigError, match=rf"{old} is version 2.9.10, which is too old.*Allowed: version 2.11 or newer"):
        find_server()


def test_an_old_server_on_the_path_is_named_and_the_wheel_is_taken(tmp_path, monkeypatch, caplog):
    old = fake_server(tmp_path, "2.9.10")
    monkeypatch.delenv("NATS_SERVER", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_server() != old
    assert f"{old} is version 2.9.10, which is too old" in caplog.text


def test_the_environment_comes_before_the_path(tmp_path, monkeypatch):
    wanted = fake_server(tmp_path / "wanted", "2.12.0")
    fake_server(tmp_path / "path", "2.13.0")
    monkeypatch.setenv("NATS_SERVER", wanted)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{os.environ['PATH']}")
    assert find_server() == wanted


def test_a_program_that_is_no_nats_server_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NATS_SERVER", str(tmp_path / "absent"))
    with pytest.raises(ConfigError, match="absent cannot be run"):
        find_server()
    assert "does not tell its version" in check_version("thing", "hello")


@pytest.mark.parametrize(("text", "fine"), [("v2.11.0", True), ("2.10.99", False), ("v3.0.1", True), ("1.99.0", False)])
def test_versions_are_compared_as_numbers(text, fine):
    assert (check_version("x", text) == "") is fine


def test_the_configuration_listens_on_loopback_and_forces_every_message_to_disk(tmp_path):
    text = config_text(ServerConfig(tmp_path / "sto re", 4333, mqtt_port=1999, mqtt_ack_wait_s=3))
    assert "sync_interval: always" in text
    assert "host: 127.0.0.1\nport: 4333" in text
    assert 'mqtt { host: 127.0.0.1, port: 1999, ack_wait: "3s", max_ack_pending: 512 }' in text
    assert f'store_dir: "{tmp_path}/sto re"' in text
    assert "mqtt" not in config_text(ServerConfig(tmp_path, 4333))


def test_a_running_server_has_mqtt_and_ends_on_sigterm_and_its_store_is_not_shared(tmp_path, free_port):
    config = ServerConfig(tmp_path / "store", free_port(), mqtt_port=free_port())
    child = start(config)
    try:
        assert wait_ready(config.url, 5).startswith("2.")
        with socket.create_connection(("127.0.0.1", config.mqtt_port), 5) as line:
            line.sendall(bytes([0x10, 15, 0, 4]) + b"MQTT" + bytes([4, 2, 0, 60, 0, 3]) + b"abc")  # CONNECT, MQTT 3.1.1 section 3.1
            assert line.recv(4) == bytes([0x20, 2, 0, 0])  # CONNACK, accepted
        with pytest.raises(ConfigError, match=f"nats-server with pid {child.pid} uses this store"):
            command(ServerConfig(tmp_path / "store", free_port()))
    finally:
        status = stop(child)
    assert status in (0, 1)
    assert command(config)[1:] == ["-c", str(tmp_path / "store" / "nats.conf")]


def test_waiting_for_a_server_that_is_not_there_says_what_to_do(free_port):
    with pytest.raises(ConnectError, match=r"no nats-server with JetStream within 0.3 s .* Start it or correct \[nats\] url"):
        wait_ready(f"nats://127.0.0.1:{free_port()}", 0.3)


def test_a_reachable_server_that_is_too_old_is_refused_by_version():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            line, _ = listening.accept()
            with line:
                line.sendall(b'INFO {"version":"2.9.10","jetstream":true}\r\n')

        thread = threading.Thread(target=answer)
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(ConnectError, match=f"127.0.0.1:{port} is version 2.9.10, which is too old"):
            wait_ready(f"nats://127.0.0.1:{port}", 5)
        thread.join()
