"""Tables, pictures and pages made from an evaluation."""

from ganbench.data.cache import house_matplotlib

house_matplotlib()  # before the modules here import matplotlib
