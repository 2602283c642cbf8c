"""From belief to action: alerts and cases."""
