"""Identity: whether an edit still shows the person of its input, whatever the expression.

A face descriptor places pictures of one person near each other. That of dlib was trained on photographs;
among rendered faces an expression moves it as much as another person does (docs/validation.md). Therefore
descriptors are whitened by the covariance of pictures of one person: directions in which a person varies
count less than those in which persons differ. This is the scatter within classes of linear discriminant
analysis (R. A. Fisher, Annals of Eugenics 7, 1936, p. 179), and the within-class covariance
normalisation of speaker recognition (A. O. Hatch, S. Kajarekar and A. Stolcke, Interspeech 2006, p. 1471).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

# What is added to all variances of the covariance within persons, in shares of their mean.
RIDGE = 0.1

SPEC = MetricSpec(
    name="identity",
    title="Identity",
    version=3,
    unit="cosine",
    direction="higher",
    digits=3,
    definition=(
        "Mean cosine similarity of the face descriptors of an input and its edits. The descriptor is that "
        "of dlib, minus its mean and multiplied by the inverse square root of the covariance within "
        "persons, which was fitted to rendered persons of the training split, each with seven expressions "
        "in two scenes: a change of expression counts little, and another person gets about 0. An edit "
        "that changes nothing gets 1; the row of the true edits, which show the same person, tells what "
        "a right edit gets. Computed for the edits of the first 140 test images, or for all of them "
        "with --all-faces. 'euclidean' is the distance of the plain descriptors that papers report, and "
        "'found again' is the share of edits to which no input of another test person is nearer."
    ),
    ours=True,
)


def fit_whitening(descriptors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean of descriptors, and the inverse square root of their covariance within persons.

    With the mean m_p of person p, and k pictures of each of P persons,

        S = sum_p sum_i (d_pi - m_p)(d_pi - m_p)' / (P (k - 1)),    W = (S + RIDGE tr(S) / D I)^(-1/2)

    Args:
        descriptors: [P, k, D], two or more persons and pictures.

    Returns:
        mean float64 [D], and W float64 [D, D], which is symmetric.

    Raises:
        BadInput: another shape, or values that are not finite.
    """
    d = np.asarray(descriptors, np.float64)
    if d.ndim != 3 or min(d.shape[:2]) < 2 or not np.isfinite(d).all():
        raise BadInput(
            f"descriptors must be finite [P, k, D] with P, k >= 2: got shape {d.shape}; "
            "give some pictures of each of some persons"
        )
    persons, pictures, width = d.shape
    apart = (d - d.mean(axis=1, keepdims=True)).reshape(-1, width)
    covariance = apart.T @ apart / (persons * (pictures - 1))
    covariance += RIDGE * np.trace(covariance) / width * np.eye(width)
    values, vectors = np.linalg.eigh(covariance)
    return d.mean(axis=(0, 1)), (vectors / np.sqrt(values)) @ vectors.T


def whitened(
    descriptors: ArrayLike, mean: NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Descriptors [..., D] minus the mean [D], times the matrix [D, D] of ``fit_whitening``; float64."""
    return np.asarray((np.asarray(descriptors, np.float64) - mean) @ matrix)


def found_again(inputs: ArrayLike, edits: ArrayLike) -> NDArray[np.bool_]:
    """Whether no input of another image is nearer to an edit than its own, by the cosine.

    Args:
        inputs: [N, D], one of each person.
        edits: [N, K, D], K edits of each input.

    Returns:
        bool [N, K]; False where an input or edit is 0, which has no direction.
    """
    a, b = (_directions(np.asarray(x, np.float64)) for x in (inputs, edits))
    found = np.empty(b.shape[:2], np.bool_)
    for i, of_image in enumerate(b):
        cosines = of_image @ a.T
        others = np.delete(cosines, i, axis=1)
        # A product of equal vectors may differ in the last bits.
        found[i] = cosines[:, i] >= others.max(axis=1, initial=-1) - 1e-12
    has_direction = [np.linalg.norm(x, axis=-1) > 0 for x in (a, b)]
    return np.asarray(found & has_direction[0][:, None] & has_direction[1])


def _directions(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors [..., D] of length 1; 0 stays 0."""
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    return np.asarray(np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0))
