"""States of every shape, for hypothesis: any text, any JSON, every word of every enum."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from reconciler.cost import Estimate
from reconciler.errors import Remedy
from reconciler.model import (
    Binding,
    Dataset,
    FileRef,
    Job,
    JobError,
    JobStatus,
    Record,
    Rejection,
    Source,
    State,
)


def examples(number: int) -> settings:
    """So many examples, each in its own time: a busy machine is no fault of the code."""
    return settings(max_examples=number, deadline=None)


# All text there is but surrogates, for which UTF-8 has no bytes.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(["a", "support-bot-0123456789abcdef", '"\\\n\t\0', "é☃𝄞"]) | texts
no_names = st.none() | names
counts = st.integers(0, 2**53)
no_counts = st.none() | counts
moments = st.floats(0, 2**40) | st.sampled_from([0.1, 1e22, 5e-324, 1700000000.0])
no_moments = st.none() | moments
sha256s = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(names, json_values, max_size=3)

datasets = st.builds(
    Dataset,
    path=no_names,
    sha256=st.none() | sha256s,
    size=no_counts,
    examples=no_counts,
    format=no_names,
    present=st.booleans(),
    reference=no_names,
)
jobs = st.builds(
    Job,
    id=names,
    status=st.sampled_from(JobStatus),
    provider_status=names,
    stamp=no_names,
    created_at=no_counts,
    finished_at=no_counts,
    estimated_finish=no_counts,
    model=no_names,
    fine_tuned_model=no_names,
    trained_tokens=no_counts,
    training_file=no_names,
    validation_file=no_names,
    result_files=st.lists(names, max_size=2).map(tuple),
    error=st.none() | st.builds(JobError, code=no_names, message=texts, param=no_names),
    hyperparameters=st.none() | json_objects,
    seed=st.none() | st.integers(),
    organization_id=no_names,
    integrations=st.lists(json_objects, max_size=2).map(tuple),
    method=st.none() | json_objects,
    metadata=st.none() | st.dictionaries(names, names, max_size=2),
)
estimates = st.builds(
    Estimate,
    tokens=counts,
    tokens_low=counts,
    tokens_high=counts,
    epochs_low=counts,
    epochs_high=counts,
    exact=st.booleans(),
    tokenizer=names,
    usd=no_moments,
    usd_low=no_moments,
    usd_high=no_moments,
    price=texts,
    truncated=counts,
)
records = st.builds(
    Record,
    token=names,
    namespace=names,
    name=names,
    digest=sha256s,
    identity=json_objects,
    attempt=st.integers(0, 9),
    provider=names,
    scope=names,
    source=st.builds(Source, path=names, line=counts, commit=no_names),
    training=datasets,
    validation=st.none() | datasets,
    deletion_policy=st.sampled_from(["orphan", "cancel"]),
    binding=st.sampled_from(Binding),
    pending_since=no_moments,
    rejection=st.none()
    | st.builds(
        Rejection,
        remedy=st.sampled_from(Remedy),
        code=names,
        message=texts,
        at=moments,
        retry_at=no_moments,
    ),
    estimate=st.none() | estimates,
    stopped_because=no_names,
    model_deleted=st.booleans(),
    job=st.none() | jobs,
)
files = st.builds(
    FileRef,
    reference=names,
    sha256=sha256s,
    size=counts,
    uploaded_at=counts,
    expires_at=no_counts,
)
states = st.builds(
    State,
    lineage=st.uuids().map(str),
    serial=counts,
    records=st.lists(records, max_size=3, unique_by=lambda record: record.token).map(
        lambda found: {record.token: record for record in found}
    ),
    files=st.dictionaries(
        names,
        st.lists(files, max_size=2).map(lambda found: {file.sha256: file for file in found}),
        max_size=2,
    ),
)
