"""JSON payloads and times. Bad input first; expected times come from the standard library's datetime, waveforms from NumPy."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from didymos.core.errors import ConfigError, DataError
from didymos.formats import json_payload as j
from didymos.formats.iso_time import epoch_ns, iso_ns, zone_named

T = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "truncated"),
        (b"\xff\xfe\x00", "is not telemetry"),
        (b"[1,2]", "array"),
        (b'{"values": {"a": 1}}', "ts"),
        (b'{"ts": "yesterday", "values": {}}', "ISO 8601"),
        (b'{"ts": "2026-01-05T00:00:00", "values": {}}', "no zone"),
        (b'{"ts": 1e30, "values": {}}', "1678 to 2262"),
        (b'{"ts": 99999999999999999999, "values": {}}', "1678 to 2262"),
        (b'{"ts": 1, "values": {"a": NaN}}', "is not telemetry"),
        (b'{"ts": 1, "values": {"a": 1}' + b"}" * 100, "is not telemetry"),
        (b"[" * 100_000, "is not telemetry"),
    ],
)
def test_telemetry_that_cannot_be_used_is_a_data_error_that_shows_it(payload: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        j.decode_telemetry(payload)


@pytest.mark.parametrize("payload", [b"", b"12,5", b"ON", b"1_000", b"0x10", b'{"value": "12"}', b'{"v": 1}', b"[1]", b'"1"'])
def test_a_single_value_must_be_a_number(payload: bytes) -> None:
    with pytest.raises(DataError):
        j.decode_value(payload)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dtype": "float64"}, "waveform"),
        ({"data": "!!!"}, "waveform"),
        ({"data": base64.b64encode(b"abc").decode()}, "whole int16"),
        ({"data": ""}, "whole int16"),
        ({"rate_hz": 0}, "positive rate"),
        ({"rate_hz": -5.0}, "positive rate"),
        ({"ts": None}, "waveform"),
    ],
)
def test_a_waveform_that_cannot_be_used_is_a_data_error(change: dict[str, object], said: str) -> None:
    good = {"ts": 0, "rate_hz": 100.0, "dtype": "int16", "data": base64.b64encode(b"abcd").decode()}
    assert len(j.decode_waveform(json.dumps(good).encode(), "t").samples) == 2
    with pytest.raises(DataError, match=said):
        j.decode_waveform(json.dumps(good | change).encode(), "t")


def test_text_beside_numbers_does_not_spoil_them() -> None:
    _, values = j.decode_telemetry(b'{"ts": 5, "values": {"mode": "RUN", "on": true, "p": 2, "x": null}}')
    assert j.number_of("p", values["p"]) == 2.0
    assert j.number_of("on", values["on"]) == 1.0
    assert np.isnan(j.number_of("x", values["x"]))
    with pytest.raises(DataError, match="'mode' holds 'RUN'"):
        j.number_of("mode", values["mode"])


def test_what_is_written_reads_back_exactly_to_the_nanosecond() -> None:
    for time_ns in (T, T + 1, T + 999_999_999, T + 5_000_000, -1):
        assert j.decode_telemetry(j.encode_telemetry(time_ns, {"a": 0.1}))[0] == time_ns
        assert j.decode_value(j.encode_value(time_ns, 0.1)) == (time_ns, 0.1)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_a_waveform_reads_back_as_raw_times_scale_plus_offset(dtype: str) -> None:
    raw = np.random.default_rng(3).integers(-30000, 30000, 500).astype(dtype)
    wave = j.decode_waveform(j.encode_waveform(T, 25600.0, raw, 0.001, -65.536), "m/acc", "plc")
    assert (wave.channel, wave.start_ns, wave.rate_hz, wave.source) == ("m/acc", T, 25600.0, "plc")
    np.testing.assert_array_equal(wave.samples, (raw.astype(float) * 0.001 - 65.536).astype(np.float32))
    with pytest.raises(DataError, match="int64"):
        j.encode_waveform(T, 1.0, raw.astype(np.int64))


def test_iso_times_equal_datetime_and_keep_nine_decimals() -> None:
    assert iso_ns("2026-01-05T01:00:00+01:00") == T
    assert iso_ns("2026-01-05T00:00:00.123456789Z") == T + 123_456_789
    assert iso_ns("2026-07-05 12:00:00", ZoneInfo("Europe/Berlin")) == iso_ns("2026-07-05T10:00:00Z")
    assert iso_ns("1969-12-31T23:59:59.250Z") == -750_000_000


def test_epoch_numbers_are_exact_as_text_and_as_integers() -> None:
    assert epoch_ns("1767571200.123456789", "s") == 1767571200_123456789
    assert epoch_ns(1767571200_123, "ms") == 1767571200_123_000_000
    assert epoch_ns("1.7675712e9", "s") == T
    for wrong in ("", "soon", "nan", "inf", "1e400"):
        with pytest.raises(DataError):
            epoch_ns(wrong, "s")
    with pytest.raises(ConfigError, match="IANA"):
        zone_named("Mars/Olympus", "source x")


def test_topic_templates_are_read_both_ways() -> None:
    topic = j.topic_of(j.WAVEFORM_TOPIC, asset="sp-01", tag="acceleration")
    assert topic == "line7/sp-01/waveform/acceleration"
    assert j.names_in(j.WAVEFORM_TOPIC, topic) == {"asset": "sp-01", "tag": "acceleration"}
    assert j.names_in(j.TELEMETRY_TOPIC, topic) is None
    with pytest.raises(ConfigError, match="template"):
        j.topic_of(j.WAVEFORM_TOPIC, asset="sp-01")
