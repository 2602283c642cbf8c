"""The API, one file per subject; a new subject is one file and one name in ROUTERS."""

from didymos.service.routes import assets, cases, doctor, events, health, history, lifecycle, waveform

ROUTERS = (
    health.router,
    assets.router,
    history.router,
    waveform.router,
    cases.router,
    events.router,
    doctor.router,
    lifecycle.router,
)
