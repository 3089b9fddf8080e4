// {{ header }}
//
// What users see on a usual day: one, then five, then ten of them at once, for a minute each. The spec's promises must
// hold.
//
//   k6 run {% if credential %}-e API_KEY=$API_KEY {% endif %}baseline.js

import { sleep } from 'k6';
import { ask, promises } from './gateway.js';

export const options = {
  stages: [
    { duration: '5s', target: 1 },
    { duration: '1m', target: 1 },
    { duration: '5s', target: 5 },
    { duration: '1m', target: 5 },
    { duration: '5s', target: 10 },
    { duration: '1m', target: 10 },
    { duration: '5s', target: 0 },
  ],
  thresholds: { checks: ['rate>0.99'], ...promises },
};

export default function () {
  ask();
  sleep(1);
}
