// Server-sent events: five of them, each sent only after the client has told (GET /seen/NUMBER) that it has the one
// before, so that a proxy that holds anything back is found out. And a page that shows them.
'use strict';
const http = require('http');

const PAGE = `<!DOCTYPE html><title>Events</title><h1 id="title">none</h1><script>
const source = new EventSource('/events');
const seen = [];
source.onmessage = (event) => {
  seen.push(event.data);
  document.getElementById('title').textContent = 'seen ' + seen.join(' ');
  fetch('/seen/' + event.data);
  if (seen.length === 5) source.close();
};
</script>`;
let stream = null;

function send(number) {
  if (stream && number <= 5) {
    stream.write(`id: ${number}\ndata: ${number}\n\n`);
  }
}

const server = http.createServer((request, response) => {
  const seen = /^\/seen\/(\d+)$/.exec(request.url);
  if (request.url === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    stream = response;
    send(1);
  } else if (seen) {
    response.end('ok');
    send(Number(seen[1]) + 1);
  } else {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(PAGE);
  }
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
