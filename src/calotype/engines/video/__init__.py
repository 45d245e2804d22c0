"""Makes clips on a CPU: what a prompt names is drawn and moved, a picture becomes depth that a camera moves through."""
