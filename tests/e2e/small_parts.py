"""`reconcile` whose uploads go in small parts: `python -m tests.e2e.small_parts BYTES ARGUMENT…`

The sizes are parameters of the adapters. What tells apart a large file from a small one in the
field takes minutes to send, and a test has seconds.
"""

from __future__ import annotations

import runpy
import sys
from functools import partial
from importlib import import_module

from reconciler.providers.bedrock.files import Files as BedrockFiles
from reconciler.providers.openai.files import Files as OpenAIFiles


def main() -> None:
    """Run the command, with parts of this size."""
    size, *arguments = sys.argv[1:]
    part = int(size)
    made = {
        "openai": partial(OpenAIFiles, large=part, part=part),
        "bedrock": partial(BedrockFiles, part=part),
    }
    for provider, files in made.items():
        vars(import_module(f"reconciler.providers.{provider}.adapter"))["Files"] = files
    sys.argv = ["reconciler", *arguments]
    runpy.run_module("reconciler", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
