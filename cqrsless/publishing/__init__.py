"""Public events: domain events that a publisher has turned into CloudEvents for the world outside."""
