"""One error class per person who must act.

A message says who, what was given, what is allowed and what to do, for example

    pump-03.flow: unit 'm3/fortnight' is not known. Allowed: any unit of volume/time, such as m3/h. Correct `unit` in plant.toml.
"""


class DidymosError(Exception):
    """Base of every error that Didymos raises on purpose."""


class ConfigError(DidymosError):
    """The plant file or a command's argument is wrong: whoever wrote it must act."""


class ConnectError(DidymosError):
    """A source, broker or server cannot be reached or refuses us: the controls engineer must act."""


class DataError(DidymosError):
    """A value, file or message cannot be used as it is: the data's owner must act."""


class FencedError(DidymosError):
    """Somebody else owns by now what we were about to change. Nothing was changed; whoever gets this stops, or asks again."""


class ModelError(DidymosError):
    """A machine model or its parameters are wrong or used outside their range: the modeller must act."""


class SolveError(DidymosError):
    """A numerical method did not reach an answer it can stand for."""


class LedgerError(DidymosError):
    """A record is missing, altered or contradictory: the quality engineer must act."""
