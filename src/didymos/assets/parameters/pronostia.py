"""The PRONOSTIA test rig of FEMTO-ST as a `spindle`: one loaded test bearing in front, a much larger support at the rear.

The rig ages an NSK 6804DD by a radial load near its dynamic rating, at 1800 1/min and 4000 N, 1650 1/min and 4200 N, or
1500 1/min and 5000 N; a run ends when the acceleration passes 20 g.
Source: Nectoux et al., PRONOSTIA: an experimental platform for bearings accelerated life test, IEEE PHM 2012.
Acceleration: rms of the six learning runs, 4 m/s2 early and about 20 m/s2 at their ends; heat capacity and grease are estimates.
"""

from didymos.assets.spindle import Input, Params

OPERATION = {
    "1": Input(speed_rad_per_s=188.5, radial_load_N=4000.0, ambient_temperature_K=298.15, oil_viscosity_m2_per_s=100e-6),
    "2": Input(speed_rad_per_s=172.8, radial_load_N=4200.0, ambient_temperature_K=298.15, oil_viscosity_m2_per_s=100e-6),
    "3": Input(speed_rad_per_s=157.1, radial_load_N=5000.0, ambient_temperature_K=298.15, oil_viscosity_m2_per_s=100e-6),
}

PRONOSTIA = Params(
    rated_speed_rad_per_s=188.5,
    front_rating_N=4_000.0,
    front_fatigue_limit_N=112.0,
    front_mean_diameter_m=0.0256,
    rear_rating_N=20_000.0,
    rear_fatigue_limit_N=500.0,
    rear_mean_diameter_m=0.040,
    preload_N=1.0,
    overhang=0.0,
    contamination=0.8,
    torque_f1=9.0e-4,
    bearing_to_housing_K_per_W=1.0,
    housing_to_ambient_K_per_W=1.0,
    bearing_capacity_J_per_K=500.0,
    housing_heat_W=0.0,
    idle_power_W=50.0,
    cutting_arm_m=0.0,
    velocity_healthy_m_per_s=1.0e-3,
    acceleration_healthy_m_per_s2=4.0,
    acceleration_limit_m_per_s2=20.0,
)
