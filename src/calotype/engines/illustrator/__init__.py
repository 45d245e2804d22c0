"""The illustrator: text to image by what `drawing` finds and composes.

It retrieves and arranges openly licensed drawings; it is not a generative model, and says so in every result.
"""
