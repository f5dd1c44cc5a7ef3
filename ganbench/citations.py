"""BibTeX entries of ganbench, of the methods' papers, and of what its judges and face networks come from."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench import __version__
from ganbench.registry import METHODS

SUITE = f"""@software{{ganbench,
  title = {{ganbench: training and judging GANs that edit facial expressions}},
  author = {{{{The ganbench authors}}}},
  version = {{{__version__}}},
  year = {{2026}},
  license = {{Apache-2.0}},
}}"""

GANMUT = """@inproceedings{dapolito2021ganmut,
  title = {{GANmut}: Learning Interpretable Conditional Space for Gamut of Emotions},
  author = {d'Apolito, Stefano and Paudel, Danda Pani and Huang, Zhiwu and Romero, Andr{\\'e}s and Van Gool, Luc},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2021},
}"""

PAPERS = {
    "linear": GANMUT,
    "gaussian": GANMUT,
    "stargan": """@inproceedings{choi2018stargan,
  title = {{StarGAN}: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation},
  author = {Choi, Yunjey and Choi, Minje and Kim, Munyoung and Ha, Jung-Woo and Kim, Sunghun and Choo, Jaegul},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2018},
  eprint = {1711.09020},
  archiveprefix = {arXiv},
}""",
    "ganimation": """@inproceedings{pumarola2018ganimation,
  title = {{GANimation}: Anatomically-aware Facial Animation from a Single Image},
  author = {Pumarola, Albert and Agudo, Antonio and Martinez, Aleix M. and Sanfeliu, Alberto and Moreno-Noguer, Francesc},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2018},
  eprint = {1807.09251},
  archiveprefix = {arXiv},
}""",
    "smit": """@inproceedings{romero2019smit,
  title = {{SMIT}: Stochastic Multi-Label Image-to-Image Translation},
  author = {Romero, Andr{\\'e}s and Arbel{\\'a}ez, Pablo and Van Gool, Luc and Timofte, Radu},
  booktitle = {IEEE/CVF International Conference on Computer Vision Workshops (ICCVW)},
  year = {2019},
  eprint = {1812.03704},
  archiveprefix = {arXiv},
}""",
    "stargan-v2": """@inproceedings{choi2020starganv2,
  title = {{StarGAN} v2: Diverse Image Synthesis for Multiple Domains},
  author = {Choi, Yunjey and Uh, Youngjung and Yoo, Jaejun and Ha, Jung-Woo},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2020},
  eprint = {1912.01865},
  archiveprefix = {arXiv},
}""",
}


def entries(names: Iterable[str] | None = None) -> list[str]:
    """BibTeX entries: that of ganbench, then each paper once.

    Args:
        names: methods by registered name or alias; None takes the paper's six.

    Raises:
        BadInput: a name is no method.
    """
    chosen = list(PAPERS) if names is None else [METHODS.canonical(name) for name in names]
    for name in chosen:
        if name not in METHODS.names():
            raise METHODS.unknown(name)
    papers = [PAPERS[name] for name in chosen if name in PAPERS]
    return [SUITE, *dict.fromkeys(papers)]
