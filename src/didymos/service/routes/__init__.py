"""The API, one file per subject; a new subject is one file and one name in ROUTERS."""

from didymos.service.routes import assets, cases, doctor, events, export, fields, health, history, lifecycle, rollup, waveform

ROUTERS = (
    health.router,
    assets.router,
    history.router,
    waveform.router,
    cases.router,
    events.router,
    rollup.router,
    export.router,
    doctor.router,
    lifecycle.router,
    fields.router,
)
