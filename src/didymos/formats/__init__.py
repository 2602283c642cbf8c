"""Bytes to rows and back; no input or output of their own."""
