"""The official OpenAI SDK for Python against a compiled dataplane: `client.py CASE`.

The environment says where things are: BASE_URL and API_KEY of the dataplane, FAKE_URL of the model server
behind it. A case passes when it raises nothing.
"""

import json
import os
import sys
import time
import urllib.request

import openai

client = openai.OpenAI(
    base_url=os.environ["BASE_URL"] + "/v1",
    api_key=os.environ["API_KEY"],
    max_retries=0,
    timeout=30,
)
MODEL = os.environ["MODEL"]
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}

CHAT = "/v1/chat/completions"


def fake(method, path, body=None):
    """Directs the model server behind the dataplane."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["FAKE_URL"] + path, data, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def script(action):
    """What the model server does with chats. The gateway's health checks are answered as ever."""
    fake("POST", "/_fake/script", {"rules": [{"path": CHAT, "action": action}]})


def ended_chat(number):
    """The latest chat, once so many have ended. The gateway's health checks are requests as well."""
    count = number
    while True:
        requests = fake("GET", f"/_fake/received?ended={count}")["requests"]
        ended = [request for request in requests if request["outcome"]]
        chats = [request for request in ended if request["path"] == CHAT]
        if len(chats) >= number:
            return chats[-1]
        count = len(ended) + 1


def raises(kind, act=None):
    """The error of this class that a chat ends with."""
    act = act or (lambda: client.chat.completions.create(model=MODEL, messages=HELLO))
    try:
        act()
    except kind as error:
        assert type(error) is kind, f"{type(error)} is not {kind}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def chat():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == "You said: Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 4


def chat_with_alternatives():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, n=2, max_tokens=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[1].finish_reason == "length"


def stream():
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "You said: Hello", text
    assert chunks[-1].choices[0].finish_reason == "stop"


def stream_with_usage():
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [4]
    assert chunks[-1].choices == []


def completion():
    answer = client.completions.create(model=MODEL, prompt="Hello")
    assert answer.choices[0].text == "You said: Hello"


def embeddings():
    # The SDK asks for base64 and decodes it by itself.
    answer = client.embeddings.create(model="embed", input=["a cat", "a dog"], dimensions=64)
    assert [datum.index for datum in answer.data] == [0, 1]
    vector = answer.data[0].embedding
    assert len(vector) == 64
    assert abs(sum(component * component for component in vector) - 1) < 1e-4


def models():
    names = [model.id for model in client.models.list()]
    assert "chat" in names and "embed" in names, names
    assert client.models.retrieve("chat").id == "chat"
    raises(openai.NotFoundError, lambda: client.models.retrieve("nothing"))


def tools():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, tools=[WEATHER])
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "text"})
    messages = [
        *HELLO,
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert answer.choices[0].finish_reason == "stop"


def tools_streamed():
    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=[WEATHER]) as events:
        answer = events.get_final_completion()
    call = answer.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "text"}
    assert answer.choices[0].finish_reason == "tool_calls"


def fallback():
    raw = client.chat.completions.with_raw_response.create(model="chat-large", messages=HELLO)
    assert raw.headers["x-fallback-model"] == "chat"
    assert raw.parse().choices[0].message.content == "You said: Hello"


def no_such_model():
    error = raises(
        openai.NotFoundError,
        lambda: client.chat.completions.create(model="gpt-9", messages=HELLO),
    )
    assert error.code == "model_not_found" and error.request_id, error


def malformed():
    error = raises(
        openai.BadRequestError,
        lambda: client.chat.completions.create(model=7, messages=HELLO),
    )
    assert error.param == "model", error


def wrong_key():
    other = client.with_options(api_key="not-a-key")
    error = raises(
        openai.AuthenticationError,
        lambda: other.chat.completions.create(model=MODEL, messages=HELLO),
    )
    assert error.status_code == 401


def forbidden_model():
    raises(
        openai.PermissionDeniedError,
        lambda: client.chat.completions.create(model="cloud-mini", messages=HELLO),
    )


def refused_by_the_model():
    for status, kind in [(400, openai.BadRequestError), (422, openai.UnprocessableEntityError)]:
        body = json.dumps({"error": {"message": "too long", "code": "context_length_exceeded"}})
        script({"respond": {"status": status, "body": body}})
        error = raises(kind)
        assert error.code == "context_length_exceeded", error


def busy():
    script({"respond": {"status": 429, "headers": {"retry-after": "7"}}})
    error = raises(openai.RateLimitError)
    assert error.response.headers["retry-after"] == "7"


def broken():
    for action in [{"respond": {"status": 500}}, "reset", {"raw": "NOT HTTP\r\n\r\n"}]:
        script(action)
        error = raises(openai.InternalServerError)
        assert error.status_code == 502 and "`cloud`" in error.message, error


def timeout():
    script("stall")
    hasty = client.with_options(timeout=0.3)
    raises(
        openai.APITimeoutError,
        lambda: hasty.chat.completions.create(model=MODEL, messages=HELLO),
    )


def error_in_a_stream():
    script({"stream": {"count": 2, "ending": "reset"}})
    chunks = []

    def read():
        for chunk in client.chat.completions.create(model=MODEL, messages=HELLO, stream=True):
            chunks.append(chunk)

    error = raises(openai.APIError, read)
    assert len(chunks) == 2 and error.message, error


def abort():
    script({"stream": {"count": 5, "gated": True}})
    best = 1.0
    for number in range(1, 31):  # until it was at once: the machine may be busy
        answer = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        assert next(answer).choices[0].delta.content == "word1 "
        since = time.monotonic()
        answer.close()
        ended = ended_chat(number)
        best = min(best, time.monotonic() - since)
        assert ended["outcome"]["aborted"], ended
        if best < 0.1:
            return
    raise AssertionError(f"it took {best:.3f} s")


globals()[sys.argv[1]]()
