"""Declarative fine-tuning jobs: committed specs in, trained models and status sidecars out.

The order of the rooms, and of every pass:

    specs -> state -> observe -> plan -> apply -> status

`engine.Reconciler` is the only place that names that order. Start reading there.
"""

__version__ = "0.1.0"
