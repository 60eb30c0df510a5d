// Preloaded with `node --require`: spector asks git for the commit of its scenarios, and an npm package has none.
"use strict";
const childProcess = require("node:child_process");
const { syncBuiltinESMExports } = require("node:module");

childProcess.execSync = () => Buffer.from("unknown");
syncBuiltinESMExports();
