"""`python -m duologue` is the `duologue` command."""

from duologue.commands.cli import main

if __name__ == "__main__":
    main()
