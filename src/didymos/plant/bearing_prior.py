"""What a fleet of bearings has taught (`infer.bearing_life.Prior`) as a JSON file that plant.toml's `life` names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from didymos.core.errors import ConfigError
from didymos.infer.bearing_life import Prior


def write_prior(path: Path, prior: Prior) -> None:
    fields = {name: np.asarray(value).tolist() for name, value in prior._asdict().items()}
    path.write_text(json.dumps(fields))


def read_prior(path: str) -> Prior:
    """ConfigError when the file is missing or holds something else."""
    try:
        fields = json.loads(Path(path).read_text())
        return Prior(
            np.array(fields["log_life"], float),
            np.array(fields["bandwidth_weight"], float),
            np.array(fields["shown"], float),
            float(fields["spread"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"life {path!r}: {error}. Allowed: a file written by `didymos fit` or `didymos replay`. Correct `life`."
        ) from error
