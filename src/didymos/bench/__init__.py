"""One file per published figure."""
