"""All that reacts to the commits of one application, put together and run."""
