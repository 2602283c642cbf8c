"""The virtual plant: machining line 7 and its ERP, the stand-in for reality. A process of its own.

It imports nothing of assets, infer or decide, and shares no equation with them. The twin never imports it and never reads its
truth file. What it simulates, and how that differs from the twin's models:

motors     four heat nodes (slot winding, end winding, frame, rotor); frame cooled by fan air ~ n^0.75, free convection and
           radiation ~ T^4; skin effect, supply imbalance, saturation; copper heated by rms current while the PLC reports the mean
           of a duty cycle; grease friction falls with temperature; vibration has a structural resonance over speed and a load part
pumps      head with linear, quadratic and cubic terms and a viscosity loss; the flow is *solved* against a system curve whose
           demand varies; ring gap with a Reynolds-dependent friction factor; part-load recirculation; strainer loss at the suction;
           two-phase head drop that starts before NPSH3; seal faces that heat and thin their film; a coolant tank with its own heat
spindles   five heat nodes (both bearings, housing, shaft, built-in motor); preload grows with shaft minus housing temperature and
           with speed^2; friction = rolling with shear heating + sliding that turns to mixed friction when the film gets thin;
           VG 32 oil thinning exponentially with temperature; cutting power from load; waveforms: imbalance, line hum, ball-pass
           impulses with slip and load-zone modulation rung down by a second-order resonance, coloured noise
housings   of the spindles, as bodies: a transient of 1,480 nodes each on elements of their own; coolant uneven around, radiation, a
           bolted flange, a headstock that warms; four glued thermocouples with offset, stem loss and contacts that come loose
generics   hydraulic unit, chip conveyor, mist extractor: simple lags on the line's load
all        hidden unit-to-unit spread of every parameter, sensor noise, quantisation, fixed bias, lost samples, gaps,
           day/night and weather, three-shift pattern with breaks and free Sundays, product mix, wear with random increments

    simulate(seed, start_ns, days) -> Run           plant.py: all tags as arrays, no network
    python -m didymos.plant.virtual ...             __main__.py: the same, live, over OPC UA and MQTT, with ERP and truth file
    fill(...)                                       template.py: line7.toml, the twin's plant file for this line

One seed gives one history, bit for bit, at any speed: every random number is drawn by (seed, purpose, step).
"""
