"""Water properties against IAPWS tables and handbook values."""

import pytest

from didymos.assets.water import conductivity_W_per_m_K, density_kg_per_m3, vapour_pressure_Pa, viscosity_Pa_s


@pytest.mark.parametrize(("kelvin", "pascal"), [(300.0, 0.353658941e4), (500.0, 2.63889776e6), (600.0, 12.3443146e6)])
def test_vapour_pressure_equals_the_verification_table_of_iapws_if97(kelvin, pascal):
    # IAPWS R7-97(2012), table 35
    assert vapour_pressure_Pa(kelvin) == pytest.approx(pascal, rel=1e-8)


@pytest.mark.parametrize(("celsius", "pascal"), [(20.0, 2339.3), (60.0, 19946.0), (100.0, 101_418.0)])
def test_vapour_pressure_equals_the_steam_table(celsius, pascal):
    # saturation table of IAPWS-95 (NIST Chemistry WebBook)
    assert vapour_pressure_Pa(celsius + 273.15) == pytest.approx(pascal, rel=5e-4)


@pytest.mark.parametrize(("celsius", "density"), [(4.0, 999.975), (20.0, 998.207), (60.0, 983.2), (90.0, 965.3)])
def test_density_equals_the_handbook(celsius, density):
    # CRC Handbook of Chemistry and Physics, water at 1 atm
    assert density_kg_per_m3(celsius + 273.15) == pytest.approx(density, rel=1e-4)


@pytest.mark.parametrize(("celsius", "viscosity"), [(20.0, 1.0016e-3), (40.0, 0.6527e-3), (60.0, 0.4660e-3), (90.0, 0.3142e-3)])
def test_viscosity_is_within_one_and_a_half_percent_of_iapws_2008(celsius, viscosity):
    # IAPWS R12-08 at 0.1 MPa
    assert viscosity_Pa_s(celsius + 273.15) == pytest.approx(viscosity, rel=0.015)


@pytest.mark.parametrize(("celsius", "conductivity"), [(10.0, 0.5800), (25.0, 0.6065), (50.0, 0.6436), (80.0, 0.6700)])
def test_conductivity_equals_the_reference(celsius, conductivity):
    # CRC Handbook of Chemistry and Physics, water at 0.1 MPa
    assert conductivity_W_per_m_K(celsius + 273.15) == pytest.approx(conductivity, rel=5e-3)
