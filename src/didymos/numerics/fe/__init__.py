"""Finite elements on scikit-fem: its meshes, elements and quadrature; stiffness, heat, modes, recovery and solvers here. SI units."""
