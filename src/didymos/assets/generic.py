"""A machine without physics: its channels, and the one that tells in which regime it runs.

Nothing is predicted for it but its own baseline per regime; its Life is withheld with `NO_FAILURE_MODE`.
"""

from __future__ import annotations

from dataclasses import dataclass

from didymos.core.channel import Channel
from didymos.core.errors import ConfigError

GENERIC = "generic"
NO_FAILURE_MODE = "no failure mode configured"


@dataclass(frozen=True, slots=True)
class Generic:
    """channels in the order of plant.toml; regime: name of the channel that defines the operating regime, "" for none."""

    channels: tuple[Channel, ...]
    regime: str = ""

    def __post_init__(self) -> None:
        names = [channel.name for channel in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice:
            found = f"channel {twice[0]!r} twice" if twice else "no channel"
            raise ConfigError(f"generic asset: {found}. Give at least one [[asset.channel]], each name once.")
        if self.regime and self.regime not in names:
            raise ConfigError(
                f"generic asset: regime {self.regime!r} is not one of its channels {', '.join(names)}. Correct `regime`."
            )
