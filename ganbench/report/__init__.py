"""The tables, pictures and page of an evaluation."""

from ganbench.storage.root import house_matplotlib

house_matplotlib()  # before the modules here import matplotlib
