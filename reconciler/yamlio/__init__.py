"""Strict YAML: what a file says, or exactly where it does not say it.

YAML has traps that cost money here: PyYAML reads `1e-5` as text, `012` as 10, `no` as false and
dates as dates, and drops the first of two equal keys without a word. This package reads YAML 1.2's
core scalars over the events of PyYAML's parser, and refuses what two readers would read
differently. It writes sidecars so that every reader, old or new, reads back what was meant.

`specs`, `schema` and `config` read with it, `status` writes with it. It opens no files, and knows
nothing of what the documents are about.

    text      bytes -> characters that every reader takes for the same thing
    reader    characters -> documents, with positions on demand
    scalars   what a scalar without quotes means
    syntax    the parser's complaints -> words for a person
    writer    values -> text
"""

from reconciler.yamlio.reader import MAX_ALIASED_NODES, Document, load
from reconciler.yamlio.text import MAX_BYTES, MAX_DEPTH
from reconciler.yamlio.writer import dump

__all__ = ["MAX_ALIASED_NODES", "MAX_BYTES", "MAX_DEPTH", "Document", "dump", "load"]
