"""Every rule of the lint of training data: its name, how bad it is, what it catches and prevents.

Whatever is found in a file carries the name of a rule of this table, and nothing else knows how bad
a rule's findings are. The README's table and the corpus of examples are held against it. An error
is what a provider refuses a file or fails a job for; a warning stops nothing. Pure.

Sources: OpenAI's guides and OpenAPI description, the errors that its jobs have reported, and
the guides of AWS and Fireworks. Words in quotes are a provider's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `prevents` is the provider's message for it, or what happens without it."""

    name: str
    severity: Severity
    catches: str
    prevents: str


def _error(name: str, catches: str, prevents: str) -> Rule:
    return Rule(name=name, severity=Severity.ERROR, catches=catches, prevents=prevents)


def _warning(name: str, catches: str, prevents: str) -> Rule:
    return Rule(name=name, severity=Severity.WARNING, catches=catches, prevents=prevents)


_INVALID = 'OpenAI: "The job failed due to an invalid training file. Invalid file format."'
_FORMAT = (
    'OpenAI: "Unexpected file format, expected either prompt/completion pairs or chat messages."'
)
_ROLE = "OpenAI: \"Example N, message M Discriminator 'role' is missing in value\""
_CALL = "the request is no valid chat: a call is an id, a name, and arguments as JSON text"
_IMAGE = "OpenAI trains on JPEG, PNG and WEBP, by https or as data"
_BEDROCK = "Bedrock: the job fails after its data is read"

RULES = (
    # The file as a whole
    _error(
        "wrong-container",
        "compressed files, archives, Parquet, UTF-16, one JSON list, an object over several lines,"
        " line ends that are bare carriage returns",
        _FORMAT,
    ),
    _error("damaged-pointer", "a Git LFS pointer that names no data", _FORMAT),
    _error(
        "changed-while-read",
        "a file that somebody writes to meanwhile",
        "the bytes checked are not those that are uploaded",
    ),
    _error("byte-order-mark", "bytes EF BB BF before the first example", _INVALID),
    _error("line-too-long", "a line that no provider takes as one example", _INVALID),
    _error("blank-line", "a blank line between examples", _INVALID),
    _error(
        "mixed-formats",
        "examples of different formats in one file",
        'OpenAI: "Input file … is in the fine-tune-chat format, but the specified fine-tuning job'
        " is not using 'supervised' as the training method\"",
    ),
    # A line as JSON
    _error("not-json", "a line that is not JSON", _INVALID),
    _error("not-utf8", "bytes that are not UTF-8", _INVALID),
    _error("not-a-number", "NaN and Infinity, which JSON does not have", _INVALID),
    _error(
        "duplicate-key",
        "a member that an object has twice",
        "readers keep the first or the last of them: what is trained on is chance",
    ),
    _error("lone-surrogate", "half of a surrogate pair in a text or a name", _INVALID),
    _error(
        "nested-too-deep",
        "lists and objects nested more than 128 deep",
        "strict readers stop there, and the file with them",
    ),
    _error(
        "too-many-values",
        "a line of more than a million lists and objects, or four million values",
        "no reader has the memory for it, this one included",
    ),
    _error("not-an-object", "a line that holds a list, a text or a number", _FORMAT),
    _error("unknown-format", "an object that is an example of no format", _FORMAT),
    # A conversation
    _error("missing-messages", "no messages, or an empty list of them", _INVALID),
    _error("bad-message", "a message that is no object", _INVALID),
    _error("missing-role", "a message without a role", _ROLE),
    _error("unknown-role", "a role that does not exist, or not at this place", _ROLE),
    _error("missing-content", "a message that says nothing and calls nothing", _INVALID),
    _error("bad-content", "content that is neither text nor a list of parts", _INVALID),
    _error("wrong-type", "a member that has another type than the format says", _INVALID),
    _error("bad-weight", "a weight other than 0 and 1", _INVALID),
    _error("no-assistant", "no assistant message to learn from, or to compare", _INVALID),
    # Tools
    _error("bad-tools", "tools or functions that are no list of named functions", _INVALID),
    _error("bad-parallel-tool-calls", "parallel_tool_calls that is not true or false", _INVALID),
    _error("bad-tool-call", "a call without id, function, name or arguments", _CALL),
    _error("bad-function-call", "a function_call without name or arguments", _CALL),
    _error("arguments-not-json", "arguments of a call that are not JSON written as text", _CALL),
    _error("missing-tool-call-id", "a tool's message without tool_call_id", _INVALID),
    _error(
        "unknown-tool-call",
        "a tool_call_id that answers no call before it",
        "an answer without its call is refused, or trains the model on nonsense",
    ),
    # Images and other parts
    _error("bad-part", "a part of content without a type, or without what its type says", _INVALID),
    _error("bad-image", "an image that is neither an https URL nor JPEG, PNG or WEBP data", _IMAGE),
    _error(
        "image-from-assistant",
        "an image in an assistant's message",
        "OpenAI takes images from users alone",
    ),
    _error("image-too-large", "an image of more than 10 MB", "OpenAI: at most 10 MB each"),
    _error("too-many-images", "more than 64 images in an example", "Azure takes 64, OpenAI 10"),
    # Preferences, completions, and Bedrock's own forms
    _error("missing-input", "a preference without its input", _INVALID),
    _error("missing-output", "a preference that lacks one of its two outputs", _INVALID),
    _error("missing-text", "a completion that lacks its prompt or its completion", _INVALID),
    _error("bad-block", "content or system that is no list of Converse's blocks", _BEDROCK),
    _error("bad-turn", "speakers that do not alternate, or an assistant who begins", _BEDROCK),
    _error("bad-picture", "a picture that is not in S3, or has no caption", _BEDROCK),
    # Warnings
    _warning(
        "duplicate-example",
        "an example that the file holds already",
        "it is paid for twice and weighs double",
    ),
    _warning(
        "missing-system-prompt",
        "a system message in some examples and not in others",
        "the model learns to do without it",
    ),
    _warning("empty-answer", "an answer whose text is blank", "it teaches the model silence"),
    _warning(
        "long-answer",
        "an answer of more than 200,000 characters",
        "over-long examples are truncated, not refused: the end is never learned",
    ),
    _warning(
        "nothing-to-learn",
        "an example in which every answer has weight 0",
        "it is paid for and teaches nothing",
    ),
    _warning(
        "mixed-tool-sets",
        "examples that offer different tools",
        "the model learns to call what is not offered",
    ),
    _warning(
        "undeclared-tool",
        "a call of a tool that is not among tools",
        "the model learns to call what is not offered",
    ),
    _warning("many-images", "more than 10 images in an example", "OpenAI takes 10, Azure 64"),
    _warning(
        "identical-outputs",
        "a preferred output that is the same as the other",
        "there is nothing to prefer: it is paid for and teaches nothing",
    ),
    _warning(
        "unbalanced-outputs",
        "outputs of which one is more than ten times as long as the other",
        "the model learns to prefer the length",
    ),
    _warning("unknown-key", "a member of a message that no provider knows", "it is ignored"),
    _warning(
        "crlf-line-ends",
        "lines that end in CR LF",
        "git rewrites them, and other bytes are other data: the job trains again",
    ),
    _warning("trailing-blank-lines", "blank lines after the last example", _INVALID),
)

BY_NAME = {rule.name: rule for rule in RULES}


def severity(name: str) -> Severity:
    """How bad what this rule finds is. A finding without a rule is an error."""
    return BY_NAME[name].severity if name else Severity.ERROR
