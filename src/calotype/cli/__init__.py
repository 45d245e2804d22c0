"""The command line. A command's group is imported when it is called, so that `calotype --help` is quick."""
