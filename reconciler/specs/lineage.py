"""Names and who trains on whose model: what only all specs together can tell.

`load` asks it first which drafts matter, and last to stamp them. A spec that trains on another's
model carries that one's token in its identity, so tokens are made upstream first. Each spec has at
most one upstream: the family is made of chains, and every chain is walked once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from reconciler.errors import Problem
from reconciler.identity import digest, identity, root_name, token
from reconciler.model import JobSpec
from reconciler.specs.build import Built
from reconciler.specs.documents import Draft
from reconciler.specs.suggestion import Suggestions


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The drafts that matter: the selected ones, and those whose models they train on.

    `known` holds every draft there is, by name; a name that exists twice, under its first.
    `ambiguous` are those names, and `problems` say so.
    """

    members: tuple[Draft, ...]
    known: Mapping[str, Draft]
    ambiguous: frozenset[str]
    problems: tuple[Problem, ...]

    def base_models(self) -> dict[str, str | None]:
        """By name, the model at the beginning of every chain; None where it does not begin.

        Each spec is walked past once, however long the chains are.
        """
        found: dict[str, str | None] = {}
        for draft in self.members:
            passed: dict[str, None] = {}
            current: Draft | None = draft
            while current and (upstream := current.upstream) and current.name not in found:
                if current.name in passed:
                    current = None  # a circle begins nowhere
                    break
                passed[current.name] = None
                current = self.known.get(upstream)
            model: object = None
            if current is not None:
                passed[current.name] = None
                model = found.get(current.name, current.spec.get("model"))
            found |= dict.fromkeys(passed, model if isinstance(model, str) else None)
        return found


def family(drafts: Sequence[Draft]) -> Family:
    """Who matters among all drafts, in their order."""
    by_name: dict[str, list[Draft]] = {}
    for draft in drafts:
        by_name.setdefault(draft.name, []).append(draft)
    known = {name: same[0] for name, same in by_name.items()}
    matter = dict.fromkeys(draft.name for draft in drafts if draft.file.selected)
    for name in list(matter):
        upstream = known[name].upstream
        while upstream in known and upstream not in matter:
            matter[upstream] = None
            upstream = known[upstream].upstream
    return Family(
        members=tuple(draft for draft in drafts if draft.name in matter),
        known=known,
        ambiguous=frozenset(name for name, same in by_name.items() if len(same) > 1),
        problems=(
            *(problem for same in by_name.values() for problem in _taken_twice(same)),
            *_renamed_twice(drafts, known),
        ),
    )


def stamp(
    built: Sequence[Built], family: Family, suggestions: Suggestions
) -> tuple[tuple[JobSpec, ...], tuple[Problem, ...]]:
    """The specs with identity, digest and token, in their order, and why others have none.

    The problems are those of lineage; what each spec has of its own stands in `built`.
    """
    stamper = _Stamper(family, suggestions, built)
    for one in built:
        stamper.walk(one)
    specs = [stamper.stamped.get(one.draft.name) for one in built]
    return tuple(spec for spec in specs if spec), tuple(stamper.problems)


class _Stamper:
    """Stamps along the chains. `stamped` holds None for a name that cannot be."""

    def __init__(self, family: Family, suggestions: Suggestions, built: Sequence[Built]) -> None:
        self.stamped: dict[str, JobSpec | None] = dict.fromkeys(family.ambiguous)
        self.problems: list[Problem] = []
        self._family = family
        self._suggestions = suggestions
        self._order = {one.draft.name: number for number, one in enumerate(built)}
        self._built = {one.draft.name: one for one in built}

    def walk(self, one: Built) -> None:
        """Stamp a spec, and before it every one upstream that has no stamp yet."""
        chain: dict[str, Built] = {}
        current: Built | None = one
        while current and current.draft.name not in self.stamped:
            name = current.draft.name
            if name in chain:
                self._circle(list(chain)[list(chain).index(name) :])
                break
            chain[name] = current
            current = self._built.get(current.draft.upstream or "")
        for name, link in reversed(chain.items()):
            if name not in self.stamped:
                self.stamped[name] = self._stamp(link)

    def _stamp(self, one: Built) -> JobSpec | None:
        if (upstream := one.draft.upstream) is None:
            return self._with_token(one, None)
        if problem := self._unusable(one.draft, upstream):
            self._report(one.draft, *problem)
            return None
        source = self.stamped[upstream]
        return self._with_token(one, source.token if source else None)

    def _with_token(self, one: Built, upstream_token: str | None) -> JobSpec | None:
        if one.spec is None:
            return None
        try:
            document = identity(one.spec, upstream_token)
            digest_ = digest(document)
        except ValueError:  # a number or character that JSON cannot carry
            problem = one.draft.problem((), "holds a value that cannot be sent as JSON")
            self.problems.append(problem)
            return None
        stamped = token(one.spec.namespace, root_name(one.spec), digest_)
        return replace(one.spec, identity=document, digest=digest_, token=stamped)

    def _unusable(self, draft: Draft, upstream: str) -> tuple[str, str] | None:
        """Why a draft cannot train on the model of `upstream`, and what to do."""
        other = self._family.known.get(upstream)
        if other is None:
            return f"there is no spec named {upstream}", self._meant(upstream)
        if upstream in self._family.ambiguous:
            return f"there is more than one spec named {upstream}", "rename all but one"
        source = self.stamped[upstream]
        if source is None:
            return f"{upstream} has problems of its own", f"see {other.place}"
        provider = draft.spec["provider"] if draft.sound else source.provider
        if provider != source.provider:
            message = f"{upstream} is trained at {source.provider}, and this one at {provider}"
            return message, "a model stays at the provider that made it"
        return None

    def _meant(self, name: str) -> str:
        known = self._family.known
        if closest := self._suggestions.closest(name, known):
            return f"did you mean {closest}?"
        more = ", …" if len(known) > _SHOWN else ""
        return f"the specs are {', '.join(islice(known, _SHOWN))}{more}"

    def _circle(self, names: list[str]) -> None:
        """Report a circle once, drawn from its first spec on, and give up on all of it."""
        selected = [n for n in names if self._built[n].draft.file.selected] or names
        start = names.index(min(selected, key=self._order.__getitem__))
        drawn = [*names[start:], *names[:start], names[start]]
        message = f"no spec can train on its own model: {' -> '.join(drawn)}"
        self._report(self._built[names[start]].draft, message, "")
        self.stamped.update(dict.fromkeys(names))

    def _report(self, draft: Draft, message: str, hint: str) -> None:
        if draft.file.selected:
            self.problems.append(draft.problem(("spec", "model", "from"), message, hint))


def _taken_twice(same: list[Draft]) -> Iterator[Problem]:
    """One problem for every selected draft whose name another has, naming that one's place."""
    first, *others = same
    told = [draft for draft in others if draft.file.selected]
    if others and not told and first.file.selected:
        yield _taken(first, others[0])
    for draft in told:
        yield _taken(draft, first)


def _renamed_twice(drafts: Sequence[Draft], known: Mapping[str, Draft]) -> Iterator[Problem]:
    """A former name that is in use, or was two specs': their jobs could not be told apart."""
    former: dict[str, Draft] = {}
    for draft in drafts:
        for index, name in enumerate(draft.previous_names):
            other = known.get(name) or former.get(name)
            former.setdefault(name, draft)
            if other is None or not draft.file.selected:
                continue
            message = f"{name} is the name of {other.place}, or was"
            hint = "a spec that is split in two keeps its former name in one of them"
            yield draft.problem(("metadata", "previous_names", index), message, hint)


def _taken(draft: Draft, other: Draft) -> Problem:
    message = f"the name {draft.name} is taken by {other.place}"
    return draft.problem(("metadata", "name"), message, "a name is unique among all specs")


_SHOWN = 8
