"""Machines wear over months; a cutting edge over minutes. Tests in days run such a model with this many times shorter days."""

PACE = {"cutting_tool": 1e-4}
