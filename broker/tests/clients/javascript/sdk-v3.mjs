// The SDK for JavaScript, version 3. It checks the MD5 of what it sends and receives.

import assert from "node:assert/strict";
import { SNS } from "@aws-sdk/client-sns";
import { QueueDoesNotExist, SQS, paginateListQueues } from "@aws-sdk/client-sqs";

const sqs = new SQS({});
const sns = new SNS({});

async function receive(QueueUrl, parameters = {}) {
  return (await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 5, ...parameters })).Messages ?? [];
}

/** Receives and deletes `count` messages. Returns their bodies in the order of arrival. */
async function drain(QueueUrl, count) {
  const bodies = [];
  while (bodies.length < count) {
    const messages = await receive(QueueUrl, { MaxNumberOfMessages: 10 });
    assert.notEqual(messages.length, 0, `${bodies.length} of ${count} messages came`);
    bodies.push(...messages.map((message) => message.Body));
    const Entries = messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle }));
    const deleted = await sqs.deleteMessageBatch({ QueueUrl, Entries });
    assert.equal(deleted.Successful.length, messages.length);
  }
  return bodies;
}

async function oneMessage(QueueUrl) {
  const MessageAttributes = {
    text: { DataType: "String", StringValue: "ü & <b>" },
    bytes: { DataType: "Binary", BinaryValue: Uint8Array.from([0, 1, 254, 255]) },
  };
  const sent = await sqs.sendMessage({ QueueUrl, MessageBody: "first: ü & <b>\t\n", MessageAttributes });
  const asked = { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] };
  const [message] = await receive(QueueUrl, asked);
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.Body, "first: ü & <b>\t\n");
  assert.equal(message.MessageAttributes.text.StringValue, "ü & <b>");
  assert.deepEqual([...message.MessageAttributes.bytes.BinaryValue], [0, 1, 254, 255]);
  await sqs.changeMessageVisibility({ QueueUrl, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 });
  const [again] = await receive(QueueUrl, asked);
  assert.equal(again.Attributes.ApproximateReceiveCount, "2");
  await sqs.deleteMessage({ QueueUrl, ReceiptHandle: again.ReceiptHandle });
}

async function batch(QueueUrl) {
  const bodies = Array.from({ length: 10 }, (_, i) => `body ${i}`);
  const Entries = bodies.map((MessageBody, i) => ({ Id: `e${i}`, MessageBody }));
  const sent = await sqs.sendMessageBatch({ QueueUrl, Entries });
  assert.equal(sent.Successful.length, 10);
  assert.deepEqual((await drain(QueueUrl, 10)).sort(), bodies);
}

async function longPoll(QueueUrl) {
  const waiting = drain(QueueUrl, 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await sqs.sendMessage({ QueueUrl, MessageBody: "late" });
  assert.deepEqual(await waiting, ["late"]);
}

async function fifo() {
  const Attributes = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  const { QueueUrl } = await sqs.createQueue({ QueueName: "javascript-v3.fifo", Attributes });
  for (const MessageBody of ["1", "2", "2", "3"]) {
    await sqs.sendMessage({ QueueUrl, MessageBody, MessageGroupId: "g" });
  }
  assert.deepEqual(await drain(QueueUrl, 3), ["1", "2", "3"]);
  assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 0 }), []);
}

async function topic(QueueUrl) {
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
  const { TopicArn } = await sns.createTopic({ Name: "javascript-v3" });
  const subscription = { RawMessageDelivery: "true", FilterPolicy: '{"plan":["gold"]}' };
  await sns.subscribe({ TopicArn, Protocol: "sqs", Endpoint: Attributes.QueueArn, Attributes: subscription });
  const PublishBatchRequestEntries = ["free", "gold"].map((plan) => ({
    Id: plan,
    Message: `to ${plan}`,
    MessageAttributes: { plan: { DataType: "String", StringValue: plan } },
  }));
  const published = await sns.publishBatch({ TopicArn, PublishBatchRequestEntries });
  assert.equal(published.Successful.length, 2);
  assert.deepEqual(await drain(QueueUrl, 1), ["to gold"]);
  await sns.deleteTopic({ TopicArn });
}

async function pages() {
  const made = [];
  for (let i = 0; i < 5; i += 1) made.push((await sqs.createQueue({ QueueName: `javascript-page-${i}` })).QueueUrl);
  const listed = [];
  for await (const page of paginateListQueues({ client: sqs, pageSize: 2 }, { QueueNamePrefix: "javascript-page-" })) {
    listed.push(...page.QueueUrls);
  }
  assert.deepEqual(listed.sort(), made);
}

const { QueueUrl } = await sqs.createQueue({ QueueName: "javascript-v3", tags: { team: "shop" } });
assert.equal((await sqs.getQueueUrl({ QueueName: "javascript-v3" })).QueueUrl, QueueUrl);
assert.deepEqual((await sqs.listQueueTags({ QueueUrl })).Tags, { team: "shop" });
await oneMessage(QueueUrl);
await batch(QueueUrl);
await longPoll(QueueUrl);
await fifo();
await topic(QueueUrl);
await pages();
await sqs.deleteQueue({ QueueUrl });
await assert.rejects(sqs.getQueueUrl({ QueueName: "javascript-v3" }), QueueDoesNotExist);
