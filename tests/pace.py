"""What tests of all machines need to know of each: its pace, and whether its kernels are compiled in the fast suite."""

import pytest

from didymos.assets import ASSETS

# Machines wear over months; a cutting edge over minutes. Tests in days run such a model with this many times shorter days.
PACE = {"cutting_tool": 1e-4, "turning": 1e-4}

# A compiled kernel costs seconds. Those of these machines are compiled in every run; those of the others where slow tests run.
COMPILED = ("induction_motor", "centrifugal_pump", "spindle")
BY_KERNEL = [name if name in COMPILED else pytest.param(name, marks=pytest.mark.slow) for name in ASSETS]
