"""Faults on order: what real clients see of them, in each role."""
