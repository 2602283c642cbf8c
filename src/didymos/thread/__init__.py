"""The digital thread: tamper-evident records of what happened to each unit."""
