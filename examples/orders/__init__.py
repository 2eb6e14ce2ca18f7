"""A small shop's orders: a state-stored application with HTTP routes."""
