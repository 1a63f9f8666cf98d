"""Makes the sample of web server logs here: combined format, invented visitors, the same bytes each time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20260301
DAYS = 3
REQUESTS_A_DAY = 400
# Addresses and names that are set aside for documentation.
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
PATHS = ("/", "/index.html", "/about", "/search?q=ngrams", "/images/logo.png", "/feed.xml", "/admin", "/api/items")
PATH_WEIGHTS = (20, 8, 5, 9, 12, 6, 1, 14)
REFERERS = ("-", "https://example.com/", "https://example.org/links")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "ExampleBot/1.0 (+https://example.net/bot)",
    "curl/8.14.1",
)
# How busy each hour of the day is; the second day has an outage at 14 h.
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 11, 12, 12, 11, 10, 9, 8, 8, 7, 6, 4, 3)
OUTAGE = (1, 14)


def line(draw: random.Random, at: datetime, *, outage: bool) -> str:
    """One request."""
    host = f"{draw.choice(NETWORKS)}.{1 + int(draw.paretovariate(0.6)) % 254}"
    user = draw.choices(("-", "ada"), (30, 1))[0]
    path = draw.choices(PATHS, PATH_WEIGHTS)[0]
    method = draw.choices(("GET", "HEAD", "POST"), (90, 3, 7))[0]
    status = draw.choices((200, 301, 304, 404, 500), (80, 3, 9, 6, 1))[0]
    if path == "/admin" and user == "-":
        status = 403
    if outage and draw.random() < 0.7:
        status = 503
    size = "-" if status == 304 or method == "HEAD" else str(int(draw.lognormvariate(8, 1)))
    when = at.strftime("%d/%b/%Y:%H:%M:%S %z")
    referer, agent = draw.choice(REFERERS), draw.choices(AGENTS, (7, 2, 1))[0]
    return f'{host} - {user} [{when}] "{method} {path} HTTP/1.1" {status} {size} "{referer}" "{agent}"\n'


def main() -> None:
    """Writes one file a day."""
    draw = random.Random(SEED)  # noqa: S311  # a repeatable sample, no secret
    for day in range(DAYS):
        start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day)
        hours = draw.choices(range(24), HOURS, k=REQUESTS_A_DAY)
        times = sorted(start + timedelta(hours=hour, seconds=draw.randrange(3600)) for hour in hours)
        text = "".join(line(draw, at, outage=(day, at.hour) == OUTAGE) for at in times)
        Path(__file__).with_name(f"{start:%Y-%m-%d}.log").write_text(text, "ascii")


if __name__ == "__main__":
    main()
