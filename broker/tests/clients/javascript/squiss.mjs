// squiss-ts: sends JSON in batches, handles it, makes one message visible again and deletes in batches of its own.

import assert from "node:assert/strict";
import { SQS } from "@aws-sdk/client-sqs";
import { S3 } from "@aws-sdk/client-s3";
import { Squiss } from "squiss-ts";

const squiss = new Squiss({
  SQS: new SQS({}),
  S3: new S3({}),
  queueName: "javascript-squiss",
  bodyFormat: "json",
  maxInFlight: 15,
  receiveWaitTimeSecs: 2,
  deleteWaitMs: 200,
  receiveAttributes: ["All"],
});

await squiss.createQueue();
const sent = await squiss.sendMessages(
  Array.from({ length: 25 }, (_, i) => ({ number: i })),
  0,
  Array.from({ length: 25 }, (_, i) => ({ number: i, name: `message ${i}` })),
);
assert.equal(sent.Successful.length, 25);

const numbers = [];
const errors = [];
let released = false;
const settled = new Promise((resolve) => {
  squiss.on("deleted", () => numbers.length === 25 && resolve());
  squiss.on("delError", (error) => errors.push(error));
  squiss.on("error", (error) => errors.push(error));
  squiss.on("message", async (message) => {
    if (message.body.number === 7 && !released) {
      released = true;
      await message.release();
      return;
    }
    assert.equal(message.attributes.number, message.body.number);
    assert.equal(message.attributes.name, `message ${message.body.number}`);
    numbers.push(message.body.number);
    await message.del();
  });
});
await squiss.start();
await settled;
await squiss.stop();
assert.deepEqual(errors, []);
assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 25 }, (_, i) => i));
const { Attributes } = await new SQS({}).getQueueAttributes({
  QueueUrl: await squiss.getQueueUrl(),
  AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
});
assert.deepEqual(Object.values(Attributes), ["0", "0"]);
await squiss.deleteQueue();
