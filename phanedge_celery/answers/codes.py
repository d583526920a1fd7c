"""The classes of trouble, by code and by HTTP status."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

Kind = Literal[
    "retry",
    "rate_limited",
    "auth",
    "balance",
    "invalid_request",
    "content_policy",
    "not_found",
    "unknown",
]
"""Contract, section 5."""

INPUT_REJECTED: Final = 1026
OUTPUT_REJECTED: Final = 1027
USAGE_WINDOW: Final = 2056
"""The next window begins up to five hours later, so ask on, slowly."""


def _each(kind: Kind, codes: Iterable[int]) -> dict[int, Kind]:
    return dict.fromkeys(codes, kind)


VENDOR: Final[Mapping[int, Kind]] = {
    **_each("retry", (1000, 1001, 1013, 1024, 1033)),
    **_each("rate_limited", (1002, 1039, 1041, 2045)),
    **_each("auth", (1004, 2038, 2049)),
    **_each("balance", (1008, 1028, 1030, USAGE_WINDOW)),
    **_each("content_policy", (INPUT_REJECTED, OUTPUT_REJECTED)),
    **_each("invalid_request", (1042, 1043, 1044, 2013, 2037, 2039)),
    **_each("invalid_request", (2042, 2048, 2061, 20132)),
}
"""`base_resp.status_code` (contract, table 5.2)."""

GATEWAY: Final[Mapping[str, Kind]] = {
    "invalid_request": "invalid_request",
    "invalid_action": "invalid_request",
    "adaptor_not_found": "invalid_request",
    "insufficient_user_quota": "balance",
    "pre_consume_token_quota_failed": "balance",
    "get_user_quota_failed": "retry",
    "decrease_user_quota_failed": "retry",
    "get_origin_task_failed": "retry",
    "submit_failed": "retry",
    "provider_not_found": "retry",
    "channel_not_found": "retry",
    "upstream_not_found_or_no_permission": "not_found",
    "task_not_found": "not_found",
    "download_url_missing": "retry",
    "file_retrieve_failed": "retry",
    "task_query_failed": "retry",
    "download_request_failed": "retry",
    "download_failed": "retry",
}
"""The gateway's own codes (contract, table 5.3)."""

BEFORE_SUBMISSION: Final = frozenset(
    {
        "get_user_quota_failed",
        "decrease_user_quota_failed",
        "get_origin_task_failed",
        "provider_not_found",
    }
)
"""Of those that can pass: the ones after which surely nothing was created."""

_STATUSES: Final[Mapping[int, Kind]] = {
    401: "auth",
    402: "balance",
    403: "auth",
    404: "not_found",
    408: "retry",
    425: "rate_limited",
    429: "rate_limited",
}
_QUOTA = re.compile("(?i)额度|quota|balance")


def by_status(status: int, text: str = "") -> Kind | None:
    """Return the class of an HTTP status alone, None for 2xx (contract, 5.4)."""
    if 200 <= status < 300:
        return None
    if status in (401, 403) and _QUOTA.search(text):
        return "balance"
    if 400 <= status < 500:
        return _STATUSES.get(status, "invalid_request")
    return "retry"
