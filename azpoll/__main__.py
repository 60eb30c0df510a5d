"""`python -m azpoll` is the `azpoll` command."""

import sys

from azpoll.cli import main

if __name__ == "__main__":
    sys.exit(main())
