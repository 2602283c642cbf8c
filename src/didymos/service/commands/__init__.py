"""One command a file; each is registered by one line in `service.cli`."""
