"""Read models: rows that events are folded into, exactly once and in order, and how they are read."""
