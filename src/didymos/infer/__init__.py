"""From measured to believed: filters, features, anomaly, life, reasons."""
