"""The evaluation of methods on a test split: edit, judge, compare, record."""

from ganbench.evaluation.run import evaluate

__all__ = ["evaluate"]
