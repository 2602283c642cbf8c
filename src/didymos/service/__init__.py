"""HTTP, websocket, web page and command line."""
