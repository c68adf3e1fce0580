"""Fireworks' gateway, as far as fine-tuning goes, at `/v1/accounts`; its storage beside it.

Written from the `fireworks-ai` SDK (1.2.28), the Gateway REST API's pages (5.10.0), and replies and
files that people have published; what nobody has documented is the sandbox's own choice, and the
code says so. There is one account, `sandbox`, and beside it `fireworks`, whose base models everyone
may look at. As with the real gateway, replies carry fields that have no value: empty strings,
zeros, nulls.

    routes.py         the table of paths                        starts here
    wire.py           who may enter, refusals, bodies, pages
    fields.py         what may stand in a field
    create_request.py a create's body: checked and completed
    catalogue.py      base models
    training_data.py  what is in a dataset, and what a job on it would fail with
    datasets.py       the handlers of datasets              dataset_store.py
    storage.py        the signed addresses of uploads and metrics
    jobs.py           the handlers of jobs, of both kinds   job_store.py
    models.py         the handlers of accounts and models
    course.py         a job's whole future, from its record alone     pure
    views.py          jobs, datasets and models as the gateway shows them      pure
    learning.py       the metrics file                                pure
"""
