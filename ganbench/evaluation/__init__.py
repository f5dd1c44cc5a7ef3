"""One pass over a test split: edits, judgements, records."""

from ganbench.evaluation.run import evaluate

__all__ = ["evaluate"]
