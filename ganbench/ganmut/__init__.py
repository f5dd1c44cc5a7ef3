"""The GANmut paper's two models: GANmut (``linear``) and GGANmut (``gaussian``)."""
