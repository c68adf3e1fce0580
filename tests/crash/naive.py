"""What one writes in an afternoon: a loop over the vendor's SDK, and a JSON file of what is done.

The crash report runs it beside `reconcile`, in the same repository and under the same faults. It is
not careless: it saves after every create, in place of the old file, and never creates what is
saved. It uses the SDK as it comes.
"""

from __future__ import annotations

import json
from pathlib import Path

import openai
import yaml

STATE = Path("jobs.json")


def main() -> None:
    """Create what is not saved as created."""
    client = openai.OpenAI()
    done = json.loads(STATE.read_text()) if STATE.exists() else {}
    for path in sorted(Path("specs").glob("*.yaml")):
        if path.name.endswith(".status.yaml"):
            continue
        document = yaml.safe_load(path.read_text())
        name, spec = document["metadata"]["name"], document["spec"]
        if name in done:
            continue
        with (path.parent / spec["training_file"]).open("rb") as data:
            file = client.files.create(file=data, purpose="fine-tune")
        job = client.fine_tuning.jobs.create(
            model=spec["model"], training_file=file.id, suffix=spec["suffix"]
        )
        done[name] = job.id
        scratch = STATE.with_suffix(".new")
        scratch.write_text(json.dumps(done))
        scratch.replace(STATE)


if __name__ == "__main__":
    main()
