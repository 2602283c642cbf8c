"""Readers of business systems: what closed work orders say happened to the machines."""
