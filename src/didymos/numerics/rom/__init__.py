"""Reduced models of heat and stress: the full affine model, its reduction, the bound on its error, stress modes, the live step."""
