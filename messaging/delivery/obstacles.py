"""What keeps a message from going out."""

from messaging.channels.base import Outcome, Verdict
from messaging.delivery.news import News


class Obstacle(Exception):
    """Why a message does not go out now; `news` is REFUSED unless it may go out later."""

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, news: News = News.REFUSED
    ) -> None:
        super().__init__(code)
        self.news = news
        self.verdict = Verdict(Outcome.REFUSED, code=code, message=message, retryable=retryable)
