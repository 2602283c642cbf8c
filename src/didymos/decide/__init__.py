"""From belief to action: which findings become Cases, and what happens to a Case."""
