// {{ header }}
//
// Ten times the users of `baseline.js` at once, without a warning. Requests may be refused (429), but not fail, and
// the users before and after must not notice.
//
//   k6 run {% if credential %}-e API_KEY=$API_KEY {% endif %}-e SPIKE=100 spike.js

import { sleep } from 'k6';
import { ask } from './gateway.js';

const spike = Number(__ENV.SPIKE || 100);

export const options = {
  stages: [
    { duration: '30s', target: 5 },
    { duration: '2s', target: spike },
    { duration: '30s', target: spike },
    { duration: '2s', target: 5 },
    { duration: '1m', target: 5 },
  ],
  thresholds: {
    checks: ['rate>0.99'],
    gateway_server_errors: ['rate<0.01'],
  },
};

export default function () {
  ask();
  sleep(1);
}
