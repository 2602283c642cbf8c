"""Telemetry and business data: connectors, the stream, history, ERP."""
