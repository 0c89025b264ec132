"""The tests; ``python -m tests.random_networks`` runs as many random networks as you like."""
