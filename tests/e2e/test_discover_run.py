"""Jobs of one repository, discovered from an empty second one: the plan after it is empty."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler import schema
from tests.e2e.command import Command
from tests.repository import repository

BODY = """\
apiVersion: finetuning.reconciler/v1
kind: FineTuningJob
metadata: {{name: {provider}-bot}}
spec:
  provider: {provider}
  training_file: ./train.jsonl
{more}"""

MORE = {
    "openai": """\
  model: gpt-4.1-mini-2025-04-14
  suffix: support
  seed: 42
  method: {type: supervised, supervised: {hyperparameters: {n_epochs: 3}}}
  integrations: [{type: wandb, wandb: {project: support, tags: [one]}}]
  metadata: {owner: support}
""",
    "fireworks": """\
  model: qwen3-8b
  suffix: catalog
  method: {type: supervised, supervised: {hyperparameters: {n_epochs: 3}}}
  fireworks: {learning_rate: 0.0001, lora_rank: 16}
""",
    "bedrock": """\
  model: amazon.nova-micro-v1:0:128k
  method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}
  bedrock:
    role_arn: arn:aws:iam::123456789012:role/finetune
    hyperparameters: {learningRate: 0.00002, learningRateWarmupSteps: 10}
""",
}


@pytest.fixture
def second(tmp_path: Path) -> Command:
    root = tmp_path / "second"
    root.mkdir()
    return Command(repository(root))


def test_another_repository_declares_what_it_finds(reconcile: Command, second: Command) -> None:
    reconcile.files.data("train.jsonl", examples=40)
    for provider, more in MORE.items():
        path = reconcile.files.root / f"specs/{provider}.yaml"
        path.write_text(BODY.format(provider=provider, more=more))
    reconcile.environment = second.environment = {"RECONCILER_SANDBOX_SPEED": "200"}
    reconcile("--sandbox", "apply", "--wait")
    providers = ".reconciler/sandbox/providers"
    shutil.copytree(reconcile.files.root / providers, second.files.root / providers)
    result = second.json("--sandbox", "adopt", "--discover")
    assert schema.check("output", result) == ()
    assert result["summary"]["adopted"] == 3, result
    assert len(list((second.files.root / "specs/adopted").iterdir())) == 3
    plan = second.json("--sandbox", "plan", "--detailed-exitcode")
    assert plan["changes_anything"] is False
    assert plan["summary"]["create"] == plan["summary"]["orphan"] == 0
    again = second("--sandbox", "adopt", "--discover")
    assert again.stderr.count("1 passed over: 1 tied already") == 3
    names = {path.stem for path in (second.files.root / "specs/adopted").iterdir()}
    assert {"support", "catalog"} < names
    one, two = (c.files.root / "specs" for c in (reconcile, second))
    second("--sandbox", "apply")
    made = [
        (folder / name).read_text().partition("fine_tuned_model: ")[2].splitlines()[0]
        for folder, name in (
            (one, "openai-bot.status.yaml"),
            (two / "adopted", "support.status.yaml"),
        )
    ]
    assert made[0] == made[1] != "null"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["support-bot"], "say NAME and JOB_ID, or --discover"),
        ([], "say NAME and JOB_ID, or --discover"),
        (["support-bot", "--discover"], "--discover takes no NAME and no JOB_ID"),
        (["support-bot", "ftjob-1", "--into", "specs"], "--provider and --into go with --discover"),
        (["--provider", "openai"], "--provider and --into go with --discover"),
    ],
)
def test_what_does_not_go_together(reconcile: Command, arguments: list[str], message: str) -> None:
    assert message in reconcile("adopt", *arguments, check=2).stderr
