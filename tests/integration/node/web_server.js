// A plain node http server: says what it was asked, and echoes what was posted, streaming.
'use strict';
const http = require('http');

const server = http.createServer((request, response) => {
  if (request.method === 'POST') {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    request.pipe(response);
    return;
  }
  response.setHeader('X-Server', 'node');
  response.end(`${request.method} ${request.url} for ${request.headers['x-forwarded-for']}\n`);
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
