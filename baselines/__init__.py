"""The baselines: one file a paper, registered through the same entry points as a plug-in."""
