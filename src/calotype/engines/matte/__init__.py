"""Finds what a picture is about and where exactly it ends: shared by every engine that cuts a subject out.

`matting` is the whole of it; `network` looks at the picture, `regions` drops what is beside the subject, `edges` finds the exact
outline, `colours` takes the background's tint out of it.
"""
