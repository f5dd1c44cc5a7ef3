"""Shipped checkpoints; data only."""
