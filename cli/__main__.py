"""`python -m cli` is `reelmill`."""

import sys

from cli.main import main

sys.exit(main())
