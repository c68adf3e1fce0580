"""What is wrong with files, and what is worth knowing of them."""

from __future__ import annotations

from reconciler.errors import Problem, Severity

WARNINGS = (
    *(
        Problem(
            file="specs/data/support.train.jsonl",
            line=line,
            column=1,
            message=f"the same example as line {line - 10}",
            hint="remove it, unless it is meant to weigh more",
            severity=Severity.WARNING,
            rule="duplicate-example",
        )
        for line in (412, 500, 501, 777)
    ),
    Problem(
        file="specs/data/intents.jsonl",
        line=0,
        column=0,
        message="7 examples have no system prompt, and the others have one",
        severity=Severity.WARNING,
        rule="mixed-system-prompts",
    ),
)
PROBLEMS = (
    Problem(file="specs/empty.yaml", line=0, column=0, message="the file is empty"),
    Problem(
        file="specs/support.yaml",
        line=14,
        column=11,
        message="spec.method.supervised.hyperparameters.n_epoch: unknown field",
        hint="did you mean n_epochs?",
    ),
    Problem(
        file="specs/support.yaml",
        line=412,
        column=87,
        message='/messages/2/role: "assitant" is not a role (system, user, assistant, tool)',
    ),
)
MIXED_PROBLEMS = (*PROBLEMS, *WARNINGS)
