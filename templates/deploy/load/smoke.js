// {{ header }}
//
// Does it work at all? One user, ten requests, each of which must be answered.
//
//   k6 run {% if credential %}-e API_KEY=$API_KEY {% endif %}smoke.js

import { sleep } from 'k6';
import { ask } from './gateway.js';

export const options = {
  vus: 1,
  iterations: 10,
  thresholds: {
    checks: ['rate==1'],
    gateway_refused: ['count==0'],
    gateway_server_errors: ['rate==0'],
  },
};

export default function () {
  ask();
  sleep(1);
}
