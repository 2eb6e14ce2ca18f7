"""What cqrsless costs, beside its peers and beside plain Python: `python -m benchmarks` (see README.md here)."""
