"""A local server that speaks the providers' wire protocols, as they are documented and observed.

`reconcile sandbox` serves it to anyone, `--sandbox` embeds it in a command, and the tests hold the
adapters to it. It imports nothing of the rest of this package but `reconciler.errors`: it must not
share code with the adapters it tests, or a misreading in one would hide in the other.

    faults.py   what shall go wrong, as text and as values             needs no extra
    server.py   serve() and run_forever(): a loopback port             imports the extra when called
    app.py      build(): every provider's routes, one application
    exchange.py one request: authenticate, fault, handle, log, answer
    journal.py  requests.jsonl, what the server was asked
    store.py    one small JSON file per object, shared by processes
    aws.py      who signed a request to Bedrock or S3
    curve.py    the loss of a training that nobody runs
    openai/     OpenAI's fine-tuning, files, uploads and models API, at /v1
    bedrock/    Bedrock's model customization, at /
    s3/         S3, path style, at /s3: where Bedrock's data come from and its results go
    fireworks/  Fireworks' gateway, at /v1/accounts, and its signed addresses

A provider is a folder with a `routes(world)`; `app.build` is the only place that names it.
"""
