"""The music engine: reads a prompt, composes a score by rule, plays it on sampled instruments and mixes it.

It composes by rules and chance; it is not a generative model, and says so in every result.
"""
