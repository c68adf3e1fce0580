"""Bedrock's control plane, as far as model customization goes, at `/`.

Written from botocore's service model (bedrock 2023-04-20, as of 2026-09), AWS's user guide, and
messages that people have published; what nobody has documented is the sandbox's own choice, and the
code says so. Regions are kept apart, but every model can be trained in every region.

    routes.py         the table of paths                        starts here
    wire.py           who may enter, refusals, bodies, times
    shapes.py         what a value may be, and AWS's words where it is not     pure
    create_request.py a create's body: checked, completed, refused
    catalogue.py      base models, and what training them takes
    training_data.py  what a job on this data would fail with   forms.py
    jobs.py           the handlers of /model-customization-jobs
    models.py         the handlers of models and tags
    job_store.py      what is stored; results go to the sandbox's S3
    course.py         a job's whole future, from its record alone     pure
    views.py          jobs and models as AWS shows them                pure
    learning.py       losses and the CSV files                         pure
"""
