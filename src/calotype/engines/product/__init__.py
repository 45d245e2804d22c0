"""Puts the subjects of reference pictures into a scene that a prompt describes: product shots, and pictures with references."""
