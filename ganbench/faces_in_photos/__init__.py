"""Faces in photographs: where they are, where their features are, and who they are.

A face is found by ``load_face_networks().find``, brought into the frame of the methods by ``align`` with
``frame_matrix``, and described by ``descriptor`` of its ``chip``. ``paste_back`` puts an edited frame into the photograph.
"""

from ganbench.faces_in_photos.finding import Face, FaceNetworks, chip, largest, load_face_networks
from ganbench.faces_in_photos.geometry import align, frame_matrix, inverse
from ganbench.faces_in_photos.networks import fingerprints
from ganbench.faces_in_photos.pasting import paste_back

__all__ = [
    "Face",
    "FaceNetworks",
    "align",
    "chip",
    "fingerprints",
    "frame_matrix",
    "inverse",
    "largest",
    "load_face_networks",
    "paste_back",
]
