"""Filters that dirt clogs: pressure drop at rated flow against the share of the dirt that the filter may hold.

    dp = dp_clean (dp_limit / dp_clean)^loading            loading 0 new, 1 at its limit

Source: pressure drop against retained dust rises exponentially in loading tests, ISO 16889:2022 (hydraulic filters),
ISO 16890-3:2016 (air filters); the exponential is our form of it. Valid: loading up to 1.5.
Verified: tests/verify/test_fan.py.
"""

import numpy as np


def clogged_drop_Pa(loading, clean_Pa, limit_Pa):
    return clean_Pa * np.exp(np.log(limit_Pa / clean_Pa) * np.clip(loading, -2.0, 4.0))
