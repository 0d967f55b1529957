"""The classification of replies by their consequence for billing."""

from __future__ import annotations

import json

import pytest

from exquisite.api.outcome import MAX_WORDS, Kind, Reply, judge, server_message


def error(code: str | None = None, message: str = "no", **more: object) -> bytes:
    return json.dumps({"error": {"message": message, "type": "t", "code": code, **more}}).encode()


def kind(status: int, body: bytes = b"", **headers: str) -> Kind:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(Reply(status, named, body), 0.0).kind


HTML = b"<html><head><title>503 Backend\n down</title></head></html>"


@pytest.mark.parametrize("status", [200, 201, 204])
@pytest.mark.parametrize("body", [b"", HTML, error(), b'{"data": []}'])
def test_every_2xx_is_an_answer_whatever_its_content(status: int, body: bytes) -> None:
    assert kind(status, body) is Kind.ANSWERED


@pytest.mark.parametrize("status", [408, 409, 499, 500, 502, 504, 520, 524, 599])
@pytest.mark.parametrize("body", [b"", HTML, error("server_error"), error("rate_limit_exceeded")])
def test_a_reply_that_may_have_been_billed_is_unknown(status: int, body: bytes) -> None:
    assert kind(status, body, x_should_retry="true", retry_after="1") is Kind.UNKNOWN


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 402, 403, 404, 405, 413, 415, 422])
@pytest.mark.parametrize("body", [b"", HTML, error("invalid_value")])
def test_a_request_that_the_server_will_never_serve_is_refused(status: int, body: bytes) -> None:
    assert kind(status, body) is Kind.REFUSED


@pytest.mark.parametrize("body", [error("rate_limit_exceeded"), error("slow_down"), b"", HTML, b'{"detail": "slow"}'])
def test_too_many_requests_are_certainly_refused(body: bytes) -> None:
    assert kind(429, body) is Kind.BUSY


def test_only_a_message_of_the_server_itself_means_busy() -> None:
    assert kind(503, error("server_is_overloaded")) is Kind.BUSY
    assert kind(503, b'{"error": "loading model"}') is Kind.BUSY
    for from_an_edge in (b"", HTML, b"{}", b'{"error": null}', b'{"error": {', b"[]", b'{"detail": "down"}'):
        assert kind(503, from_an_edge) is Kind.UNKNOWN


@pytest.mark.parametrize("status", [400, 402, 403, 429])
@pytest.mark.parametrize(
    "code",
    ["billing_hard_limit_reached", "insufficient_quota", "credit_balance_exhausted", "project_spend_limit_exceeded"],
)
def test_an_account_without_money_is_not_retried(status: int, code: str) -> None:
    verdict = judge(Reply(status, {}, error(code)), 0.0)
    assert verdict.kind is Kind.REFUSED
    assert "add credit" in verdict.advice
    by_type = json.dumps({"error": {"message": "no", "type": code, "code": None}}).encode()
    assert kind(status, by_type) is Kind.REFUSED


@pytest.mark.parametrize(
    "message",
    [
        "litellm.RateLimitError: OpenAIException - Error code: 429 - {'error': {'type': 'insufficient_quota'}}",
        "RateLimitError: You exceeded your current quota, please check your plan and billing details.",
        "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0 (budget_exceeded)",
    ],
)
def test_an_account_without_money_is_recognized_behind_a_proxy(message: str) -> None:
    """A proxy puts its own code, or the status, in the place of the server's."""
    body = json.dumps({"error": {"message": message, "type": "throttling_error", "code": "429"}}).encode()
    verdict = judge(Reply(429, {}, body), 0.0)
    assert verdict.kind is Kind.REFUSED
    assert "add credit" in verdict.advice
    by_type = json.dumps({"error": {"message": "no", "type": "insufficient_quota", "code": "429"}}).encode()
    assert kind(429, by_type) is Kind.REFUSED


@pytest.mark.parametrize(
    "message",
    [
        "You exceeded your current quota. Please retry in 34s.",
        "Rate limit reached for images per min. Please try again in 12s.",
        "the deployment insufficient_quotas_per_minute is busy",
    ],
)
def test_a_temporary_quota_is_waited_for(message: str) -> None:
    assert kind(429, error("429", message)) is Kind.BUSY


def test_a_refused_key_is_named_by_its_place() -> None:
    advice = judge(Reply(401, {}, error(None), key_source="the variable X_KEY"), 0.0).advice
    assert advice == "check the key; it comes from the variable X_KEY"


def test_a_reply_may_set_the_wait_and_forbid_a_retry() -> None:
    body = error("rate_limit_exceeded", "Limit 5 input-images per min. Please try again in 12s.")
    verdict = judge(Reply(429, {"x-should-retry": "False"}, body), 0.0)
    assert (verdict.wait_s, verdict.retry) == (12.0, False)
    assert judge(Reply(429, {"retry-after-ms": "20"}, body), 0.0).wait_s == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (400, "moderation_blocked", "change the words"),
        (400, "invalid_mask_image_format", "mask field"),
        (400, "unknown_parameter", "omit_fields"),
        (400, "something_new", "what the message names"),
        (401, "invalid_api_key", "check the key"),
        (403, None, "permissions"),
        (404, "model_not_found", "another model"),
        (404, None, "base URL"),
        (307, None, "redirects are not followed"),
        (418, None, "what the message names"),
    ],
)
def test_a_refusal_names_the_remedy(status: int, code: str | None, advice: str) -> None:
    assert advice in judge(Reply(status, {}, error(code)), 0.0).advice


def test_the_reason_has_the_servers_message_and_the_id_of_the_request() -> None:
    body = error("invalid_value", "size is wrong", param="size")
    reason = judge(Reply(400, {"x-request-id": "req_7"}, body), 0.0).reason
    assert reason == "status 400 invalid_value: size is wrong (parameter size) [request req_7]"


@pytest.mark.parametrize(
    ("body", "words", "is_json_error"),
    [
        (error(None, "plain"), "plain", True),
        (b'{"error": "a string"}', "a string", True),
        (b'{"detail": "a detail"}', "a detail", False),
        (b'{"detail": [{"msg": "field required"}]}', '[{"msg": "field required"}]', False),
        (HTML, "503 Backend down", False),
        (b"plain text", "plain text", False),
        (b"", "", False),
        (b"\xff\xfe\x00", "� � ".strip(), False),
        (b"3", "3", False),
        (b'{"error": {"message": 5, "code": 7}}', "5", True),
    ],
)
def test_errors_are_read_in_every_usual_form(body: bytes, words: str, is_json_error: bool) -> None:
    message = server_message(body)
    assert message.is_json_error == is_json_error
    if not body.startswith(b"\xff"):
        assert message.text == words


def test_control_characters_and_long_messages_are_cut() -> None:
    words = server_message(error(None, "\x1b[2Jred\u202e\r\n" + "x" * 100_000)).text
    assert words.startswith("[2Jred xxx")
    assert len(words) == MAX_WORDS
    assert words.isprintable()
