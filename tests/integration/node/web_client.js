// web_client.js URL COUNT: COUNT GET requests over a few keep-alive connections. Prints "COUNT answers: BODY" when all
// were the same and none failed.
'use strict';
const https = require('https');

const [url, countText] = process.argv.slice(2);
const count = Number(countText);
const agent = new https.Agent({ keepAlive: true, maxSockets: 8 });
const bodies = new Set();
let answers = 0;

function ask() {
  return new Promise((resolve, reject) => {
    https.get(url, { agent }, (response) => {
      let body = '';
      response.on('data', (data) => { body += data; });
      response.on('end', () => {
        bodies.add(`${response.statusCode === 200 ? '' : response.statusCode}${body}`);
        answers += 1;
        resolve();
      });
    }).on('error', reject);
  });
}

Promise.all(Array.from({ length: count }, ask)).then(() => {
  console.log(`${answers} answers: ${[...bodies].join(' | ')}`);
  agent.destroy();
}, (error) => {
  console.error(error.message);
  process.exit(1);
});
