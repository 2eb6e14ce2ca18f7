"""From a commit in the store to whoever asked for its events, in order, whatever the stream did to it."""
