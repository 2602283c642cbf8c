"""How fast a unit wears, learned: the logarithm of its rate relative to the model's published rate.

    d wear / dt = exp(r) * nominal rate(live conditions)        dr = -r dt / memory + noise,    sd(r) = 1 in the long run

r = 0 is the average unit, +3 wears twenty times as fast. The slow return to 0 (an Ornstein-Uhlenbeck process) keeps a forecast
over years from wandering without limit; within weeks what was learned stands.
Source: lognormal unit-to-unit rates, Meeker & Escobar, Statistical Methods for Reliability Data, 1998, ch. 13; the memory
is our choice.
"""

MEMORY_S = 90.0 * 86_400.0
LOG_RATE_SD = 1.0
LOG_RATE_NOISE = 5.07e-4  # per square root of second: LOG_RATE_SD * sqrt(2 / MEMORY_S)
LOG_RATE_LOW, LOG_RATE_HIGH = -3.0, 6.0
DAMAGE_LOW = -0.1  # a sum of life consumed that no sensor shows: what it began with is known to a percent or so, to either side


def log_rate_drift(log_rate):
    """Return towards the average unit, 1/s."""
    return -log_rate / MEMORY_S
