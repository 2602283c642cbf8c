"""Other tools' machines: FMUs (FMI 2.0 and 3.0, co-simulation) as `BlackBoxModel`s, and ours written as FMUs.

    bind.open_fmu(path) -> model.Fmu    runs in a child process that is watched, recycled, and resumed when it dies
    export.export   -> bytes          a `core.model.Model` as an FMU: C source and library, no Python in it

FMPy appears in `child` alone, and only in that process.
"""
