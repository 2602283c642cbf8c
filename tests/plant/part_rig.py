"""Part files that several tests share."""

BEAM = """
analysis = "static"
[mesh]
box_m = [0.4, 0.02, 0.02]
elements = [8, 1, 1]
[[surface]]
name = "wall"
plane = { axis = "x", at = 0.0 }
[[surface]]
name = "tip"
plane = { axis = "x", at = 0.4 }
[material]
young_Pa = 210e9
poisson = 0.0
density_kg_m3 = 7850
[[support]]
surface = "wall"
fix = ["x", "y", "z"]
[[load]]
surface = "tip"
force_N = [0.0, 0.0, -100.0]
[[probe]]
name = "end"
at = [0.4, 0.0, 0.0]
"""
PLATE = """
analysis = "heat"
kind = "plane_stress"
[mesh]
box_m = [0.5, 0.1]
elements = [8, 1]
[[surface]]
name = "hot"
plane = { axis = "x", at = 0.0 }
[[surface]]
name = "cold"
plane = { axis = "x", at = 0.5 }
[material]
conductivity_W_mK = 20.0
young_Pa = 200e9
poisson = 0.3
expansion_per_K = 1e-5
density_kg_m3 = 8000
heat_J_kgK = 500
[[temperature]]
surface = "hot"
kelvin = 500
[[exchange]]
surface = "cold"
film_W_m2K = 40
ambient_K = 300
[[probe]]
name = "end"
at = [0.5, 0.0]
"""
