// echo.js PORT: a WebSocket server on 127.0.0.1 that sends every message back.
"use strict";
const { WebSocketServer } = require("ws");

const options = { host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false, backlog: 4096 };
new WebSocketServer(options).on("connection", (client) => {
    client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
    client.on("error", () => client.terminate());
});
