"""Failure codes of ISO 14224:2016, the letters and numbers only, each with a word that says what is meant.

Source: ISO 14224:2016, Annex B: Table B.2 (failure mechanism), Table B.3 (failure cause), Tables B.6 to B.9 (failure mode, of which
the part that rotating machines, drives and their cooling use is listed). Compared with public extracts: mechanisms 1.0 to 3.1,
and the modes AIR ELU ERO FRO FTF FTS HIO IHT INL LOO PDE PLU STD STP; the rest stands as commonly quoted. The standard itself is
for sale and decides. The words are ours.
"""

from __future__ import annotations

MODES: dict[str, str] = {
    "AIR": "abnormal instrument reading",
    "BRD": "breakdown: serious damage",
    "ELF": "external leakage of fuel",
    "ELP": "external leakage of the process medium",
    "ELU": "external leakage of a utility medium (oil, coolant)",
    "ERO": "erratic output",
    "FRO": "does not rotate",
    "FTF": "does not function on demand",
    "FTS": "does not start on demand",
    "HIO": "output too high",
    "IHT": "insufficient heat transfer",
    "INL": "internal leakage",
    "LOO": "output too low",
    "NOI": "noise",
    "OHE": "overheating",
    "OTH": "other",
    "PDE": "parameter out of its limits",
    "PLU": "plugged or choked",
    "PTF": "power or signal transmission failure",
    "SER": "minor in-service problem",
    "STD": "structural deficiency",
    "STP": "does not stop on demand",
    "UNK": "unknown",
    "UST": "spurious stop",
    "VIB": "vibration",
}

MECHANISMS: dict[str, str] = {
    "1.0": "mechanical, general", "1.1": "leakage", "1.2": "vibration", "1.3": "clearance or alignment", "1.4": "deformation",
    "1.5": "looseness", "1.6": "sticking",
    "2.0": "material, general", "2.1": "cavitation", "2.2": "corrosion", "2.3": "erosion", "2.4": "wear", "2.5": "breakage",
    "2.6": "fatigue", "2.7": "overheating", "2.8": "burst",
    "3.0": "instrument, general", "3.1": "control failure", "3.2": "no signal", "3.3": "faulty signal", "3.4": "out of adjustment",
    "3.5": "software error", "3.6": "common cause",
    "4.0": "electrical, general", "4.1": "short circuit", "4.2": "open circuit", "4.3": "no power", "4.4": "faulty power",
    "4.5": "earth or isolation fault",
    "5.0": "external influence, general", "5.1": "blockage", "5.2": "contamination", "5.3": "other external influence",
    "6.0": "miscellaneous, general", "6.1": "no cause found", "6.2": "combined causes", "6.3": "other", "6.4": "unknown",
}  # fmt: skip

CAUSES: dict[str, str] = {
    "1.0": "design, general", "1.1": "improper capacity", "1.2": "improper material",
    "2.0": "fabrication or installation, general", "2.1": "fabrication", "2.2": "installation",
    "3.0": "operation or maintenance, general", "3.1": "off-design service", "3.2": "operating error", "3.3": "maintenance error",
    "3.4": "expected wear and tear",
    "4.0": "management, general", "4.1": "documentation error", "4.2": "management error",
    "5.0": "miscellaneous, general", "5.1": "no cause found", "5.2": "common cause", "5.3": "combined causes", "5.4": "other",
    "5.5": "unknown",
}  # fmt: skip
