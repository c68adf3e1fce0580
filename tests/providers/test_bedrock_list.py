"""Jobs as one list, newest first: every page of it, and no list that breaks off unsaid."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderUnavailable
from tests.providers.bedrock_bench import BUSY, Bench, arn
from tests.providers.loopback import Reply, script


class TestList:
    def page(self, *numbers: int, token: str | None = None) -> Reply:
        """A page of jobs as AWS lists them."""
        entries = [
            {
                "jobArn": arn(f"{number:012}"),
                "jobName": f"bot-{number}",
                "status": "InProgress",
                "creationTime": f"2026-11-01T10:00:{number:02}Z",
                "baseModelArn": "arn:aws:bedrock:us-east-1::foundation-model/a.b",
            }
            for number in numbers
        ]
        more = {"nextToken": token} if token else {}
        return Reply(200, {"modelCustomizationJobSummaries": entries, **more})

    def test_pages_are_followed_to_the_end_newest_first(self, at: Bench) -> None:
        at.server.answer = script(
            self.page(4, 3, token="one"), self.page(2, token="two"), self.page(1)
        )
        assert [job.stamp for job in at.provider.list()] == ["bot-4", "bot-3", "bot-2", "bot-1"]
        first, second, third = at.server.heard
        assert first.query == {
            "sortBy": "CreationTime",
            "sortOrder": "Descending",
            "maxResults": "100",
        }
        assert (second.query["nextToken"], third.query["nextToken"]) == ("one", "two")

    def test_a_page_is_fetched_when_it_is_wanted(self, at: Bench) -> None:
        at.server.answer = script(self.page(4, 3, token="one"), self.page(2))
        listed = at.provider.list()
        next(listed)
        assert len(at.server.heard) == 1

    def test_an_empty_page_is_not_the_end(self, at: Bench) -> None:
        at.server.answer = script(self.page(token="one"), self.page(1))
        assert len(list(at.provider.list())) == 1

    @pytest.mark.parametrize("second", [BUSY, Reply(200, {}), Reply(200, b"<html>")])
    def test_a_list_that_breaks_off_says_so(self, at: Bench, second: Reply) -> None:
        at.server.answer = script(self.page(2, token="one"), second)
        with pytest.raises(ProviderUnavailable):
            list(at.provider.list())

    def test_a_list_in_a_circle_ends(self, at: Bench) -> None:
        at.server.answer = script(self.page(2, token="one"))
        with pytest.raises(ProviderUnavailable, match="in a circle"):
            list(at.provider.list())
