// Things under /items/NAME that can be put, read, and deleted, with entity tags and conditional requests: the same
// interface as a WebDAV folder of nginx or Apache.
'use strict';
const crypto = require('crypto');
const http = require('http');

const items = new Map();

function answer(request, response, status, fields, body) {
  const content = body === undefined ? Buffer.alloc(0) : body;
  const length = status === 204 || status === 304 ? {} : { 'Content-Length': content.length };
  response.writeHead(status, { ...length, ...fields });
  response.end(request.method === 'HEAD' ? undefined : content);
}

function act(request, response, body) {
  const name = request.url;
  const item = items.get(name);
  if (request.method === 'PUT') {
    items.set(name, { body, tag: `"${crypto.createHash('sha256').update(body).digest('hex')}"` });
    answer(request, response, item ? 204 : 201, item ? {} : { Location: name });
  } else if (!item) {
    answer(request, response, 404, {});
  } else if (request.method === 'DELETE') {
    items.delete(name);
    answer(request, response, 204, {});
  } else if (request.headers['if-none-match'] === item.tag) {
    answer(request, response, 304, { ETag: item.tag });
  } else if (request.method === 'GET' || request.method === 'HEAD') {
    answer(request, response, 200, { ETag: item.tag }, item.body);
  } else {
    answer(request, response, 405, { Allow: 'GET, HEAD, PUT, DELETE' });
  }
}

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => act(request, response, Buffer.concat(pieces)));
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
