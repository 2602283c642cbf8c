"""History: `owner.Historian` is its one owner, `client.HistoryClient` is how everybody else reads it."""
