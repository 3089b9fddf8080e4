// {{ header }}
//
// What the load tests share: whom they ask, what, and what must hold. Settings, each with `-e NAME=VALUE`:
//   BASE_URL  where the gateway is{% if credential %}
//   API_KEY   who asks: {{ credential }}{% endif %}
//   MODELS    what is asked for, in turn, with commas between
//   TOKENS    the most that an answer may have

import http from 'k6/http';
import { check } from 'k6';
import { Counter, Rate } from 'k6/metrics';

const url = __ENV.BASE_URL || {{ literal.url }};
const models = (__ENV.MODELS || {{ literal.model }}).split(',');
const tokens = Number(__ENV.TOKENS || 64);
{%- if credential %}

if (!__ENV.API_KEY) {
  throw new Error('set API_KEY: k6 run -e API_KEY=...');
}
{%- endif %}

// Answers with a status of 500 or more, and requests without an answer.
const serverErrors = new Rate('gateway_server_errors');

// Answers 429: more than limits or upstreams take.
const refused = new Counter('gateway_refused');

// What the spec promises.
export const promises = {
{%- for threshold in thresholds %}
{%- for promise in threshold.promises %}
  // [{{ promise.path }}]: {{ promise.what }}.
{%- endfor %}
  {{ threshold.metric }}: [{{ threshold.expressions | join(", ") }}],
{%- endfor %}
};

// Asks the next model, every other time for a stream. A stream is timed as a whole too; its `http_req_waiting` is the
// time to its first byte, which no first token precedes.
export function ask() {
  const model = models[__ITER % models.length];
  const streamed = __ITER % 2 === 1;
  const body = JSON.stringify({
    model,
    stream: streamed,
    max_tokens: tokens,
    messages: [{ role: 'user', content: 'Tell me about the sea, in a few sentences.' }],
  });
  const headers = { 'content-type': 'application/json' };
{%- if credential %}
  headers.authorization = `Bearer ${__ENV.API_KEY}`;
{%- endif %}
  const response = http.post(`${url}{{ path }}`, body, {
    headers,
    tags: { model, streamed: String(streamed) },
    timeout: {{ literal.timeout }},
  });
  serverErrors.add(response.status === 0 || response.status >= 500);
  if (response.status === 429) {
    refused.add(1);
  }
  check(response, {
    'is answered or refused': (it) => it.status === 200 || it.status === 429,
    'a refusal says when to come back': (it) => it.status !== 429 || it.headers['Retry-After'] !== undefined,
    'a stream is whole': (it) => it.status !== 200 || !streamed || it.body.trimEnd().endsWith('data: [DONE]'),
  });
  return response;
}
