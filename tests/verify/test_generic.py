"""The asset without physics refuses what it could not work with."""

import pytest

from didymos.assets.generic import Generic
from didymos.core.channel import Channel
from didymos.core.errors import ConfigError

SPEED, HEAT = Channel("speed", "Speed", "rad/s", 0.0, 100.0), Channel("oil", "Oil temperature", "K", 250.0, 400.0)


def test_a_generic_asset_without_channels_is_refused():
    with pytest.raises(ConfigError, match="no channel"):
        Generic(())


def test_a_channel_given_twice_is_named():
    with pytest.raises(ConfigError, match="'speed' twice"):
        Generic((SPEED, HEAT, SPEED))


def test_a_regime_that_is_no_channel_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match="'load' is not one of its channels speed, oil"):
        Generic((SPEED, HEAT), "load")


def test_channels_keep_their_order():
    assert [c.name for c in Generic((SPEED, HEAT), "speed").channels] == ["speed", "oil"]
