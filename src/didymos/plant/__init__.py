"""The plant: its configuration, and the loop that keeps the twin in step with it."""
