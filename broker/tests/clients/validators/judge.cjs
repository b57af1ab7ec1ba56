// Lets one validator of npm judge every envelope of a directory: judge.cjs PACKAGE DIRECTORY.
"use strict";

const fs = require("fs");
const path = require("path");

const [name, directory] = process.argv.slice(2);
const Validator = require(name);
const validator = new Validator();

// sns-validator leaves the token out of what it verifies of an unsubscription. SNS signs it, so that its own are
// refused, too.
const refusedForItsOwnFault = (file) => name === "sns-validator" && file.includes("-unsubscription");

const accepts = (envelope) =>
  new Promise((resolve) => validator.validate(envelope, (error) => resolve(error ? error.message : true)));

(async () => {
  let wrong = 0;
  for (const file of fs.readdirSync(directory).sort()) {
    const envelope = JSON.parse(fs.readFileSync(path.join(directory, file), "utf8"));
    const expected = !file.includes(".changed.") && !refusedForItsOwnFault(file);
    const found = await accepts(envelope);
    const right = (found === true) === expected;
    wrong += right ? 0 : 1;
    console.log(`${right ? "ok  " : "FAIL"} ${file}: ${found === true ? "accepted" : `refused (${found})`}`);
  }
  process.exit(wrong === 0 ? 0 : 1);
})();
