"""Fatigue: cycles counted as they close (rainflow, histogram), what a cycle costs (stress_life, strain_life), planes."""
