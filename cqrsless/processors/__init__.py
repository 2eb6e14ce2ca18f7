"""Event handlers: run in order, what they return carried out, what fails retried and parked."""
