// sqs-producer and sqs-consumer: what the one sends in batches, the other handles and deletes. A message whose handler
// fails is handled again.

import assert from "node:assert/strict";
import { SQSClient, CreateQueueCommand } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { Producer } from "sqs-producer";

const sqs = new SQSClient({});

async function created(QueueName, Attributes) {
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl;
}

/** Handles messages until `count` are done. Returns their bodies in the order of arrival. */
async function consume(queueUrl, count, options = {}) {
  const bodies = [];
  const failed = new Set();
  const errors = [];
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const consumer = Consumer.create({
    queueUrl,
    sqs,
    waitTimeSeconds: 5,
    terminateVisibilityTimeout: true,
    handleMessage: async (message) => {
      if (message.Body === "fails-once" && !failed.has(message.Body)) {
        failed.add(message.Body);
        throw new Error(message.Body);
      }
      bodies.push(message.Body);
      if (bodies.length === count) finish();
      return message;
    },
    ...options,
  });
  consumer.on("error", (error) => errors.push(error));
  consumer.on("timeout_error", (error) => errors.push(error));
  consumer.start();
  await finished;
  const stopped = new Promise((resolve) => consumer.once("stopped", resolve));
  consumer.stop();
  await stopped;
  assert.deepEqual(errors, []);
  return bodies;
}

const queueUrl = await created("javascript-producer");
const producer = Producer.create({ queueUrl, sqs });
const bodies = Array.from({ length: 25 }, (_, i) => `body-${i}`);
const sent = await producer.send([...bodies, "fails-once"]);
assert.equal(sent.length, 26);
const consumed = await consume(queueUrl, 26, { batchSize: 10 });
assert.deepEqual(consumed.sort(), [...bodies, "fails-once"].sort());
assert.equal(await producer.queueSize(), 0);

const fifoUrl = await created("javascript-producer.fifo", { FifoQueue: "true" });
const ordered = ["1", "2", "3"].map((body) => ({ id: body, body, groupId: "g", deduplicationId: body }));
await Producer.create({ queueUrl: fifoUrl, sqs }).send(ordered);
assert.deepEqual(await consume(fifoUrl, 3), ["1", "2", "3"]);
