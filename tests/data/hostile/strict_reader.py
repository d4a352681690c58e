"""Reads the OpenMetrics pages named on its standard input, one a line, with the strict parser of prometheus_client.

Prints one line for each page: "ok", or what the parser refuses.
"""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def verdict(path):
    with open(path, encoding="utf-8", newline="") as page:
        text = page.read()
    try:
        for _ in text_string_to_metric_families(text):
            pass
    except Exception as error:  # the parser raises errors of several kinds for bad input
        return f"{type(error).__name__}: {error}".replace("\n", "\\n")[:500]
    return "ok"


for name in sys.stdin.read().splitlines():
    print(verdict(name), flush=True)
