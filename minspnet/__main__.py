"""``python -m minspnet``."""

import sys

from minspnet.cli import main

sys.exit(main())
