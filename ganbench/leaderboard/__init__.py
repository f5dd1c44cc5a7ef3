"""A leaderboard: a static page made from a folder of run folders, and what a new row of it must pass."""
