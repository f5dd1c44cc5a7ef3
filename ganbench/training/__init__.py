"""Training: what every method shares. The losses live in each method's own file."""
