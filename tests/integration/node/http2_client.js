// http2_client.js URL COUNT SIZE: COUNT requests at once on one connection, then one with a body of SIZE bytes that comes back and a
// field of trailers. Prints what it was answered.
'use strict';
const fs = require('fs');
const http2 = require('http2');

const [url, countText, sizeText] = process.argv.slice(2);
const ca = fs.readFileSync(process.env.NODE_EXTRA_CA_CERTS);
const session = http2.connect(url, { ca });
const bodies = new Set();

session.on('error', (error) => {
  console.error(`session: ${error.message}`);
  process.exit(1);
});

function ask(headers, body, trailers) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined, waitForTrailers: trailers !== undefined });
    const parts = [];
    let status;
    stream.on('response', (fields) => { status = fields[':status']; });
    stream.on('data', (data) => parts.push(data));
    stream.on('end', () => resolve({ status, body: Buffer.concat(parts) }));
    stream.on('error', reject);
    if (body !== undefined) {
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end(body);
    }
  });
}

async function main() {
  const count = Number(countText);
  const answers = await Promise.all(Array.from({ length: count }, () => ask({ ':path': '/' })));
  answers.forEach(({ status, body }) => bodies.add(`${status} ${body}`));
  const body = Buffer.alloc(Number(sizeText), 'node');
  const echo = await ask({ ':path': '/echo', ':method': 'POST' }, body, { 'x-sum': '1' });
  const same = echo.body.equals(body);
  console.log(`${session.alpnProtocol}: ${answers.length} answers: ${[...bodies].join(' | ')}; ${same ? 'echo' : 'no echo'}`);
  session.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
