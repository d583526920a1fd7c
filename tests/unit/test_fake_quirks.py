"""Contract, section 8: how each quirk is played, and that it then shows on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from phanedge_celery.testing import FakePhanEdge, Fault, fail
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import REQUEST, Caller

Quirk = Callable[[FakePhanEdge, Caller], object]


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


def code(body: dict[str, Any]) -> object:
    return (body.get("base_resp") or {}).get("status_code")


def lost(caller: Caller) -> bool:
    try:
        caller.create()
    except requests.ConnectionError:
        return True
    return False


def words(*steps: str) -> Quirk:
    def play(fake: FakePhanEdge, caller: Caller) -> object:
        fake.script(*steps)
        return caller.statuses(len(steps)) == list(steps)

    return play


def q3(fake: FakePhanEdge, caller: Caller) -> object:
    fake.script("Success")
    asked, told = caller.query(), caller.call("retrieve").json()["file"]
    return (type(asked["file_id"]), told["file_id"]) == (str, int(asked["file_id"]))


def q4(fake: FakePhanEdge, caller: Caller) -> object:
    fake.add_job(job_id="115334141465231360")
    fake.play("query_success_int_ids")
    return '"task_id": 115334141465231360' in caller.call("query").text


def q5(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("create_rejected_1026_with_id")
    told = caller.create()
    return code(told) == 1026 and told["platform_id"] and not fake.jobs


def q6(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("create_ok_plain")
    return caller.create().keys() == {"task_id", "base_resp"}


def q7(fake: FakePhanEdge, caller: Caller) -> object:
    fake.lose_answer()
    return lost(caller) and len(fake.posts) == 1 == len(fake.jobs)


def q8(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("gateway_500_submit_failed")
    fake.play("gateway_500_submit_failed_sensitive")
    told = [caller.create()["message"] for _ in "ab"]
    return told == ["请求上游地址失败", "input new_sensitive"]


def q9(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("create_rate_limited_1002")
    fake.play("gateway_429", on="create")
    told = [caller.call("create").status_code for _ in range(3)]
    return told == [200, 429, 200] and len(fake.jobs) == 1


def q10(fake: FakePhanEdge, caller: Caller) -> object:
    fake.script("query_rate_limited", "Processing")
    told = [caller.query(fake.job_id) for _ in "ab"]
    return [code(body) for body in told] == [1002, 0] and told[0]["status"] == ""


def q11(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("query_auth_1004", times=None)
    return {code(caller.query()) for _ in range(20)} == {1004}


def q12(fake: FakePhanEdge, caller: Caller) -> object:
    fake.script("query_sensitive_no_status", {**fail(1026, "x"), "status": None})
    told = [caller.query(fake.job_id) for _ in "ab"]
    return [code(body) for body in told] == [1027, 1026] and "status" not in told[0]


def q13(fake: FakePhanEdge, caller: Caller) -> object:
    fake.script("query_fail", "query_failed_lowercase")
    told = [caller.query(fake.job_id) for _ in "ab"]
    return code(told[0]) == 0 and told[1]["error_message"] == "generation failed"


def q14(fake: FakePhanEdge, caller: Caller) -> object:
    fake.script(*["query_success_no_file_id"] * 2, "Success")
    told = [caller.query(fake.job_id)["file_id"] for _ in range(3)]
    return told == ["", "", fake.file_id]


def q15(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("gateway_404", times=3)
    told = [caller.call("query").status_code for _ in range(4)]
    return told == [404, 404, 404, 200]


def q16(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("gateway_401_quota", times=None)
    before = caller.call("query")
    fake.clear_faults()
    return "额度" in before.text and caller.call("query").status_code == 200


def q17(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("gateway_429")
    fake.play("gateway_429", retry_after=3)
    told = [caller.call("query").headers.get("Retry-After") for _ in "ab"]
    return told == [None, "3"]


def q18(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("gateway_502", times=2)
    told = [caller.call(on) for on in ("create", "query")]
    return all(a.status_code == 502 and a.text.startswith("<html>") for a in told)


def q20(fake: FakePhanEdge, caller: Caller) -> object:
    fake.script("Processing")
    return set(caller.statuses(50, fake.job_id)) == {"Processing"}


def q21(fake: FakePhanEdge, caller: Caller) -> object:
    url = fake.download_url()
    fake.expire_urls()
    told = [caller.file(it).status_code for it in (url, fake.download_url())]
    fake.fault(Fault(status=403), on="file", times=None)
    return [*told, caller.file().status_code] == [403, 200, 403]


def q22(fake: FakePhanEdge, caller: Caller) -> object:
    fake.files(host="localhost")
    caller.file(caller.call("retrieve").json()["file"]["download_url"])
    seen = fake.log("file")[0]
    return seen.token is None and seen.headers["host"].startswith("localhost")


def q23(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("retrieve_http_url", verbatim=True)
    fake.play("retrieve_no_scheme_url", verbatim=True)
    told = [caller.call("retrieve").json()["file"]["download_url"] for _ in "ab"]
    return told[0].startswith("http://files.") and told[1] == "www.downloadurl.com"


def q24(fake: FakePhanEdge, caller: Caller) -> object:
    fake.files(size=5_000_000)
    fake.play("retrieve_size_unknown")
    told = caller.call("retrieve").json()["file"]
    whole = len(caller.file(told["download_url"]).content)
    fake.fault(Fault(length_off=1), on="file")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.file()
    return (told["bytes"], whole) == (0, 5_000_000)


def q25(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("retrieve_url_empty")
    told = [caller.call("retrieve").json()["file"]["download_url"] for _ in "ab"]
    return told[0] == "" and told[1] != ""


def q26(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("content_json_error_1004")
    fake.fault(Fault(headers={"Content-Type": "application/json"}), on="content")
    error, video = caller.call("content"), caller.call("content")
    labelled = {error.headers["Content-Type"][:16], video.headers["Content-Type"]}
    return labelled == {"application/json"} and video.content[4:8] == b"ftyp"


def q27(fake: FakePhanEdge, caller: Caller) -> object:
    fake.fault(Fault(cut=0.5, no_length=True), on="content")
    told = caller.call("retrieve").json()["file"]["bytes"]
    return len(caller.call("content").content) == told // 2


def q28(fake: FakePhanEdge, caller: Caller) -> object:
    fake.options(callbacks=True)
    told = caller.create(callback_url="http://127.0.0.1:9/")
    return code(told) == 2013 and "callback url" in told["base_resp"]["status_msg"]


def q29(fake: FakePhanEdge, caller: Caller) -> object:
    sent = [{"task_id": "1", "status": word} for word in ("Success", "processing")]
    for body in (*sent, sent[0]):
        fake.call_back(body=body, url=f"{fake.url}/nobody")
    return [called.body["status"] for called in fake.callbacks] == [
        "Success",
        "processing",
        "Success",
    ]


def q30(fake: FakePhanEdge, caller: Caller) -> object:
    doubled = f"{fake.url}/minimaxi/v1/minimaxi/v1/video_generation"
    told = caller.session.post(doubled, json=REQUEST, timeout=10).status_code
    return told == 404 and fake.counts == {"unknown": 1}


def q31(fake: FakePhanEdge, caller: Caller) -> object:
    told = caller.create(model="S2V-01", first_frame_image="https://example.com/a.png")
    return code(told) == 2013 and "subject_reference" in told["base_resp"]["status_msg"]


def q32(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("create_timeout_1001", times=None)
    return {code(caller.create()) for _ in range(20)} == {1001} and not fake.jobs


def q33(fake: FakePhanEdge, caller: Caller) -> object:
    fake.play("create_rejected_2056")
    return caller.create()["base_resp"]["status_msg"] == "usage limit exceeded"


def q34(fake: FakePhanEdge, caller: Caller) -> object:
    null = Fault(
        body='{"task_id": "{job_id}", "status": "Queueing", "base_resp": null}'
    )
    fake.script("query_no_base_resp", null)
    told = [caller.query(fake.job_id) for _ in "ab"]
    return "base_resp" not in told[0] and told[1]["base_resp"] is None


QUIRKS: dict[str, Quirk] = {
    "Q1": words("Fail", "Failed", "failed", "FAIL "),
    "Q2": words("Success", "success", "SUCCESS", "task_status_succeed"),
    "Q3": q3,
    "Q4": q4,
    "Q5": q5,
    "Q6": q6,
    "Q7": q7,
    "Q8": q8,
    "Q9": q9,
    "Q10": q10,
    "Q11": q11,
    "Q12": q12,
    "Q13": q13,
    "Q14": q14,
    "Q15": q15,
    "Q16": q16,
    "Q17": q17,
    "Q18": q18,
    "Q19": words("Reviewing", "Processing", "Queueing", "Success"),
    "Q20": q20,
    "Q21": q21,
    "Q22": q22,
    "Q23": q23,
    "Q24": q24,
    "Q25": q25,
    "Q26": q26,
    "Q27": q27,
    "Q28": q28,
    "Q29": q29,
    "Q30": q30,
    "Q31": q31,
    "Q32": q32,
    "Q33": q33,
    "Q34": q34,
}


def test_no_quirk_of_the_contract_is_left_out() -> None:
    assert list(QUIRKS) == [f"Q{number}" for number in range(1, 35)]


@pytest.mark.parametrize("name", QUIRKS)
def test_a_quirk_can_be_played(fake: FakePhanEdge, caller: Caller, name: str) -> None:
    assert QUIRKS[name](fake, caller)
