"""`python -m bench [part …]`: the product's figures on this machine, each beside its reference."""

import importlib
import sys

PARTS = ("media", "core", "webhooks", "delivery")

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        importlib.import_module(f"bench.{part}").run()
