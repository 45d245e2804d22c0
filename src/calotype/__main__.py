"""`python -m calotype` is the command `calotype`."""

from calotype.cli.main import main

if __name__ == "__main__":
    main()
