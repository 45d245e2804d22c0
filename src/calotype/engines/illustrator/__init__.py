"""The illustrator: reads a prompt, finds drawings for what it names, and composes them into a scene.

It retrieves and arranges openly licensed drawings; it is not a generative model, and says so in every result.
"""
