"""OpenAI's fine-tuning, files, uploads and models API, at `/v1`.

Written from OpenAI's OpenAPI description (version 2.3.0, 2026-08), its guides, and real replies
that people have published; where those differ, as the real server was seen to behave. What nobody
has documented is the sandbox's own choice, and the code says so.

    routes.py         the table of paths                        starts here
    wire.py           who may enter, refusals, headers, pages
    create_request.py a create's body: checked, completed, refused    fields.py, graders.py
    jobs.py           the handlers of /v1/fine_tuning/jobs
    timeline.py       a job's whole future, from its record alone     pure
    learning.py       losses, checkpoints, the result file            pure
    events.py         what a job tells of itself                      pure
    training_data.py  what is wrong with a training file              messages.py
    files.py, uploads.py, models.py   the rest of the API
"""
