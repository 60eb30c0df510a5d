// Preloaded with `node --require`: whatever host a server asks for (these ask for none: every address), it gets 127.0.0.1.
"use strict";
const net = require("node:net");

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
  const port = Number(typeof args[0] === "object" && args[0] !== null ? args[0].port : args[0]);
  const callbacks = args.filter((arg) => typeof arg === "function");
  return listen.call(this, { host: "127.0.0.1", port }, ...callbacks);
};
