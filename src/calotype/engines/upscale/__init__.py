"""Enlarges pictures with Real-ESRGAN's compact network, tile by tile. `limits` is pure, and says the size beforehand."""
