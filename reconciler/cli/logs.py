"""What is told on stderr beside the result: `--log-level` and `--log-format`.

Only our own loggers are shown. Those of httpx and botocore would show signed URLs and headers.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from reconciler.cli.options import Options


def configure(options: Options) -> None:
    """Send the log to stderr at the level and in the form that was asked for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if options.log_format == "json" else _Text())
    ours = logging.getLogger("reconciler")
    ours.handlers = [handler]
    ours.propagate = False
    ours.setLevel(options.log_level.upper())


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line: time, level, message."""
        return f"{_time(record)} {record.levelname.lower():7} {record.getMessage()}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object a line."""
        return json.dumps(
            {
                "time": _time(record),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            }
        )


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
