// websocket_client.js URL COUNT: sends COUNT messages of growing and shrinking sizes, at most 100 ahead of the echoes,
// and checks each echo. Prints "COUNT echoes, closed with CODE".
'use strict';
const WebSocket = require('ws');

const [url, countText] = process.argv.slice(2);
const count = Number(countText);
const socket = new WebSocket(url, { perMessageDeflate: false });
let sent = 0;
let received = -1; // the greeting comes first

function message(number) {
  const text = `message ${number} `;
  return text.repeat(1 + (number * 37) % 50) + (number % 1000 === 0 ? 'x'.repeat(200000) : '');
}

function fill() {
  while (sent < count && sent - received < 100) {
    socket.send(message(sent));
    sent += 1;
  }
}

socket.on('message', (data) => {
  const expected = received < 0 ? 'welcome' : message(received);
  if (data.toString() !== expected) {
    console.error(`echo ${received} is wrong: ${data.toString().slice(0, 100)}`);
    process.exit(1);
  }
  received += 1;
  if (received === count) {
    socket.close(1000);
  }
  fill();
});
socket.on('close', (code) => {
  console.log(`${received} echoes, closed with ${code}`);
  process.exit(received === count ? 0 : 1);
});
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
