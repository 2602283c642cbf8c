"""One file per machine; the ASSETS table names them."""
