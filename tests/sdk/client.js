// The official OpenAI SDK for Node against a compiled dataplane: `client.js CASE`.
//
// The environment says where things are: BASE_URL and API_KEY of the dataplane, FAKE_URL of the model server
// behind it, SDK the folder of the SDK's package. A case passes when it throws nothing.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { default: OpenAI } = await import(createRequire(process.env.SDK).resolve("openai"));

const client = new OpenAI({
  baseURL: `${process.env.BASE_URL}/v1`,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
  timeout: 30_000,
});
const model = process.env.MODEL;
const messages = [{ role: "user", content: "Hello" }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** Directs the model server behind the dataplane. */
async function fake(method, path, body) {
  const response = await fetch(process.env.FAKE_URL + path, { method, body: body && JSON.stringify(body) });
  assert.equal(response.status, 200);
  return response.json();
}

const chatPath = "/v1/chat/completions";

/** What the model server does with chats. The gateway's health checks are answered as ever. */
const script = (action) => fake("POST", "/_fake/script", { rules: [{ path: chatPath, action }] });

/** The latest chat, once so many have ended. The gateway's health checks are requests as well. */
async function endedChat(number) {
  for (let count = number; ; ) {
    const { requests } = await fake("GET", `/_fake/received?ended=${count}`);
    const ended = requests.filter((request) => request.outcome);
    const chats = ended.filter((request) => request.path === chatPath);
    if (chats.length >= number) return chats.at(-1);
    count = ended.length + 1;
  }
}

const say = (options = {}, using = client) => using.chat.completions.create({ model, messages, ...options });

/** The error of this class that the promise ends with. */
async function rejects(promise, kind) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.constructor.name, kind.name, error.stack);
    return error;
  }
  assert.fail(`no ${kind.name}`);
}

async function collect(iterable, into = []) {
  for await (const item of iterable) into.push(item);
  return into;
}

const cases = {
  async chat() {
    const answer = await say();
    assert.equal(answer.choices[0].message.content, "You said: Hello");
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, 4);
  },

  async chat_with_alternatives() {
    const answer = await say({ n: 2, max_tokens: 2 });
    assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1]);
    assert.equal(answer.choices[1].finish_reason, "length");
  },

  async stream() {
    const chunks = await collect(await say({ stream: true }));
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
    assert.equal(text, "You said: Hello");
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  },

  async stream_with_usage() {
    const chunks = await collect(await say({ stream: true, stream_options: { include_usage: true } }));
    const usages = chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage.total_tokens);
    assert.deepEqual(usages, [4]);
    assert.deepEqual(chunks.at(-1).choices, []);
  },

  async completion() {
    const answer = await client.completions.create({ model, prompt: "Hello" });
    assert.equal(answer.choices[0].text, "You said: Hello");
  },

  async embeddings() {
    // The SDK asks for base64 and decodes it by itself.
    const answer = await client.embeddings.create({ model: "embed", input: ["a cat", "a dog"], dimensions: 64 });
    assert.deepEqual(answer.data.map((datum) => datum.index), [0, 1]);
    const vector = answer.data[0].embedding;
    assert.equal(vector.length, 64);
    const length = vector.reduce((sum, component) => sum + component * component, 0);
    assert.ok(Math.abs(length - 1) < 1e-4);
  },

  async models() {
    const names = (await collect(await client.models.list())).map((entry) => entry.id);
    assert.ok(names.includes("chat") && names.includes("embed"), names);
    assert.equal((await client.models.retrieve("chat")).id, "chat");
    await rejects(client.models.retrieve("nothing"), OpenAI.NotFoundError);
  },

  async tools() {
    const first = await say({ tools: [weather] });
    const [call] = first.choices[0].message.tool_calls;
    assert.equal(call.function.name, "weather");
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "text" });
    const result = { role: "tool", tool_call_id: call.id, content: "sunny" };
    const conversation = [...messages, first.choices[0].message, result];
    const second = await say({ messages: conversation, tools: [weather] });
    assert.equal(second.choices[0].finish_reason, "stop");
  },

  async tools_streamed() {
    const answer = await client.chat.completions.stream({ model, messages, tools: [weather] }).finalChatCompletion();
    const [call] = answer.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "text" });
    assert.equal(answer.choices[0].finish_reason, "tool_calls");
  },

  async fallback() {
    const { data, response } = await say({ model: "chat-large" }).withResponse();
    assert.equal(response.headers.get("x-fallback-model"), "chat");
    assert.equal(data.choices[0].message.content, "You said: Hello");
  },

  async no_such_model() {
    const error = await rejects(say({ model: "gpt-9" }), OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.ok(error.requestID);
  },

  async malformed() {
    const error = await rejects(say({ model: 7 }), OpenAI.BadRequestError);
    assert.equal(error.param, "model");
  },

  async wrong_key() {
    const other = client.withOptions({ apiKey: "not-a-key" });
    const error = await rejects(say({}, other), OpenAI.AuthenticationError);
    assert.equal(error.status, 401);
  },

  async forbidden_model() {
    await rejects(say({ model: "cloud-mini" }), OpenAI.PermissionDeniedError);
  },

  async refused_by_the_model() {
    for (const [status, kind] of [[400, OpenAI.BadRequestError], [422, OpenAI.UnprocessableEntityError]]) {
      const body = JSON.stringify({ error: { message: "too long", code: "context_length_exceeded" } });
      await script({ respond: { status, body } });
      const error = await rejects(say(), kind);
      assert.equal(error.code, "context_length_exceeded");
    }
  },

  async busy() {
    await script({ respond: { status: 429, headers: { "retry-after": "7" } } });
    const error = await rejects(say(), OpenAI.RateLimitError);
    assert.equal(error.headers.get("retry-after"), "7");
  },

  async broken() {
    for (const action of [{ respond: { status: 500 } }, "reset", { raw: "NOT HTTP\r\n\r\n" }]) {
      await script(action);
      const error = await rejects(say(), OpenAI.InternalServerError);
      assert.equal(error.status, 502);
      assert.match(error.message, /`cloud`/);
    }
  },

  async timeout() {
    await script("stall");
    await rejects(say({}, client.withOptions({ timeout: 300 })), OpenAI.APIConnectionTimeoutError);
  },

  async error_in_a_stream() {
    await script({ stream: { count: 2, ending: "reset" } });
    const chunks = [];
    const error = await rejects(collect(await say({ stream: true }), chunks), OpenAI.APIError);
    assert.equal(chunks.length, 2);
    assert.ok(error.message);
  },

  async abort() {
    await script({ stream: { count: 5, gated: true } });
    let best = 1000;
    // Until it was at once: the machine may be busy.
    for (let number = 1; number <= 30 && best >= 100; number += 1) {
      const answer = await say({ stream: true });
      const { value } = await answer[Symbol.asyncIterator]().next();
      assert.equal(value.choices[0].delta.content, "word1 ");
      const since = performance.now();
      answer.controller.abort();
      const ended = await endedChat(number);
      best = Math.min(best, performance.now() - since);
      assert.ok(ended.outcome.aborted);
    }
    assert.ok(best < 100, `it took ${best} ms`);
  },
};

await cases[process.argv[2]]();
