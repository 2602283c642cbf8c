"""Numerical methods on arrays: integrators, sigma points, futures, spectra. Know nothing of machines."""
