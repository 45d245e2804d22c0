"""Where stored files lie: the seam (`base`), a folder (`files`), object stores (`objects`); and ranges over HTTP."""
