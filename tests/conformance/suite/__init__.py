"""The conformance suite of README.md. Python's standard library and nothing else."""
