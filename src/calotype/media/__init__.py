"""Pictures that others sent us, and small pictures of our own: probing, decoding in a limited child, thumbnails."""
