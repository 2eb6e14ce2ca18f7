"""The log: an index of every commit, in pages, that tracking processors read and replay."""
