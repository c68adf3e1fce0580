"""A small repository of specs in a folder, for tests that pass through the whole house."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SPEC = """\
apiVersion: finetuning.reconciler/v1
kind: FineTuningJob
metadata:
  name: {name}
spec:
  provider: openai
  model: gpt-4.1-mini-2025-04-14
  training_file: ./{data}
{more}"""


@dataclass(frozen=True)
class Repository:
    """Specs under `specs/`, a git folder so that the root is found, nothing else."""

    root: Path

    def add(self, name: str, more: str = "", *, data: str = "train.jsonl", seed: str = "") -> Path:
        """Write a spec with its data; `more` is further lines of its spec section."""
        self.data(data, seed=seed)
        path = self.root / "specs" / f"{name}.yaml"
        path.write_text(SPEC.format(name=name, data=data, more=more))
        return path

    def data(self, name: str, *, examples: int = 12, seed: str = "") -> Path:
        """Write chat examples that a provider accepts; another seed gives other bytes."""
        path = self.root / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "".join(
                json.dumps(
                    {
                        "messages": [
                            {"role": "user", "content": f"Where is order {number}{seed}?"},
                            {"role": "assistant", "content": f"Order {number} left on Monday."},
                        ]
                    }
                )
                + "\n"
                for number in range(examples)
            )
        )
        return path

    def sidecar(self, name: str) -> Mapping[str, Any]:
        """The status section of a spec's sidecar."""
        text = (self.root / "specs" / f"{name}.status.yaml").read_text()
        document = yaml.safe_load(text)
        status: Mapping[str, Any] = document["status"]
        return status


def repository(root: Path) -> Repository:
    """A fresh one in this folder."""
    (root / ".git").mkdir()
    (root / "specs").mkdir()
    return Repository(root)
