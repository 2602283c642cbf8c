"""One part under load, from one TOML file: geometry, surfaces by name, material, supports, loads; solved, refined, written out."""
