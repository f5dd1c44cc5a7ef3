"""Recipes: one TOML file per data scale."""
