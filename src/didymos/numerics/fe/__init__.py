"""Finite elements on scikit-fem: its meshes, elements and quadrature; stiffness, heat, modes, recovery, solvers here. SI."""

import logging

logging.getLogger("skfem").setLevel(logging.WARNING)  # it tells of every basis and form at INFO
