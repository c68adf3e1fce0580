"""GitHub's comments, played by a file: what `gh api` is to the action's scripts.

`python fake_gh.py api …` with FAKE_GITHUB naming a JSON file: whose token it is, the comments of
the pull request, and every call made. It knows the calls that the action makes and no others.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jq  # type: ignore[import-not-found]

COMMENTS = "repos/team/models/issues/7/comments"
ONE_COMMENT = "repos/team/models/issues/comments/"


def main() -> int:
    """One call."""
    file = Path(os.environ["FAKE_GITHUB"])
    github = json.loads(file.read_text())
    words = sys.argv[1:]
    assert words.pop(0) == "api"
    options = _options(words)
    github["calls"].append(f"{options['method']} {options['path']}")
    code = _answer(github, options) if os.environ.get("GH_TOKEN") else _refused(401, "Bad token")
    file.write_text(json.dumps(github))
    return code


def _options(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"method": "GET", "fields": {}, "paginate": False, "jq": None}
    while words:
        match words.pop(0):
            case "--method" | "--jq" as option:
                found[option.removeprefix("--")] = words.pop(0)
            case "-f" | "-F" as option:
                name, _, value = words.pop(0).partition("=")
                if option == "-F" and value.startswith("@"):
                    value = Path(value[1:]).read_text(encoding="utf-8")
                found["fields"][name] = value
            case "--paginate" | "--silent" as option:
                found[option.removeprefix("--")] = True
            case path:
                assert not path.startswith("-"), path
                found["path"] = path
    return found


def _answer(github: dict[str, Any], options: dict[str, Any]) -> int:
    address = urlsplit(options["path"])
    comments = github["comments"]
    match options["method"], address.path:
        case "GET", "graphql":
            assert options["fields"] == {"query": "query { viewer { login } }"}
            _show({"data": {"viewer": {"login": github["login"]}}}, options)
        case "GET", path if path == COMMENTS:
            size = int(parse_qs(address.query).get("per_page", ["30"])[0])
            pages = range(0, len(comments) if options["paginate"] else 1, size)
            for start in pages:
                _show(comments[start : start + size], options)
        case _ if github["read_only"]:
            return _refused(403, "Resource not accessible by integration")
        case "POST", path if path == COMMENTS:
            user = {"login": github["login"]}
            comments.append({"id": len(comments) + 1, "user": user, **_body(options)})
        case "PATCH", path if path.startswith(ONE_COMMENT):
            number = int(path.removeprefix(ONE_COMMENT))
            (found,) = (comment for comment in comments if comment["id"] == number)
            if found["user"]["login"] != github["login"]:
                return _refused(403, "Must have admin rights to Repository.")
            found.update(_body(options))
        case _:
            return _refused(404, "Not Found")
    return 0


def _body(options: dict[str, Any]) -> dict[str, str]:
    (body,) = options["fields"].values()
    assert len(body) <= 65_536, "Body is too long (maximum is 65536 characters)"
    return {"body": body}


def _show(document: Any, options: dict[str, Any]) -> None:
    """As gh does it: a filter is applied to every page, and texts are written raw."""
    for value in jq.compile(options["jq"] or ".").input_value(document).all():
        sys.stdout.write(f"{value if isinstance(value, str) else json.dumps(value)}\n")


def _refused(status: int, message: str) -> int:
    sys.stderr.write(f"gh: {message} (HTTP {status})\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
