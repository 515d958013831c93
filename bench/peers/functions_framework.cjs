// functions_framework.cjs PORT KEY CERT CODE: npm's @google-cloud/functions-framework as published, its own server behind node's TLS,
// without a proxy between them: the fastest way to put it behind TLS.
const fs = require("node:fs");
const https = require("node:https");
const framework = require("@google-cloud/functions-framework");
const { getTestServer } = require("@google-cloud/functions-framework/testing");

const [port, key, certificate, code] = process.argv.slice(2);
const work = new Function(`${fs.readFileSync(code, "utf8")}; return work;`)();
framework.http("work", (request, response) => response.json(work[request.body.what](request.body)));
const [listener] = getTestServer("work").listeners("request");
https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate), minVersion: "TLSv1.3" }, listener).listen(Number(port), "127.0.0.1");
